// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/native_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "clew/query/promql/range_functions.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ---- numbers of both kinds

void Increase(double& to, double value) { to += value; }
void Increase(KahanNumber& to, double value) { KahanAdd(value, to.sum, to.compensation); }
void Increase(KahanNumber& to, const KahanNumber& value) {
  KahanAdd(value.sum, to.sum, to.compensation);
  KahanAdd(value.compensation, to.sum, to.compensation);
}
double Plain(const KahanNumber& number) {
  return std::isinf(number.sum) ? number.sum : number.sum + number.compensation;
}
bool IsZero(double number) { return number == 0; }
bool IsZero(const KahanNumber& number) { return number.sum == 0 && number.compensation == 0; }
void Multiply(KahanNumber& number, double factor) {
  number.sum *= factor;
  number.compensation *= factor;
}

template <typename Number>
using Buckets = std::vector<IndexedCount<Number>>;

// ---- bounds

double ExponentialBound(int64_t index, int32_t schema) {
  // The last bucket before that of infinities ends at the largest double.
  constexpr double kMax = std::numeric_limits<double>::max();
  if (schema < 0) {
    const int64_t exponent = index * (int64_t{1} << -schema);
    if (exponent == 1024) return kMax;
    return std::ldexp(1.0, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
  }
  const int64_t within = index & ((int64_t{1} << schema) - 1);
  const double fraction = 0.5 * std::exp2(static_cast<double>(within) / static_cast<double>(int64_t{1} << schema));
  const int64_t exponent = (index >> schema) + 1;
  if (within == 0 && exponent == 1025) return kMax;
  return std::ldexp(fraction, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
}

// The upper bound of a bucket of the positive side.
template <typename Number>
double UpperBound(const BasicHistogram<Number>& histogram, int64_t index) {
  if (!histogram.custom()) return ExponentialBound(index, histogram.schema);
  if (index < 0) return -kInfinity;
  if (static_cast<size_t>(index) >= histogram.custom_bounds.size()) return kInfinity;
  return histogram.custom_bounds[static_cast<size_t>(index)];
}

BucketView PositiveBucket(const Histogram& histogram, const IndexedCount<double>& bucket) {
  BucketView view;
  view.upper = UpperBound(histogram, bucket.index);
  view.lower = UpperBound(histogram, int64_t{bucket.index} - 1);
  view.lower_inclusive = histogram.custom() ? bucket.index == 0 : view.lower < 0;
  view.upper_inclusive = histogram.custom() || view.upper > 0;
  view.count = bucket.count;
  return view;
}

BucketView NegativeBucket(const Histogram& histogram, const IndexedCount<double>& bucket) {
  BucketView view;
  view.lower = -UpperBound(histogram, bucket.index);
  view.upper = -UpperBound(histogram, int64_t{bucket.index} - 1);
  view.lower_inclusive = view.lower < 0;
  view.upper_inclusive = view.upper > 0;
  view.count = bucket.count;
  return view;
}

BucketView ZeroBucket(const Histogram& histogram) {
  return {-histogram.zero_threshold, histogram.zero_threshold, true, true, histogram.zero_count};
}

// ---- layout

template <typename Number>
void DropEmpty(Buckets<Number>& buckets) {
  std::erase_if(buckets, [](const auto& bucket) { return IsZero(bucket.count); });
}

template <typename Number>
void Coarsen(Buckets<Number>& buckets, int32_t from, int32_t to) {
  const int32_t shift = from - to;
  Buckets<Number> merged;
  for (const auto& bucket : buckets) {
    const auto index = static_cast<int32_t>(((int64_t{bucket.index} - 1) >> shift) + 1);
    if (merged.empty() || merged.back().index != index) {
      merged.push_back({index, bucket.count});
    } else {
      Increase(merged.back().count, bucket.count);
    }
  }
  buckets = std::move(merged);
}

template <typename Number>
void ReduceTo(BasicHistogram<Number>& histogram, int32_t schema) {
  if (histogram.custom() || schema >= histogram.schema) return;
  Coarsen(histogram.positive, histogram.schema, schema);
  Coarsen(histogram.negative, histogram.schema, schema);
  histogram.schema = schema;
}

// `b` into `a`, both sorted; what lies within the zero bucket stays out.
template <typename Number>
void MergeBuckets(Buckets<Number>& a, const Buckets<double>& b, double sign, int32_t schema, double threshold) {
  Buckets<Number> merged;
  merged.reserve(a.size() + b.size());
  size_t i = 0;
  for (const auto& bucket : b) {
    if (schema != kCustomBounds && threshold > 0 && ExponentialBound(bucket.index, schema) <= threshold) continue;
    while (i < a.size() && a[i].index < bucket.index) merged.push_back(a[i++]);
    if (i < a.size() && a[i].index == bucket.index) {
      merged.push_back(a[i++]);
    } else {
      merged.push_back({bucket.index, Number{}});
    }
    Increase(merged.back().count, sign * bucket.count);
  }
  while (i < a.size()) merged.push_back(a[i++]);
  a = std::move(merged);
  DropEmpty(a);
}

template <typename Number>
struct WiderZero {
  Number count{};
  double threshold = 0;
};

// What the zero bucket holds once it is as wide as `threshold`, or wider where that falls into a bucket.
template <typename Number>
WiderZero<Number> WidenZero(const BasicHistogram<Number>& histogram, double threshold) {
  while (true) {
    WiderZero<Number> wider{histogram.zero_count, threshold};
    for (const auto& bucket : histogram.positive) {
      if (UpperBound(histogram, int64_t{bucket.index} - 1) >= wider.threshold) break;
      Increase(wider.count, bucket.count);
      wider.threshold = std::max(wider.threshold, UpperBound(histogram, bucket.index));
    }
    bool again = false;
    for (const auto& bucket : histogram.negative) {
      if (UpperBound(histogram, int64_t{bucket.index} - 1) >= wider.threshold) break;
      Increase(wider.count, bucket.count);
      const double upper = UpperBound(histogram, bucket.index);
      if (upper > wider.threshold) {
        // The positive side was taken for a narrower one.
        threshold = upper;
        again = true;
        break;
      }
    }
    if (!again) return wider;
  }
}

template <typename Number>
void DropWithinZero(BasicHistogram<Number>& histogram) {
  const auto within = [&](const auto& bucket) {
    return UpperBound(histogram, int64_t{bucket.index} - 1) < histogram.zero_threshold;
  };
  std::erase_if(histogram.positive, within);
  std::erase_if(histogram.negative, within);
}

// Widens the zero bucket of `histogram` until it is as wide as that of `other`; the count that `other` would have with
// the same width.
template <typename Number>
double ReconcileZero(BasicHistogram<Number>& histogram, const Histogram& other) {
  WiderZero<double> theirs{other.zero_count, other.zero_threshold};
  while (theirs.threshold != histogram.zero_threshold) {
    if (histogram.zero_threshold > theirs.threshold) theirs = WidenZero(other, histogram.zero_threshold);
    if (theirs.threshold > histogram.zero_threshold) {
      const WiderZero<Number> ours = WidenZero(histogram, theirs.threshold);
      histogram.zero_count = ours.count;
      histogram.zero_threshold = ours.threshold;
      DropWithinZero(histogram);
    }
  }
  return theirs.count;
}

std::vector<double> CommonBounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> common;
  std::ranges::set_intersection(a, b, std::back_inserter(common));
  return common;
}

// The buckets of `from`, by the bounds `to`, which are some of its own.
template <typename Number>
Buckets<Number> Rebucket(const Buckets<Number>& buckets, const std::vector<double>& from,
                         const std::vector<double>& to) {
  Buckets<Number> result;
  for (const auto& bucket : buckets) {
    auto index = static_cast<int32_t>(to.size());
    if (bucket.index >= 0 && static_cast<size_t>(bucket.index) < from.size()) {
      index = static_cast<int32_t>(std::ranges::lower_bound(to, from[static_cast<size_t>(bucket.index)]) - to.begin());
    }
    if (result.empty() || result.back().index != index) {
      result.push_back({index, bucket.count});
    } else {
      Increase(result.back().count, bucket.count);
    }
  }
  return result;
}

// Whether the hints of both contradict each other; `to` gets that of the result.
bool MergeHints(ResetHint& to, ResetHint other) {
  if (to == other || to == ResetHint::kGauge) return false;
  if (other == ResetHint::kGauge) {
    to = ResetHint::kGauge;
  } else if (to != ResetHint::kUnknown) {
    const bool collision = other != ResetHint::kUnknown;
    to = ResetHint::kUnknown;
    return collision;
  }
  return false;
}

template <typename Number>
AddOutcome AddTo(BasicHistogram<Number>& to, const Histogram& other, double sign) {
  AddOutcome outcome;
  if (to.custom() != other.custom()) {
    outcome.compatible = false;
    return outcome;
  }
  outcome.hint_collision = MergeHints(to.hint, other.hint);
  if (!to.custom()) Increase(to.zero_count, sign * ReconcileZero(to, other));
  Increase(to.count, sign * other.count);
  Increase(to.sum, sign * other.sum);
  if (to.custom()) {
    if (to.custom_bounds == other.custom_bounds) {
      MergeBuckets(to.positive, other.positive, sign, kCustomBounds, 0);
      return outcome;
    }
    outcome.bounds_reconciled = true;
    std::vector<double> common = CommonBounds(to.custom_bounds, other.custom_bounds);
    to.positive = Rebucket(to.positive, to.custom_bounds, common);
    MergeBuckets(to.positive, Rebucket(other.positive, other.custom_bounds, common), sign, kCustomBounds, 0);
    to.custom_bounds = std::move(common);
    return outcome;
  }
  ReduceTo(to, other.schema);
  if (other.schema == to.schema) {
    MergeBuckets(to.positive, other.positive, sign, to.schema, to.zero_threshold);
    MergeBuckets(to.negative, other.negative, sign, to.schema, to.zero_threshold);
    return outcome;
  }
  Buckets<double> positive = other.positive;
  Buckets<double> negative = other.negative;
  Coarsen(positive, other.schema, to.schema);
  Coarsen(negative, other.schema, to.schema);
  MergeBuckets(to.positive, positive, sign, to.schema, to.zero_threshold);
  MergeBuckets(to.negative, negative, sign, to.schema, to.zero_threshold);
  return outcome;
}

// Calls `visit` with every number of the histogram.
template <typename AnyHistogram, typename Visit>
void VisitNumbers(AnyHistogram& histogram, Visit visit) {
  visit(histogram.zero_count);
  visit(histogram.count);
  visit(histogram.sum);
  for (auto& bucket : histogram.positive) visit(bucket.count);
  for (auto& bucket : histogram.negative) visit(bucket.count);
}

bool BucketsReset(const Buckets<double>& now, const Buckets<double>& before) {
  size_t i = 0;
  for (const auto& bucket : before) {
    if (bucket.count == 0) continue;
    while (i < now.size() && now[i].index < bucket.index) ++i;
    const bool there = i < now.size() && now[i].index == bucket.index;
    if (!there || now[i].count < bucket.count) return true;
  }
  return false;
}

Histogram ToPlain(const BasicHistogram<KahanNumber>& sum) {
  Histogram plain;
  plain.hint = sum.hint;
  plain.schema = sum.schema;
  plain.zero_threshold = sum.zero_threshold;
  plain.zero_count = Plain(sum.zero_count);
  plain.count = Plain(sum.count);
  plain.sum = Plain(sum.sum);
  plain.custom_bounds = sum.custom_bounds;
  for (const auto& bucket : sum.positive) plain.positive.push_back({bucket.index, Plain(bucket.count)});
  for (const auto& bucket : sum.negative) plain.negative.push_back({bucket.index, Plain(bucket.count)});
  DropEmpty(plain.positive);
  DropEmpty(plain.negative);
  return plain;
}

}  // namespace

