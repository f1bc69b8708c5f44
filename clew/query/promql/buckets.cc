// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/buckets.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace clew::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Differences below this share are rounding, not counts that fell.
constexpr double kTolerance = 1e-12;

bool AlmostEqual(double a, double b) {
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kMinNormal = 0x1p-1022;
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kTolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// Sorted, those of one bound added up; false without a bucket up to +Inf.
bool Prepare(std::vector<Bucket>& buckets) {
  std::ranges::sort(buckets, {}, &Bucket::upper);
  if (buckets.back().upper != kInfinity) return false;
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper == buckets[last].upper) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
  return true;
}

ForcedMonotonic ForceMonotonic(std::vector<Bucket>& buckets) {
  ForcedMonotonic result;
  result.min_bucket = kInfinity;
  result.max_bucket = -kInfinity;
  double previous = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    Bucket& bucket = buckets[i];
    if (bucket.count == previous) continue;
    if (AlmostEqual(previous, bucket.count)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      result.forced = true;
      result.min_bucket = std::min(result.min_bucket, bucket.upper);
      result.max_bucket = std::max(result.max_bucket, bucket.upper);
      result.max_difference = std::max(result.max_difference, previous - bucket.count);
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
  return result;
}

}  // namespace

double BucketQuantile(double q, std::vector<Bucket>& buckets, ForcedMonotonic& forced) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  if (!Prepare(buckets)) return kNan;
  forced = ForceMonotonic(buckets);
  const size_t count = buckets.size();
  const double observations = buckets.back().count;
  if (count < 2 || observations == 0) return kNan;
  double rank = q * observations;
  size_t at = 0;
  while (at < count - 1 && !(buckets[at].count >= rank)) ++at;
  // In the last bucket nothing says how far up: its lower bound.
  if (at == count - 1) return buckets[count - 2].upper;
  // Below zero nothing says how far down.
  if (at == 0 && buckets[0].upper <= 0) return buckets[0].upper;
  double start = 0;
  double in_bucket = buckets[at].count;
  if (at > 0) {
    start = buckets[at - 1].upper;
    in_bucket -= buckets[at - 1].count;
    rank -= buckets[at - 1].count;
  }
  return start + (buckets[at].upper - start) * (rank / in_bucket);
}

double BucketFraction(double lower, double upper, std::vector<Bucket>& buckets) {
  if (!Prepare(buckets)) return kNan;
  const double observations = buckets.back().count;
  if (observations == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  double rank = 0;
  double bucket_lower = buckets[0].upper <= 0 ? -kInfinity : 0;
  std::optional<double> lower_rank;
  std::optional<double> upper_rank;
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (i > 0) bucket_lower = buckets[i - 1].upper;
    const Bucket& bucket = buckets[i];
    const auto rank_of = [&](double bound, std::optional<double>& found) {
      if (found) return;
      if (bucket_lower >= bound) {
        found = rank;
      } else if (bucket.upper > bound) {
        // A bucket without a lower end counts as a whole.
        found = bucket_lower == -kInfinity
                    ? bucket.count
                    : rank + (bucket.count - rank) * (bound - bucket_lower) / (bucket.upper - bucket_lower);
      }
    };
    rank_of(lower, lower_rank);
    rank_of(upper, upper_rank);
    if (lower_rank && upper_rank) break;
    rank = bucket.count;
  }
  const double from = std::min(lower_rank.value_or(observations), observations);
  const double to = std::min(upper_rank.value_or(observations), observations);
  return (to - from) / observations;
}

}  // namespace clew::query::promql
