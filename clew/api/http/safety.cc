// SPDX-License-Identifier: Apache-2.0
#include "clew/api/http/safety.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "clew/net/address.h"

namespace clew::api::http {
namespace {

// "host:8080" -> "host", "[::1]:8080" -> "[::1]".
std::string_view WithoutPort(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  return host.substr(0, host.find(':'));
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return net::EqualsIgnoringCase(one, name); });
}

net::HttpRouter::Refusal Refuse(std::string message) {
  return {403, {base::Code::kPermissionDenied, std::move(message), {}}};
}

class Filter {
 public:
  explicit Filter(SafetyOptions options) : options_(std::move(options)) {}

  std::optional<net::HttpRouter::Refusal> operator()(const net::HttpRequest& head) const {
    const std::string_view host = head.headers.Get("Host");
    if (!IsKnownHost(host)) {
      return Refuse(
          "this server is not known by the name in the Host header; call it by its address, or add the name "
          "to the allowed hosts");
    }
    if (const auto origin = head.headers.Find("Origin"); origin && !IsOwnOrigin(*origin, host)) {
      return Refuse("requests from pages of other origins are refused; add the origin to the allowed ones");
    }
    // Of requests without Origin: images, scripts and frames on foreign pages. A link that a person follows is fine.
    const bool is_navigation = head.headers.Get("Sec-Fetch-Mode") == "navigate" && head.method == "GET" &&
                               head.headers.Get("Sec-Fetch-Dest") == "document";
    if (head.headers.Get("Sec-Fetch-Site") == "cross-site" && !head.headers.Has("Origin") && !is_navigation) {
      return Refuse("requests from pages of other sites are refused");
    }
    return std::nullopt;
  }

 private:
  bool IsKnownHost(std::string_view host) const {
    // HTTP/1.0 knows no Host; browsers speak 1.1.
    if (options_.any_host || host.empty()) return true;
    const std::string_view name = WithoutPort(host);
    return net::IsIpLiteral(name) || net::IsLoopbackHost(name) || Contains(options_.allowed_hosts, name);
  }

  // Origins are compared with the Host that the same browser sent (RFC 6454 section 7); "null" is nobody's own.
  bool IsOwnOrigin(std::string_view origin, std::string_view host) const {
    if (Contains(options_.allowed_origins, origin)) return true;
    const size_t scheme = origin.find("://");
    return scheme != std::string_view::npos && net::EqualsIgnoringCase(origin.substr(scheme + 3), host);
  }

  SafetyOptions options_;
};

}  // namespace

net::HttpRouter::Filter SafetyFilter(SafetyOptions options) { return Filter(std::move(options)); }

}  // namespace clew::api::http