std::vector<BucketView> AllBuckets(const Histogram& histogram) {
  std::vector<BucketView> views;
  views.reserve(histogram.negative.size() + histogram.positive.size() + 1);
  for (size_t i = histogram.negative.size(); i > 0; --i) {
    BucketView view = NegativeBucket(histogram, histogram.negative[i - 1]);
    if (view.upper < 0 && view.upper > -histogram.zero_threshold) view.upper = -histogram.zero_threshold;
    views.push_back(view);
  }
  if (histogram.zero_count > 0) views.push_back(ZeroBucket(histogram));
  for (const auto& bucket : histogram.positive) {
    BucketView view = PositiveBucket(histogram, bucket);
    if (view.lower > 0 && view.lower < histogram.zero_threshold) view.lower = histogram.zero_threshold;
    views.push_back(view);
  }
  return views;
}

AddOutcome Add(Histogram& to, const Histogram& other, bool subtract) { return AddTo(to, other, subtract ? -1 : 1); }

void Scale(Histogram& histogram, double factor) {
  VisitNumbers(histogram, [factor](double& number) { number *= factor; });
  DropEmpty(histogram.positive);
  DropEmpty(histogram.negative);
  if (factor < 0) histogram.hint = ResetHint::kGauge;
}

void Divide(Histogram& histogram, double divisor) {
  VisitNumbers(histogram, [divisor](double& number) { number /= divisor; });
  if (divisor == 0) {
    histogram.positive.clear();
    histogram.negative.clear();
  }
  if (divisor < 0) histogram.hint = ResetHint::kGauge;
}

