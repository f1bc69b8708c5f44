// SPDX-License-Identifier: Apache-2.0
#include "clew/store/attribute_filter.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace clew::store {
namespace {

// Resources that have the attribute. They are few against spans, so they are looked at here, and rows are asked for
// their number.
std::vector<uint64_t> ResourcesWith(const AttributeMatch& match, const SenderDirectory& resources,
                                    std::string_view tenant) {
  std::vector<uint64_t> ids;
  for (const auto& [id, record] : resources.All(tenant)) {
    // Most records do not hold the key's bytes at all.
    if (!record->contains(match.key)) continue;
    model::BatchBase batch;
    const auto resource = ReadResourceRecord(*record, batch);
    if (!resource) continue;
    const model::KeyValue* row = model::FindAttribute(batch.attributes, batch.strings, resource->attributes, match.key);
    if (row != nullptr && model::ValueToText(batch.attributes, batch.strings, row->value) == match.value) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace

void AddAttributeConditions(std::span<const AttributeMatch> matches, const SenderDirectory& resources,
                            Conditions& conditions) {
  for (size_t i = 0; i < matches.size(); ++i) {
    const AttributeMatch& match = matches[i];
    conditions.parameters().Text(fmt::format("key{}", i), match.key).Text(fmt::format("value{}", i), match.value);
    // The second and third say nothing new, but the indexes answer them. An empty value is not a missing key.
    std::string own = fmt::format(
        "(attributes[{{key{0}:String}}] = {{value{0}:String}} AND mapContains(attributes, {{key{0}:String}}) AND "
        "has(mapValues(attributes), {{value{0}:String}}))",
        i);
    const std::vector<uint64_t> ids = ResourcesWith(match, resources, conditions.tenant());
    if (ids.empty()) {
      conditions.Add(own);
      continue;
    }
    conditions.AddIds(fmt::format("({} OR resource_id IN {{resources{}:Array(UInt64)}})", own, i),
                      fmt::format("resources{}", i), ids);
  }
}

}  // namespace clew::store
