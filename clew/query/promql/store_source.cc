// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/store_source.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "clew/base/time.h"
#include "clew/model/prometheus_names.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {
namespace {

// Schemas whose bounds doubles can tell apart.
constexpr int32_t kMinSchema = -10;
constexpr int32_t kFinestStored = 20;

std::vector<IndexedCount<double>> ToBuckets(const std::vector<int32_t>& indexes, const std::vector<double>& counts) {
  std::vector<IndexedCount<double>> buckets;
  buckets.reserve(indexes.size());
  for (size_t i = 0; i < indexes.size() && i < counts.size(); ++i) {
    if (counts[i] != 0) buckets.push_back({indexes[i], counts[i]});
  }
  const auto by_index = &IndexedCount<double>::index;
  if (!std::ranges::is_sorted(buckets, {}, by_index)) std::ranges::sort(buckets, {}, by_index);
  return buckets;
}

// nullptr for a layout that is none.
HistogramPtr ToHistogram(const store::Histogram& stored) {
  const bool custom = stored.schema == kCustomBounds;
  if (!custom && (stored.schema < kMinSchema || stored.schema > kFinestStored)) return nullptr;
  auto histogram = std::make_shared<Histogram>();
  histogram->schema = stored.schema;
  histogram->count = stored.count;
  histogram->sum = stored.sum;
  histogram->positive = ToBuckets(stored.positive_indexes, stored.positive_counts);
  if (custom) {
    const bool rising = std::ranges::is_sorted(stored.custom_bounds, std::less_equal<>()) &&
                        std::ranges::none_of(stored.custom_bounds, [](double bound) { return std::isnan(bound); });
    if (!rising) return nullptr;
    histogram->custom_bounds = stored.custom_bounds;
    return histogram;
  }
  histogram->zero_count = stored.zero_count;
  histogram->zero_threshold = stored.zero_threshold > 0 ? stored.zero_threshold : 0;
  histogram->negative = ToBuckets(stored.negative_indexes, stored.negative_counts);
  if (stored.schema > kMaxSchema) ReduceSchema(*histogram, kMaxSchema);
  return histogram;
}

bool MayHaveHistograms(const store::SeriesPtr& series) {
  switch (series->type) {
    case model::FamilyType::kUnknown:
    case model::FamilyType::kHistogram:
    case model::FamilyType::kGaugeHistogram: break;
    default: return false;
  }
  // A bucket of a classic one.
  return series->labels.Get(model::kLeLabel).empty();
}

void AddFloats(store::SeriesSamples& samples, SourceSeries& series) {
  series.values = std::move(samples.values);
  series.times_ms.resize(series.values.size());
  size_t kept = 0;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const int64_t time = ToMillis(samples.times[i]);
    if (kept > 0 && series.times_ms[kept - 1] == time) --kept;
    series.times_ms[kept] = time;
    series.values[kept] = series.values[i];
    ++kept;
  }
  series.times_ms.resize(kept);
  series.values.resize(kept);
}

void AddHistograms(const store::SeriesHistograms& stored, SourceSeries& series) {
  for (const store::Histogram& one : stored.histograms) {
    HistogramPtr histogram = ToHistogram(one);
    if (histogram == nullptr) continue;
    const int64_t time = ToMillis(one.time);
    if (!series.histogram_times_ms.empty() && series.histogram_times_ms.back() == time) {
      series.histograms.back() = std::move(histogram);
      continue;
    }
    series.histogram_times_ms.push_back(time);
    series.histograms.push_back(std::move(histogram));
  }
}

}  // namespace

int64_t ToMillis(int64_t nanos) {
  const int64_t millis = nanos / base::kNanosPerMilli;
  return nanos % base::kNanosPerMilli < 0 ? millis - 1 : millis;
}

store::TimeRange ToTimeRange(int64_t from_ms, int64_t to_ms) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min() / base::kNanosPerMilli;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / base::kNanosPerMilli;
  store::TimeRange range;
  if (from_ms > kMin) range.from = std::min(from_ms, kMax) * base::kNanosPerMilli;
  if (to_ms < kMax) range.to = (std::max(to_ms, kMin) + 1) * base::kNanosPerMilli;
  return range;
}

base::Result<std::vector<SourceSeries>> StoreSource::Select(std::span<const model::LabelMatcher> matchers,
                                                            int64_t from_ms, int64_t to_ms) {
  const store::TimeRange range = ToTimeRange(from_ms, to_ms);
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::SeriesPtr> series, reader_.Select(matchers, range));
  CLEW_ASSIGN_OR_RETURN(std::vector<store::SeriesSamples> samples, reader_.Samples(series, range));
  std::vector<store::SeriesPtr> maybe_native;
  std::ranges::copy_if(series, std::back_inserter(maybe_native), MayHaveHistograms);
  std::vector<store::SeriesHistograms> histograms;
  if (!maybe_native.empty()) {
    CLEW_ASSIGN_OR_RETURN(histograms, reader_.Histograms(maybe_native, range));
  }
  std::vector<SourceSeries> result;
  result.reserve(samples.size() + histograms.size());
  std::map<uint64_t, size_t> by_id;
  for (store::SeriesSamples& one : samples) {
    if (!histograms.empty()) by_id.emplace(one.series->id, result.size());
    result.push_back({one.series->labels, {}, {}});
    AddFloats(one, result.back());
  }
  for (const store::SeriesHistograms& one : histograms) {
    const auto [found, is_new] = by_id.try_emplace(one.series->id, result.size());
    if (is_new) result.push_back({one.series->labels, {}, {}});
    AddHistograms(one, result[found->second]);
  }
  if (histograms.empty()) return result;
  std::erase_if(result, [](const SourceSeries& one) { return one.empty(); });
  std::ranges::sort(result, {}, &SourceSeries::labels);
  return result;
}

}  // namespace clew::query::promql