void ReduceSchema(Histogram& histogram, int32_t schema) { ReduceTo(histogram, schema); }

bool DetectReset(const Histogram& histogram, const Histogram& previous) {
  if (histogram.hint == ResetHint::kReset) return true;
  if (histogram.hint == ResetHint::kNotReset) return false;
  if (histogram.count < previous.count) return true;
  if (histogram.custom() != previous.custom()) return true;
  if (histogram.custom()) {
    const std::vector<double> common = CommonBounds(histogram.custom_bounds, previous.custom_bounds);
    return BucketsReset(Rebucket(histogram.positive, histogram.custom_bounds, common),
                        Rebucket(previous.positive, previous.custom_bounds, common));
  }
  // A finer schema or a narrower zero bucket come with a new start only.
  if (histogram.schema > previous.schema || histogram.zero_threshold < previous.zero_threshold) return true;
  const WiderZero<double> zero = WidenZero(previous, histogram.zero_threshold);
  if (zero.threshold != histogram.zero_threshold || histogram.zero_count < zero.count) return true;
  Histogram before = previous;
  before.zero_threshold = histogram.zero_threshold;
  DropWithinZero(before);
  ReduceTo(before, histogram.schema);
  return BucketsReset(histogram.positive, before.positive) || BucketsReset(histogram.negative, before.negative);
}

