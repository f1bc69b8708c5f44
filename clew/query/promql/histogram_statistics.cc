// SPDX-License-Identifier: Apache-2.0
// What is read out of a native histogram: quantiles, fractions, the variance, a part of it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "clew/query/promql/native_histogram.h"
#include "clew/query/promql/range_functions.h"

namespace clew::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// With observations on one side of zero only, the zero bucket lies on that side, too.
void CutZeroBucket(const Histogram& histogram, BucketView& bucket) {
  if (histogram.negative.empty() && !histogram.positive.empty()) bucket.lower = 0;
  if (histogram.positive.empty() && !histogram.negative.empty()) bucket.upper = 0;
}

bool IsZeroBucket(const BucketView& bucket) { return bucket.lower <= 0 && bucket.upper >= 0; }

// Which part of a bucket's observations lie below `value`, which is inside it.
double FractionBelow(const BucketView& bucket, double value, bool linear) {
  if (linear) return (value - bucket.lower) / (bucket.upper - bucket.lower);
  const double log_lower = std::log2(std::abs(bucket.lower));
  const double log_upper = std::log2(std::abs(bucket.upper));
  const double log_value = std::log2(std::abs(value));
  if (value > 0) return (log_value - log_lower) / (log_upper - log_lower);
  return 1 - (log_value - log_upper) / (log_lower - log_upper);
}

// The value that `fraction` of a bucket's observations lie below.
double ValueAt(const Histogram& histogram, const BucketView& bucket, double fraction) {
  if (histogram.custom() || IsZeroBucket(bucket)) return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  const double log_lower = std::log2(std::abs(bucket.lower));
  const double log_upper = std::log2(std::abs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

}  // namespace

HistogramAnswer HistogramQuantile(double q, const Histogram& histogram) {
  if (q < 0) return {-kInfinity};
  if (q > 1) return {kInfinity};
  if (histogram.count == 0 || std::isnan(q)) return {kNan};
  std::vector<BucketView> buckets = AllBuckets(histogram);
  const bool has_nan = std::isnan(histogram.sum);
  // From the end that is nearer; NaNs are counted but in no bucket, so they lie behind the last one.
  const bool forward = has_nan || q < 0.5;
  if (!forward) std::ranges::reverse(buckets);
  double rank = forward ? q * histogram.count : (1 - q) * histogram.count;
  BucketView bucket;
  double count = 0;
  size_t at = 0;
  for (; at < buckets.size(); ++at) {
    if (buckets[at].count == 0) continue;
    bucket = buckets[at];
    count += bucket.count;
    if (count >= rank) break;
  }
  if (!histogram.custom() && bucket.lower < 0 && bucket.upper > 0) {
    CutZeroBucket(histogram, bucket);
  } else if (histogram.custom()) {
    if (bucket.lower == -kInfinity) {
      if (bucket.upper <= 0) return {bucket.upper};
      bucket.lower = 0;
    } else if (bucket.upper == kInfinity) {
      return {bucket.lower};
    }
  }
  count = std::min(count, histogram.count);
  if (count < rank) {
    if (has_nan) return {kNan, true, false};
    return {bucket.upper};
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  HistogramAnswer answer;
  answer.value = ValueAt(histogram, bucket, rank / bucket.count);
  if (has_nan) {
    for (size_t i = at + 1; i < buckets.size(); ++i) count += buckets[i].count;
    answer.nan_skew = count < histogram.count;
  }
  return answer;
}

HistogramAnswer HistogramFraction(double lower, double upper, const Histogram& histogram) {
  if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNan};
  if (lower >= upper) return {0};
  double total = 0;
  double rank = 0;
  std::optional<double> lower_rank;
  std::optional<double> upper_rank;
  for (BucketView bucket : AllBuckets(histogram)) {
    total += bucket.count;
    if (lower_rank && upper_rank) continue;
    const bool zero = IsZeroBucket(bucket);
    if (zero) CutZeroBucket(histogram, bucket);
    const auto rank_of = [&](double bound, std::optional<double>& found) {
      if (found) return;
      if (bucket.lower >= bound) {
        found = rank;
      } else if (bucket.upper > bound) {
        const bool linear = histogram.custom() || zero;
        // A bucket without a lower end counts as a whole.
        found = linear && bucket.lower == -kInfinity ? bucket.count
                                                     : rank + bucket.count * FractionBelow(bucket, bound, linear);
      }
    };
    rank_of(lower, lower_rank);
    rank_of(upper, upper_rank);
    rank += bucket.count;
  }
  HistogramAnswer answer;
  if (std::isnan(histogram.sum)) {
    answer.nan_skew = total < histogram.count;
  } else {
    total = histogram.count;
  }
  const double from = std::min(lower_rank.value_or(total), total);
  const double to = std::min(upper_rank.value_or(total), total);
  answer.value = (to - from) / histogram.count;
  return answer;
}

double HistogramVariance(const Histogram& histogram) {
  const double mean = histogram.sum / histogram.count;
  double variance = 0;
  double compensation = 0;
  for (const BucketView& bucket : AllBuckets(histogram)) {
    if (bucket.count == 0) continue;
    double middle = 0;
    if (histogram.custom()) {
      middle = (bucket.upper + bucket.lower) / 2;
    } else if (!IsZeroBucket(bucket)) {
      middle = std::sqrt(bucket.upper * bucket.lower);
      if (bucket.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    KahanAdd(bucket.count * delta * delta, variance, compensation);
  }
  return (variance + compensation) / histogram.count;
}

}  // namespace clew::query::promql
