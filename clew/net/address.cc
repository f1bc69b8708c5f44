// SPDX-License-Identifier: Apache-2.0
#include "clew/net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace clew::net {
namespace {

std::string_view WithoutBrackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

bool ParseIp(std::string_view host, int family, void* out) {
  char text[INET6_ADDRSTRLEN + 1];
  if (host.size() >= sizeof text) return false;
  std::memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  return ::inet_pton(family, text, out) == 1;
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

}  // namespace

base::Result<Address> Address::Parse(std::string_view text) {
  const auto wrong = [&] {
    return base::InvalidArgument(fmt::format("expected HOST:PORT, as in 127.0.0.1:4318 or [::1]:4318, got '{}'", text));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  Address address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong();

  in6_addr ip6;
  if (host.starts_with('[')) {
    host = WithoutBrackets(host);
    if (!ParseIp(host, AF_INET6, &ip6)) return wrong();
  } else if (host.empty()) {
    host = "0.0.0.0";
  } else if (!IsHostName(host)) {
    return wrong();
  }
  address.host = host;
  return address;
}

std::string Address::ToString() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool Address::IsLoopback() const { return IsLoopbackHost(host); }

bool IsIpLiteral(std::string_view host) {
  in_addr ip4;
  in6_addr ip6;
  return ParseIp(host, AF_INET, &ip4) || ParseIp(WithoutBrackets(host), AF_INET6, &ip6);
}

bool IsLoopbackHost(std::string_view host) {
  in_addr ip4;
  if (ParseIp(host, AF_INET, &ip4)) return (ntohl(ip4.s_addr) >> 24) == 127;
  in6_addr ip6;
  if (ParseIp(WithoutBrackets(host), AF_INET6, &ip6)) return IN6_IS_ADDR_LOOPBACK(&ip6);
  static constexpr std::string_view kName = "localhost";
  return std::ranges::equal(host, kName, [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace clew::net
