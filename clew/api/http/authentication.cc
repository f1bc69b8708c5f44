// SPDX-License-Identifier: Apache-2.0
#include "clew/api/http/authentication.h"

#include <algorithm>
#include <any>
#include <optional>
#include <utility>

#include "clew/api/http/error.h"
#include "clew/auth/authorization.h"

namespace clew::api::http {

using Principal = std::shared_ptr<const auth::Grant>;

net::HttpRouter::Filter TokenFilter(std::shared_ptr<auth::TokenFile> tokens, std::vector<std::string> open_paths) {
  return [tokens = std::move(tokens),
          open = std::move(open_paths)](net::HttpRequest& head) -> std::optional<net::HttpRouter::Refusal> {
    if (std::ranges::find(open, head.path) != open.end()) return std::nullopt;
    auto grant = tokens->Authenticate(head.headers.Get("Authorization"));
    if (!grant) {
      // Two fields rather than one list: some clients look at the first scheme only.
      return net::HttpRouter::Refusal{
          HttpStatusOf(grant.error().code),
          std::move(grant).error(),
          {{"WWW-Authenticate", "Bearer realm=\"clew\""}, {"WWW-Authenticate", "Basic realm=\"clew\""}}};
    }
    head.principal = *std::move(grant);
    return std::nullopt;
  };
}

net::HttpRouter::Filter AdminTokenFilter(std::string token) {
  auto grant = std::make_shared<auth::Grant>();
  grant->name = "whoever has the token printed at start";
  grant->roles = uint8_t{1} << static_cast<unsigned>(model::Role::kAdmin);
  return [token = std::move(token),
          grant = Principal(std::move(grant))](net::HttpRequest& head) -> std::optional<net::HttpRouter::Refusal> {
    const auto shown = auth::TokenOf(head.headers.Get("Authorization"));
    if (shown && *shown == token) head.principal = grant;
    return std::nullopt;
  };
}

const auth::Grant* GrantOf(const net::HttpRequest& request) {
  const auto* principal = std::any_cast<Principal>(&request.principal);
  return principal == nullptr ? nullptr : principal->get();
}

}  // namespace clew::api::http
