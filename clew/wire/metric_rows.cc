// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/metric_rows.h"

#include <limits>

namespace clew::wire {
namespace {

// Moves `rows` behind those of `to`.
template <typename T>
model::Range MoveRows(std::vector<T>& rows, std::vector<T>& to) {
  const size_t first = to.size();
  to.insert(to.end(), rows.begin(), rows.end());
  rows.clear();
  return RangeFrom(first, to.size());
}

bool IndexesFit(int32_t offset, model::Range counts) {
  return int64_t{offset} + counts.count <= std::numeric_limits<int32_t>::max();
}

}  // namespace

MetricRows::Mark MetricRows::Here() const {
  return {.attributes = builder_.Here(),
          .numbers = batch_.numbers.size(),
          .histograms = batch_.histograms.size(),
          .exponential_histograms = batch_.exponential_histograms.size(),
          .summaries = batch_.summaries.size(),
          .exemplars = batch_.exemplars.size(),
          .doubles = batch_.doubles.size(),
          .counts = batch_.counts.size()};
}

void MetricRows::BackTo(const Mark& mark) {
  builder_.BackTo(mark.attributes);
  batch_.numbers.resize(mark.numbers);
  batch_.histograms.resize(mark.histograms);
  batch_.exponential_histograms.resize(mark.exponential_histograms);
  batch_.summaries.resize(mark.summaries);
  batch_.exemplars.resize(mark.exemplars);
  batch_.doubles.resize(mark.doubles);
  batch_.counts.resize(mark.counts);
}

void MetricRows::SetBase(model::PointBase& point, const Mark& mark, uint32_t metric, size_t attributes) {
  point.metric = metric;
  point.attributes = builder_.EndKeyValues(attributes);
  point.exemplars = RangeFrom(mark.exemplars, batch_.exemplars.size());
}

std::string_view MetricRows::Add(model::NumberPoint point, const Mark& mark, uint32_t metric, size_t attributes) {
  SetBase(point, mark, metric, attributes);
  batch_.numbers.push_back(point);
  return {};
}

std::string_view MetricRows::Add(model::HistogramPoint point, const Mark& mark, uint32_t metric, size_t attributes) {
  SetBase(point, mark, metric, attributes);
  point.explicit_bounds = RangeFrom(mark.doubles, batch_.doubles.size());
  point.bucket_counts = RangeFrom(mark.counts, batch_.counts.size());
  batch_.histograms.push_back(point);
  const uint32_t bounds = point.explicit_bounds.count;
  const uint32_t counts = point.bucket_counts.count;
  const bool fits = counts == 0 ? bounds == 0 : counts == bounds + 1;
  return fits ? std::string_view() : kWrongBuckets;
}

std::string_view MetricRows::Add(model::ExponentialHistogramPoint point, const Mark& mark, uint32_t metric,
                                 size_t attributes) {
  SetBase(point, mark, metric, attributes);
  point.positive_counts = MoveRows(positive_, batch_.counts);
  point.negative_counts = MoveRows(negative_, batch_.counts);
  batch_.exponential_histograms.push_back(point);
  const bool fits = IndexesFit(point.positive_offset, point.positive_counts) &&
                    IndexesFit(point.negative_offset, point.negative_counts);
  return fits ? std::string_view() : kWrongExponentialBuckets;
}

std::string_view MetricRows::Add(model::SummaryPoint point, const Mark& mark, uint32_t metric, size_t attributes) {
  SetBase(point, mark, metric, attributes);
  point.quantiles = MoveRows(quantiles_, batch_.doubles);
  point.quantile_values = MoveRows(quantile_values_, batch_.doubles);
  batch_.summaries.push_back(point);
  return {};
}

}  // namespace clew::wire