bool SameHistogram(const Histogram& a, const Histogram& b) {
  const auto same = [](double x, double y) { return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y); };
  return a.schema == b.schema && same(a.count, b.count) && same(a.sum, b.sum) && a.zero_threshold == b.zero_threshold &&
         same(a.zero_count, b.zero_count) && a.positive == b.positive && a.negative == b.negative &&
         a.custom_bounds == b.custom_bounds;
}

bool HasOverflow(const Histogram& histogram) {
  bool overflow = false;
  VisitNumbers(histogram, [&overflow](double number) { overflow = overflow || std::isinf(number); });
  return overflow;
}

HistogramSum::HistogramSum(const Histogram& first, bool mean) : mean_(mean) {
  sum_.hint = first.hint;
  sum_.schema = first.schema;
  sum_.zero_threshold = first.zero_threshold;
  sum_.zero_count.sum = first.zero_count;
  sum_.count.sum = first.count;
  sum_.sum.sum = first.sum;
  sum_.custom_bounds = first.custom_bounds;
  for (const auto& bucket : first.positive) sum_.positive.push_back({bucket.index, {bucket.count, 0}});
  for (const auto& bucket : first.negative) sum_.negative.push_back({bucket.index, {bucket.count, 0}});
  SeeHint(first.hint);
}

void HistogramSum::SeeHint(ResetHint hint) {
  seen_reset_ = seen_reset_ || hint == ResetHint::kReset;
  seen_no_reset_ = seen_no_reset_ || hint == ResetHint::kNotReset;
}

AddOutcome HistogramSum::Add(const Histogram& other) {
  ++count_;
  SeeHint(other.hint);
  if (!mean_) return AddTo(sum_, other, 1);
  if (!incremental_) {
    BasicHistogram<KahanNumber> sum = sum_;
    const AddOutcome outcome = AddTo(sum, other, 1);
    bool overflow = false;
    VisitNumbers(sum, [&overflow](const KahanNumber& number) { overflow = overflow || std::isinf(number.sum); });
    if (!overflow || !outcome.compatible) {
      sum_ = std::move(sum);
      return outcome;
    }
    VisitNumbers(sum_, [this](KahanNumber& number) { Multiply(number, 1 / (count_ - 1)); });
    incremental_ = true;
  }
  VisitNumbers(sum_, [this](KahanNumber& number) { Multiply(number, (count_ - 1) / count_); });
  Histogram share = other;
  Divide(share, count_);
  return AddTo(sum_, share, 1);
}

Histogram HistogramSum::Result() const {
  Histogram result = ToPlain(sum_);
  if (mean_ && !incremental_) VisitNumbers(result, [this](double& number) { number /= count_; });
  return result;
}

std::string HistogramText(const Histogram& histogram) {
  std::string text = fmt::format("{{count:{}, sum:{}", FormatGeneral(histogram.count), FormatGeneral(histogram.sum));
  for (const BucketView& bucket : AllBuckets(histogram)) {
    text += fmt::format(", {}{},{}{}:{}", bucket.lower_inclusive ? '[' : '(', FormatGeneral(bucket.lower),
                        FormatGeneral(bucket.upper), bucket.upper_inclusive ? ']' : ')', FormatGeneral(bucket.count));
  }
  return text + '}';
}

}  // namespace clew::query::promql
