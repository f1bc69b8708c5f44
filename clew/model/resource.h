// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "clew/model/attributes.h"
#include "clew/model/strings.h"

namespace clew::model {

struct Resource {
  Range attributes;
  uint32_t dropped_attributes_count = 0;
  StringId schema_url = 0;  // of the ResourceSpans, ResourceLogs or ResourceMetrics
};

struct Scope {
  StringId name = 0;
  StringId version = 0;
  Range attributes;
  uint32_t dropped_attributes_count = 0;
  StringId schema_url = 0;  // of the ScopeSpans, ScopeLogs or ScopeMetrics
};

// What every batch has: its strings, its attributes, and who sent its rows. Rows name their resource and scope by
// index into these columns.
struct BatchBase {
  Strings strings;
  Attributes attributes;
  std::vector<Resource> resources;
  std::vector<Scope> scopes;

  template <typename Visitor>
  void VisitBaseColumns(Visitor&& visit) {
    strings.VisitColumns(visit);
    attributes.VisitColumns(visit);
    visit(resources);
    visit(scopes);
  }
  template <typename Visitor>
  void VisitBaseColumns(Visitor&& visit) const {
    strings.VisitColumns(visit);
    attributes.VisitColumns(visit);
    visit(resources);
    visit(scopes);
  }
  bool IsBaseConsistent() const;

  std::string_view Text(StringId id) const { return strings.Get(id); }
  // A string attribute of a resource (service.name, …), empty where missing.
  std::string_view ResourceText(uint32_t resource, std::string_view key) const {
    return FindString(attributes, strings, resources[resource].attributes, key);
  }

 protected:
  bool RangeFits(Range range) const { return uint64_t{range.first} + range.count <= attributes.key_values.size(); }
};

// What a record without service.name belongs to (OpenTelemetry resource conventions).
inline constexpr std::string_view kUnknownService = "unknown_service";

}  // namespace clew::model
