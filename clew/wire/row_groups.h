// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clew/model/resource.h"

namespace clew::wire {

// Calls begin_resource(row), begin_scope(row), record(i), end_scope() and end_resource() for the records 0 to `count`,
// so that neighbours of the same resource and scope stand in one group. resource_of(i) and scope_of(i) say whose they
// are.
template <typename ResourceOf, typename ScopeOf, typename Visitor>
void VisitGroups(size_t count, ResourceOf&& resource_of, ScopeOf&& scope_of, Visitor&& visitor) {
  size_t i = 0;
  while (i < count) {
    const uint32_t resource = resource_of(i);
    visitor.BeginResource(resource);
    while (i < count && resource_of(i) == resource) {
      const uint32_t scope = scope_of(i);
      visitor.BeginScope(scope);
      for (; i < count && resource_of(i) == resource && scope_of(i) == scope; ++i) visitor.Record(i);
      visitor.EndScope();
    }
    visitor.EndResource();
  }
}

// The points of each metric, whatever the order in which they stand in their column.
class PointsByMetric {
 public:
  template <typename Point>
  PointsByMetric(const std::vector<Point>& points, size_t metrics) : starts_(metrics + 1), rows_(points.size()) {
    for (const Point& point : points) ++starts_[point.metric + 1];
    for (size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
    for (uint32_t row = 0; row < points.size(); ++row) rows_[next[points[row].metric]++] = row;
  }
  std::span<const uint32_t> Of(size_t metric) const {
    return std::span(rows_).subspan(starts_[metric], starts_[metric + 1] - starts_[metric]);
  }

 private:
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> rows_;
};

}  // namespace clew::wire
