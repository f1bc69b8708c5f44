// SPDX-License-Identifier: Apache-2.0
// Limits of series, which have no attributes but labels.
#include <algorithm>
#include <string_view>
#include <vector>

#include "clew/ingest/limits.h"

namespace clew::ingest {
namespace {

constexpr Rejection kNoLabels{RejectReason::kLabels, "a series has no labels"};
constexpr Rejection kManyLabels{RejectReason::kLabels, "a series has more labels than the limit"};
constexpr Rejection kUnsorted{RejectReason::kLabels, "the labels of a series are not sorted, stand twice or are empty"};
constexpr Rejection kLongLabel{RejectReason::kLabelSize, "a label's name or value is longer than the limit"};
constexpr Rejection kBefore1970{RejectReason::kTime, "a sample's time lies before 1970"};
constexpr Rejection kManyBuckets{RejectReason::kBuckets, "a histogram has more buckets than the limit"};

std::optional<Rejection> CheckLabels(const Limits& limits, const model::SeriesBatch& batch, model::Range range) {
  if (range.count == 0) return kNoLabels;
  if (range.count > limits.labels) return kManyLabels;
  std::string_view previous;
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::LabelPair& label = batch.labels[range.first + i];
    const std::string_view name = batch.Text(label.name);
    const std::string_view value = batch.Text(label.value);
    if (name.empty() || value.empty() || (i > 0 && name <= previous)) return kUnsorted;
    if (name.size() > limits.key_bytes || value.size() > limits.label_value_bytes) return kLongLabel;
    previous = name;
  }
  return std::nullopt;
}

}  // namespace

void RejectSeries(std::span<const std::optional<Rejection>> rejections, model::SeriesBatch& batch,
                  LimitReport& report) {
  std::vector<uint32_t> new_row(batch.series.size());
  uint32_t kept = 0;
  for (size_t i = 0; i < batch.series.size(); ++i) {
    if (rejections[i]) continue;
    new_row[i] = kept;
    batch.series[kept++] = batch.series[i];
  }
  if (kept == batch.series.size()) return;
  batch.series.resize(kept);
  const auto drop_rows = [&](auto& rows, const auto& note) {
    for (const auto& row : rows) {
      if (rejections[row.series]) note(*rejections[row.series]);
    }
    std::erase_if(rows, [&](const auto& row) { return rejections[row.series].has_value(); });
    for (auto& row : rows) row.series = new_row[row.series];
  };
  drop_rows(batch.samples, [&](const Rejection& rejection) { report.Reject(rejection); });
  drop_rows(batch.histograms, [&](const Rejection& rejection) { report.Reject(rejection); });
  // Exemplars hang on samples and are no rows of their own to the sender.
  drop_rows(batch.exemplars, [&](const Rejection&) { ++report.attributes_dropped; });
}

LimitReport ApplyLimits(const Limits& limits, base::UnixNanos, model::SeriesBatch& batch) {
  LimitReport report;
  std::vector<std::optional<Rejection>> rejections;
  rejections.reserve(batch.series.size());
  for (const model::SeriesRow& series : batch.series) {
    rejections.push_back(CheckLabels(limits, batch, series.labels));
  }
  RejectSeries(rejections, batch, report);
  const auto is_early = [](const auto& row) { return row.time < 0; };
  const auto has_many_buckets = [&](const model::HistogramRow& row) {
    return uint64_t{row.positive_indexes.count} + row.negative_indexes.count + row.custom_bounds.count >
           limits.histogram_buckets;
  };
  const auto reject = [&](size_t rows, const Rejection& rejection) {
    if (rows > 0) report.Reject(rejection, rows);
  };
  reject(std::erase_if(batch.samples, is_early), kBefore1970);
  reject(std::erase_if(batch.histograms, is_early), kBefore1970);
  reject(std::erase_if(batch.histograms, has_many_buckets), kManyBuckets);
  report.attributes_dropped += std::erase_if(batch.exemplars, is_early);
  return report;
}

}  // namespace clew::ingest
