// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace clew::query::promql {

// Whether a histogram is known to follow a reset of its counter.
enum class ResetHint : uint8_t { kUnknown, kReset, kNotReset, kGauge };

inline constexpr int32_t kCustomBounds = -53;
// The finest schema of Prometheus; OTLP's finer scales are brought down to it.
inline constexpr int32_t kMaxSchema = 8;

// A number that carries what rounding lost (Kahan-Neumaier).
struct KahanNumber {
  double sum = 0;
  double compensation = 0;
};

template <typename Number>
struct IndexedCount {
  int32_t index = 0;
  Number count{};
  bool operator==(const IndexedCount&) const = default;
};

// A native histogram (https://prometheus.io/docs/specs/native_histograms/), counts as floats. Buckets are sorted by
// index and not empty. Of an exponential schema, bucket i covers (2^((i-1)·2^-schema), 2^(i·2^-schema)] and its mirror
// image; with custom bounds, (bounds[i-1], bounds[i]], and there is neither a zero bucket nor a negative side.
template <typename Number>
struct BasicHistogram {
  ResetHint hint = ResetHint::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  Number zero_count{};
  Number count{};
  Number sum{};
  std::vector<IndexedCount<Number>> positive;
  std::vector<IndexedCount<Number>> negative;
  std::vector<double> custom_bounds;

  bool custom() const { return schema == kCustomBounds; }
};

using Histogram = BasicHistogram<double>;
// Immutable once it is shared.
using HistogramPtr = std::shared_ptr<const Histogram>;

// A bucket with its bounds.
struct BucketView {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  double count = 0;
};

// From the lowest to the highest bucket, the zero bucket among them; bounds that lie within the zero bucket are moved
// to its edge.
std::vector<BucketView> AllBuckets(const Histogram& histogram);

struct AddOutcome {
  bool compatible = true;          // false: exponential and custom buckets do not mix; nothing was added
  bool hint_collision = false;     // one says reset, the other says none
  bool bounds_reconciled = false;  // custom bounds differed; those that both have are left
};
// Adds or subtracts. Schema, zero threshold and custom bounds become the coarser ones.
AddOutcome Add(Histogram& to, const Histogram& other, bool subtract = false);

void Scale(Histogram& histogram, double factor);
void Divide(Histogram& histogram, double divisor);
// To a schema that is not finer.
void ReduceSchema(Histogram& histogram, int32_t schema);
// Whether something counted in `previous` is not counted any more.
bool DetectReset(const Histogram& histogram, const Histogram& previous);
bool SameHistogram(const Histogram& a, const Histogram& b);
bool HasOverflow(const Histogram& histogram);

// The sum or the mean of many histograms without the error of plain addition. Where the sum overflows, a mean is made
// step by step.
class HistogramSum {
 public:
  HistogramSum(const Histogram& first, bool mean);
  AddOutcome Add(const Histogram& other);
  Histogram Result() const;
  // Whether both reset and no reset were told.
  bool hints_collide() const { return seen_reset_ && seen_no_reset_; }

 private:
  void SeeHint(ResetHint hint);

  BasicHistogram<KahanNumber> sum_;
  bool mean_;
  double count_ = 1;
  bool incremental_ = false;  // sum_ holds the mean
  bool seen_reset_ = false;
  bool seen_no_reset_ = false;
};

struct HistogramAnswer {
  double value = 0;
  // Observations of NaN: the result is NaN, or what is left out makes it wrong.
  bool nan_result = false;
  bool nan_skew = false;
};
// histogram_quantile of a native histogram.
HistogramAnswer HistogramQuantile(double q, const Histogram& histogram);
// histogram_fraction of a native histogram; nan_skew where NaNs are left out.
HistogramAnswer HistogramFraction(double lower, double upper, const Histogram& histogram);
// Mean squared distance from the mean, each bucket's observations taken to lie in its middle.
double HistogramVariance(const Histogram& histogram);

// {count:3, sum:2, [-1,1]:3}, as count_values writes it.
std::string HistogramText(const Histogram& histogram);

}  // namespace clew::query::promql
