// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::model {

// Whose data it is. The first column of every sort key and a constructor argument of every reader and writer, so that
// no query can be built without it. Default "anonymous"; from X-Scope-OrgID (HTTP header or gRPC metadata).
class TenantId {
 public:
  TenantId() : name_("anonymous") {}
  // 1 to 150 of A-Z a-z 0-9 and ! - _ . * ' ( ), not "." or ".." (the rule of Mimir and Loki, whose header it is).
  static base::Result<TenantId> Parse(std::string_view name);

  const std::string& name() const { return name_; }
  auto operator<=>(const TenantId&) const = default;

 private:
  explicit TenantId(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

}  // namespace clew::model
