// SPDX-License-Identifier: Apache-2.0
#include "clew/net/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "clew/net/address.h"
#include "clew/net/http_message.h"

namespace clew::net {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out.push_back(c == '+' && plus_is_space ? ' ' : c);
    }
  }
  return out;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// The authority's "host[:port]".
bool ParseHostPort(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    if (!url.host.contains(':') || !IsIpLiteral(url.host)) return false;
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
    port = text.empty() ? text : text.substr(1);
  } else {
    const size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    if (url.host.empty() || !std::ranges::all_of(url.host, IsUnreserved)) return false;
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  url.port = url.tls ? 443 : 80;
  if (port.empty()) return true;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return error == std::errc() && end == port.data() + port.size() && url.port != 0;
}

}  // namespace

std::optional<std::string_view> Parameters::Find(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (pair.first == name) return pair.second;
  }
  return std::nullopt;
}

std::vector<std::string_view> Parameters::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Pair& pair : pairs_) {
    if (pair.first == name) values.push_back(pair.second);
  }
  return values;
}

std::optional<std::string> PercentDecode(std::string_view text) { return Decode(text, false); }

std::string PercentEncode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

base::Result<Parameters> ParseParameters(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = Decode(pair.substr(0, equals), true);
    auto value = Decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) {
      return base::InvalidArgument("query or form: expected two hexadecimal digits behind each '%'; write '%' as %25");
    }
    parameters.Add(*std::move(name), *std::move(value));
  }
  return parameters;
}

std::string FormatParameters(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out.push_back('&');
    out += PercentEncode(name);
    out.push_back('=');
    out += PercentEncode(value);
  }
  return out;
}

base::Result<Url> Url::Parse(std::string_view text) {
  // What came may hold a password, so it is not quoted.
  const auto wrong = [](std::string_view what) {
    return base::InvalidArgument(fmt::format("URL: {}; expected one like http://127.0.0.1:4318/path", what));
  };
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= 0x20 || c == 0x7f; })) {
    return wrong("a space or control character in it");
  }
  Url url;
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return wrong("no scheme");
  const std::string_view scheme = text.substr(0, scheme_end);
  if (EqualsIgnoringCase(scheme, "https")) {
    url.tls = true;
  } else if (!EqualsIgnoringCase(scheme, "http")) {
    return wrong("the scheme is neither http nor https");
  }
  text.remove_prefix(scheme_end + 3);
  const size_t authority_end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, authority_end);
  std::string_view target = text.substr(authority_end);
  target = target.substr(0, target.find('#'));

  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    auto userinfo = PercentDecode(authority.substr(0, at));
    if (!userinfo) return wrong("an ill-formed '%' in user name or password");
    url.userinfo = *std::move(userinfo);
    authority.remove_prefix(at + 1);
  }
  if (!ParseHostPort(authority, url)) return wrong("host or port is missing or wrong");
  if (!target.starts_with('/')) url.target = "/";
  url.target += target;
  return url;
}

std::string Url::HostHeader() const {
  const bool standard_port = port == (tls ? 443 : 80);
  const std::string name = host.contains(':') ? fmt::format("[{}]", host) : host;
  return standard_port ? name : fmt::format("{}:{}", name, port);
}

}  // namespace clew::net
