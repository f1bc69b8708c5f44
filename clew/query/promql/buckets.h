// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace clew::query::promql {

// A bucket of a classic histogram: how many observations are at most `upper`.
struct Bucket {
  double upper = 0;
  double count = 0;
};

// What was done to counts that fall although they are cumulative.
struct ForcedMonotonic {
  bool forced = false;
  double min_bucket = 0;
  double max_bucket = 0;
  double max_difference = 0;
};

// The q-quantile, with linear interpolation within its bucket (Prometheus, histogram_quantile). NaN without
// observations, without a bucket up to +Inf or with fewer than two buckets; -Inf and +Inf for q outside [0, 1]. Sorts
// and mends `buckets`, which is not empty.
double BucketQuantile(double q, std::vector<Bucket>& buckets, ForcedMonotonic& forced);

// The share of observations between `lower` and `upper` (Prometheus, histogram_fraction). Sorts `buckets`, which is not
// empty.
double BucketFraction(double lower, double upper, std::vector<Bucket>& buckets);

}  // namespace clew::query::promql
