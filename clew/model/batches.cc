// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/span_batch.h"

namespace clew::model {
namespace {

// Whether every string id of a column is known.
bool KnownStrings(const std::vector<StringId>& ids, const Strings& strings) {
  return std::ranges::all_of(ids, [&](StringId id) { return id < strings.size(); });
}

bool RangesFit(const std::vector<Range>& ranges, size_t rows) {
  return std::ranges::all_of(ranges, [&](Range range) { return uint64_t{range.first} + range.count <= rows; });
}

bool BelowAll(const std::vector<uint32_t>& indexes, size_t rows) {
  return std::ranges::all_of(indexes, [&](uint32_t index) { return index < rows; });
}

template <typename Batch>
bool RowsEquallyLong(Batch batch_visitor, size_t rows) {
  bool equal = true;
  batch_visitor([&](const auto& column) { equal = equal && column.size() == rows; });
  return equal;
}

}  // namespace

namespace {
constexpr std::array<std::string_view, 6> kSpanKindNames = {"", "internal", "server", "client", "producer", "consumer"};
}

std::string_view SpanKindName(SpanKind kind) {
  const auto index = static_cast<size_t>(kind);
  return index < kSpanKindNames.size() ? kSpanKindNames[index] : std::string_view();
}

SpanKind SpanKindOf(std::string_view name) {
  const auto found = std::ranges::find(kSpanKindNames, name);
  return found == kSpanKindNames.end() ? SpanKind::kUnspecified : static_cast<SpanKind>(found - kSpanKindNames.begin());
}

size_t SpanBatch::AddRow() {
  VisitRowColumns([](auto& column) { column.emplace_back(); });
  return size() - 1;
}

void SpanBatch::RemoveLastRow() {
  VisitRowColumns([](auto& column) { column.pop_back(); });
}

bool SpanBatch::IsConsistent() const {
  const auto visit_rows = [this](auto&& visit) { VisitRows(*this, visit); };
  return IsBaseConsistent() && RowsEquallyLong(visit_rows, size()) && BelowAll(resource, resources.size()) &&
         BelowAll(scope, scopes.size()) && KnownStrings(trace_state, strings) && KnownStrings(name, strings) &&
         KnownStrings(status_message, strings) && RangesFit(attribute_range, attributes.key_values.size()) &&
         RangesFit(event_range, events.size()) && RangesFit(link_range, links.size()) &&
         std::ranges::all_of(
             events,
             [this](const SpanEvent& event) { return RangeFits(event.attributes) && event.name < strings.size(); }) &&
         std::ranges::all_of(links, [this](const SpanLink& link) {
           return RangeFits(link.attributes) && link.trace_state < strings.size();
         });
}

size_t LogBatch::AddRow() {
  VisitRowColumns([](auto& column) { column.emplace_back(); });
  return size() - 1;
}

void LogBatch::RemoveLastRow() {
  VisitRowColumns([](auto& column) { column.pop_back(); });
}

bool LogBatch::IsConsistent() const {
  const auto visit_rows = [this](auto&& visit) { VisitRows(*this, visit); };
  // Bodies stand outside the attribute columns: each is checked as if it came after all of them.
  const auto body_fits = [this](const Value& value) {
    switch (value.kind) {
      case ValueKind::kString:
      case ValueKind::kBytes: return value.payload < strings.size();
      // The payload may be anything: no sum that wraps.
      case ValueKind::kArray:
        return value.count <= attributes.values.size() && value.payload <= attributes.values.size() - value.count;
      case ValueKind::kKeyValueList:
        return value.count <= attributes.key_values.size() &&
               value.payload <= attributes.key_values.size() - value.count;
      default: return value.kind <= ValueKind::kKeyValueList;
    }
  };
  return IsBaseConsistent() && RowsEquallyLong(visit_rows, size()) && BelowAll(resource, resources.size()) &&
         BelowAll(scope, scopes.size()) && KnownStrings(severity_text, strings) && KnownStrings(event_name, strings) &&
         RangesFit(attribute_range, attributes.key_values.size()) && std::ranges::all_of(body, body_fits);
}

bool MetricBatch::IsConsistent() const {
  const auto fits = [](Range range, size_t rows) { return uint64_t{range.first} + range.count <= rows; };
  const auto point_fits = [&](const PointBase& point) {
    return point.metric < metrics.size() && RangeFits(point.attributes) && fits(point.exemplars, exemplars.size());
  };
  return IsBaseConsistent() &&
         std::ranges::all_of(metrics,
                             [&](const Metric& metric) {
                               return metric.resource < resources.size() && metric.scope < scopes.size() &&
                                      metric.name < strings.size() && metric.description < strings.size() &&
                                      metric.unit < strings.size() && RangeFits(metric.metadata);
                             }) &&
         std::ranges::all_of(numbers, point_fits) &&
         std::ranges::all_of(histograms,
                             [&](const HistogramPoint& point) {
                               return point_fits(point) && fits(point.explicit_bounds, doubles.size()) &&
                                      fits(point.bucket_counts, counts.size());
                             }) &&
         std::ranges::all_of(exponential_histograms,
                             [&](const ExponentialHistogramPoint& point) {
                               return point_fits(point) && fits(point.positive_counts, counts.size()) &&
                                      fits(point.negative_counts, counts.size());
                             }) &&
         std::ranges::all_of(summaries,
                             [&](const SummaryPoint& point) {
                               return point_fits(point) && fits(point.quantiles, doubles.size()) &&
                                      fits(point.quantile_values, doubles.size());
                             }) &&
         std::ranges::all_of(exemplars,
                             [&](const Exemplar& exemplar) { return RangeFits(exemplar.filtered_attributes); });
}

}  // namespace clew::model
