// SPDX-License-Identifier: Apache-2.0
#include "clew/auth/authorization.h"

#include <algorithm>
#include <utility>

#include "clew/base/bytes.h"

namespace clew::auth {
namespace {

// The scheme's name is of either case (RFC 9110 section 11.1).
bool TakeScheme(std::string_view& text, std::string_view scheme) {
  const auto same = [](char left, char right) { return (left >= 'A' && left <= 'Z' ? left + 32 : left) == right; };
  if (text.size() <= scheme.size() || text[scheme.size()] != ' ' ||
      !std::equal(scheme.begin(), scheme.end(), text.begin(),
                  [&](char wanted, char got) { return same(got, wanted); })) {
    return false;
  }
  text.remove_prefix(scheme.size());
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return true;
}

}  // namespace

base::Result<std::string> TokenOf(std::string_view authorization) {
  if (authorization.empty()) {
    return base::Fail(base::Code::kUnauthenticated, "this server asks for a token: Authorization: Bearer TOKEN");
  }
  if (TakeScheme(authorization, "bearer") && !authorization.empty()) return std::string(authorization);
  if (TakeScheme(authorization, "basic")) {
    const auto pair = base::FromBase64(authorization);
    const size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos && colon + 1 < pair->size()) return pair->substr(colon + 1);
  }
  return base::Fail(base::Code::kUnauthenticated,
                    "Authorization: expected Bearer and a token, or Basic with the token as password");
}

}  // namespace clew::auth
