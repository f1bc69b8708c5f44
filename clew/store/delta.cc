// SPDX-License-Identifier: Apache-2.0
#include "clew/store/delta.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace clew::store {
namespace {

bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == model::kStaleNanBits; }

// Adds sparse buckets to sparse buckets, both by ascending index.
void AddBuckets(const std::vector<int32_t>& indexes, const std::vector<double>& counts,
                std::vector<int32_t>& sum_indexes, std::vector<double>& sum_counts) {
  std::vector<int32_t> both_indexes;
  std::vector<double> both_counts;
  size_t a = 0;
  size_t b = 0;
  while (a < indexes.size() || b < sum_indexes.size()) {
    const bool take_a = b == sum_indexes.size() || (a < indexes.size() && indexes[a] <= sum_indexes[b]);
    const bool take_b = a == indexes.size() || (b < sum_indexes.size() && sum_indexes[b] <= indexes[a]);
    both_indexes.push_back(take_a ? indexes[a] : sum_indexes[b]);
    both_counts.push_back((take_a ? counts[a] : 0) + (take_b ? sum_counts[b] : 0));
    a += take_a ? 1 : 0;
    b += take_b ? 1 : 0;
  }
  sum_indexes = std::move(both_indexes);
  sum_counts = std::move(both_counts);
}

bool SameLayout(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold && a.custom_bounds == b.custom_bounds;
}

bool IsWellFormed(const Histogram& histogram) {
  return histogram.positive_indexes.size() == histogram.positive_counts.size() &&
         histogram.negative_indexes.size() == histogram.negative_counts.size();
}

}  // namespace

void MakeCumulative(SeriesSamples& samples) {
  double sum = 0;
  int64_t start = 0;
  bool any = false;
  for (size_t i = 0; i < samples.values.size(); ++i) {
    if (IsStale(samples.values[i])) continue;
    if (!any) start = samples.start_times[i];
    any = true;
    sum += samples.values[i];
    samples.values[i] = sum;
    samples.start_times[i] = start;
  }
}

void MakeCumulative(SeriesHistograms& histograms) {
  const Histogram* last = nullptr;
  for (Histogram& histogram : histograms.histograms) {
    if (IsStale(histogram.sum) || !IsWellFormed(histogram)) continue;
    if (last != nullptr && SameLayout(*last, histogram)) {
      histogram.start_time = last->start_time;
      histogram.count += last->count;
      histogram.sum += last->sum;
      histogram.zero_count += last->zero_count;
      histogram.min = std::fmin(histogram.min, last->min);
      histogram.max = std::fmax(histogram.max, last->max);
      AddBuckets(last->positive_indexes, last->positive_counts, histogram.positive_indexes, histogram.positive_counts);
      AddBuckets(last->negative_indexes, last->negative_counts, histogram.negative_indexes, histogram.negative_counts);
    }
    last = &histogram;
  }
}

}  // namespace clew::store
