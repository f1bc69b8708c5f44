// SPDX-License-Identifier: Apache-2.0
#include "clew/model/resource.h"

#include <algorithm>

namespace clew::model {

bool BatchBase::IsBaseConsistent() const {
  if (!strings.IsConsistent() || !attributes.IsConsistent(strings)) return false;
  const size_t known = strings.size();
  return std::ranges::all_of(
             resources, [&](const Resource& row) { return RangeFits(row.attributes) && row.schema_url < known; }) &&
         std::ranges::all_of(scopes, [&](const Scope& row) {
           return RangeFits(row.attributes) && row.schema_url < known && row.name < known && row.version < known;
         });
}

}  // namespace clew::model
