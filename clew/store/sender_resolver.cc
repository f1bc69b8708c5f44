// SPDX-License-Identifier: Apache-2.0
#include "clew/store/sender_resolver.h"

namespace clew::store {

base::Result<uint32_t> SenderResolver::Resource(uint64_t id, std::string_view service_name) {
  const auto [found, is_new] = resource_rows_.try_emplace(id, static_cast<uint32_t>(batch_.resources.size()));
  if (!is_new) return found->second;
  model::Resource resource;
  if (const SenderDirectory::Record record = resources_.Find(tenant_, id); record != nullptr) {
    CLEW_ASSIGN_OR_RETURN(resource, ReadResourceRecord(*record, batch_));
  } else if (service_name != model::kUnknownService) {
    resource.attributes = batch_.attributes.AddKeyValues(
        {{batch_.strings.Intern("service.name"), 0, model::Value::String(batch_.strings.Intern(service_name))}});
  }
  batch_.resources.push_back(resource);
  return found->second;
}

base::Result<uint32_t> SenderResolver::Scope(uint64_t id) {
  const auto [found, is_new] = scope_rows_.try_emplace(id, static_cast<uint32_t>(batch_.scopes.size()));
  if (!is_new) return found->second;
  model::Scope scope;
  if (const SenderDirectory::Record record = scopes_.Find(tenant_, id); record != nullptr) {
    CLEW_ASSIGN_OR_RETURN(scope, ReadScopeRecord(*record, batch_));
  }
  batch_.scopes.push_back(scope);
  return found->second;
}

}  // namespace clew::store
