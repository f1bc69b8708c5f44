// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "clew/base/result.h"
#include "clew/model/resource.h"
#include "clew/store/sender_directory.h"

namespace clew::store {

// Puts the resources and scopes that rows name by id into a batch, each once. All references outlive it.
class SenderResolver {
 public:
  SenderResolver(const SenderDirectory& resources, const SenderDirectory& scopes, std::string_view tenant,
                 model::BatchBase& batch)
      : resources_(resources), scopes_(scopes), tenant_(tenant), batch_(batch) {}

  // The row of the batch's resources; where the side table has lost it, one with the service's name alone.
  base::Result<uint32_t> Resource(uint64_t id, std::string_view service_name);
  base::Result<uint32_t> Scope(uint64_t id);

 private:
  const SenderDirectory& resources_;
  const SenderDirectory& scopes_;
  const std::string_view tenant_;
  model::BatchBase& batch_;
  std::unordered_map<uint64_t, uint32_t> resource_rows_;
  std::unordered_map<uint64_t, uint32_t> scope_rows_;
};

}  // namespace clew::store
