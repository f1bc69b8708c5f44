// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/url.h"

#include <algorithm>
#include <array>

#include "clew/base/bytes.h"
#include "clew/privacy/detect/keys.h"

namespace clew::privacy {
namespace {

// RFC 3986 section 2.1; a plus is a space in queries. What is no escape stays.
std::string Decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    std::array<uint8_t, 1> byte{};
    if (text[i] == '%' && i + 2 < text.size() && base::FromHex(text.substr(i + 1, 2), byte)) {
      decoded += static_cast<char>(byte[0]);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

void AppendParameter(std::string_view parameter, const UrlRules& rules, std::string& out) {
  const size_t equals = parameter.find('=');
  if (equals == std::string_view::npos || equals + 1 == parameter.size() ||
      !rules.is_secret(Decoded(parameter.substr(0, equals)))) {
    out += parameter;
    return;
  }
  out += parameter.substr(0, equals + 1);
  rules.replace(detect::Detector::kParameter, parameter.substr(equals + 1), out);
}

void AppendParameters(std::string_view text, const UrlRules& rules, std::string& out) {
  while (true) {
    const size_t end = std::min(text.find_first_of("&;"), text.size());
    AppendParameter(text.substr(0, end), rules, out);
    if (end == text.size()) return;
    out += text[end];
    text.remove_prefix(end + 1);
  }
}

// Where the host begins in what stands behind "//": 0 where no user is named.
size_t UserInfoEnd(std::string_view rest) {
  const size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, authority_end);
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) return at + 1;
  // A password with an unescaped slash ends the authority too early; what then looks like a port is none.
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return 0;
  const std::string_view port = authority.substr(colon + 1);
  if (std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) return 0;
  const size_t path_end = std::min(rest.find_first_of("?#"), rest.size());
  const size_t late = rest.substr(0, path_end).rfind('@');
  return late == std::string_view::npos ? 0 : late + 1;
}

}  // namespace

std::string RedactQuery(std::string_view query, const UrlRules& rules) {
  std::string out;
  out.reserve(query.size());
  if (query.starts_with('?')) {
    out += '?';
    query.remove_prefix(1);
  }
  AppendParameters(query, rules, out);
  return out;
}

std::string RedactUrl(std::string_view url, const UrlRules& rules) {
  std::string out;
  out.reserve(url.size());
  const size_t slashes = url.find("//");
  const size_t path = url.find_first_of("/?#");
  if (slashes != std::string_view::npos && slashes == path) {
    out += url.substr(0, slashes + 2);
    url.remove_prefix(slashes + 2);
    const size_t host = UserInfoEnd(url);
    if (host > 0) {
      const std::string_view user = url.substr(0, std::min(url.find(':'), host - 1));
      rules.replace(detect::Detector::kUrlPassword, user, out);
      if (user.size() < host - 1) {
        out += ':';
        rules.replace(detect::Detector::kUrlPassword, url.substr(user.size() + 1, host - user.size() - 2), out);
      }
      out += '@';
      url.remove_prefix(host);
    }
  }
  const size_t query = url.find('?');
  const size_t fragment = url.find('#');
  const size_t query_end = std::min(fragment, url.size());
  if (query < query_end) {
    out += url.substr(0, query + 1);
    AppendParameters(url.substr(query + 1, query_end - query - 1), rules, out);
  } else {
    out += url.substr(0, query_end);
  }
  if (query_end == url.size()) return out;
  out += '#';
  AppendParameters(url.substr(query_end + 1), rules, out);
  return out;
}

}  // namespace clew::privacy
