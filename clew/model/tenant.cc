// SPDX-License-Identifier: Apache-2.0
#include "clew/model/tenant.h"

#include <algorithm>

namespace clew::model {

base::Result<TenantId> TenantId::Parse(std::string_view name) {
  static constexpr std::string_view kPunctuation = "!-_.*'()";
  const bool well_formed =
      !name.empty() && name.size() <= 150 && name != "." && name != ".." && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPunctuation.contains(c);
      });
  if (!well_formed) {
    return base::InvalidArgument("X-Scope-OrgID: expected 1 to 150 of letters, digits and !-_.*'() naming one tenant");
  }
  return TenantId(std::string(name));
}

}  // namespace clew::model
