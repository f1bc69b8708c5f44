// SPDX-License-Identifier: Apache-2.0
#include "clew/api/http/context.h"

#include <fmt/format.h>

#include <algorithm>

#include "clew/api/http/authentication.h"
#include "clew/base/time.h"

namespace clew::api::http {

namespace {
constexpr std::string_view kTenantHeader = "X-Scope-OrgID";
}  // namespace

base::Result<std::optional<model::TenantId>> AskedTenant(const net::HttpHeaders& headers) {
  const auto name = headers.Find(kTenantHeader);
  if (!name) return std::nullopt;
  if (headers.Count(kTenantHeader) > 1) {
    return base::InvalidArgument(fmt::format("expected at most one {} header", kTenantHeader));
  }
  return model::TenantId::Parse(*name);
}

base::Result<model::RequestContext> ContextOf(const net::HttpRequest& request, const net::Parameters& parameters,
                                              model::Role role) {
  model::RequestContext context;
  CLEW_ASSIGN_OR_RETURN(const auto asked, AskedTenant(request.headers));
  if (const auth::Grant* grant = GrantOf(request)) {
    CLEW_RETURN_IF_ERROR(grant->Check(role));
    CLEW_ASSIGN_OR_RETURN(context.tenant, grant->TenantFor(asked));
  } else {
    if (role == model::Role::kAdmin) {
      return base::Fail(base::Code::kPermissionDenied,
                        "this takes the admin token that `clew serve` printed at its start (--token-file)");
    }
    context.tenant = asked.value_or(model::TenantId());
  }
  context.role = role;
  std::chrono::nanoseconds timeout = kDefaultTimeout;
  if (const auto text = parameters.Find("timeout"); text && !text->empty()) {
    const auto wanted = base::ParseDuration(*text);
    if (!wanted || wanted->count() <= 0) {
      return base::InvalidArgument("timeout: expected a positive duration such as 30s or 1m30s");
    }
    timeout = std::min<std::chrono::nanoseconds>(*wanted, kMaxTimeout);
  }
  context.deadline = std::chrono::steady_clock::now() + timeout;
  context.cancellation = model::CancellationToken(request.cancelled);
  return context;
}

base::Result<model::RequestContext> ContextOf(const net::HttpRequest& request, model::Role role) {
  return ContextOf(request, request.query, role);
}

}  // namespace clew::api::http
