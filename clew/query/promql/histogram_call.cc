// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clew/model/prometheus_names.h"
#include "clew/query/promql/buckets.h"
#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/native_histogram.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

// The series that are the buckets of one classic histogram, and those that are the same histogram as a native one.
struct HistogramSeries {
  model::Labels labels;  // without le
  bool drop_name = false;
  std::vector<std::pair<double, const Column*>> bounds;
  const Series* native = nullptr;

  // The classic buckets at a step.
  void BucketsAt(size_t step, std::vector<Bucket>& buckets) const {
    buckets.clear();
    for (const auto& [upper, counts] : bounds) {
      if (IsPresent((*counts)[step])) buckets.push_back({upper, (*counts)[step]});
    }
  }
};

// histogram_quantile or histogram_fraction with its arguments.
class HistogramFunction {
 public:
  HistogramFunction(bool quantile, const Column& first, const Column& second, PositionRange range, bool names_stay,
                    Annotations& annotations)
      : quantile_(quantile),
        first_(first),
        second_(second),
        range_(range),
        names_stay_(names_stay),
        annotations_(annotations) {}

  // By labels. The vector outlives the result.
  std::vector<HistogramSeries> Group(const std::vector<Series>& input) const {
    std::vector<HistogramSeries> histograms;
    std::unordered_map<std::string, size_t> by_labels;
    const auto group_of = [&](model::Labels labels, bool drop_name) -> HistogramSeries& {
      const auto [found, is_new] = by_labels.try_emplace(labels.ToString(), histograms.size());
      if (is_new) histograms.push_back({std::move(labels), drop_name, {}, nullptr});
      return histograms[found->second];
    };
    for (const Series& series : input) {
      if (!series.histograms.empty()) group_of(series.labels, series.drop_name).native = &series;
      if (!AnyPresent(series.values)) continue;
      const std::string_view le = series.labels.Get(model::kLeLabel);
      const auto bound = ParseNumber(le);
      if (!bound) {
        annotations_.BadBucketLabel(NameOf(series.labels), le, range_);
        continue;
      }
      model::Labels labels = series.labels;
      labels.Remove(model::kLeLabel);
      group_of(std::move(labels), series.drop_name).bounds.emplace_back(*bound, &series.values);
    }
    return histograms;
  }

  void Apply(const HistogramSeries& histogram, const Steps& steps, Column& column) {
    for (size_t i = 0; i < steps.count; ++i) {
      histogram.BucketsAt(i, buckets_);
      const Histogram* native = histogram.native != nullptr ? histogram.native->HistogramAt(i) : nullptr;
      if (native == nullptr) {
        if (!buckets_.empty()) column[i] = OfClassic(histogram, steps, i);
      } else if (buckets_.empty()) {
        column[i] = OfNative(histogram, *native, i);
      } else {
        // Which of the two is meant is not known.
        annotations_.MixedClassicNative(NameOf(histogram.labels), range_);
      }
    }
  }

 private:
  std::string_view NameOf(const model::Labels& labels) const {
    return names_stay_ ? labels.Get(model::kMetricName) : std::string_view();
  }

  double OfClassic(const HistogramSeries& histogram, const Steps& steps, size_t step) {
    if (!quantile_) return BucketFraction(first_[step], second_[step], buckets_);
    ForcedMonotonic forced;
    const double result = BucketQuantile(first_[step], buckets_, forced);
    if (forced.forced) {
      annotations_.ForcedMonotonicity(NameOf(histogram.labels), range_, steps.At(step), forced.min_bucket,
                                      forced.max_bucket, forced.max_difference);
    }
    return result;
  }

  double OfNative(const HistogramSeries& histogram, const Histogram& native, size_t step) {
    const std::string_view name = NameOf(histogram.labels);
    const HistogramAnswer answer =
        quantile_ ? HistogramQuantile(first_[step], native) : HistogramFraction(first_[step], second_[step], native);
    if (answer.nan_result) annotations_.QuantileOfNan(name, range_);
    if (answer.nan_skew && quantile_) annotations_.QuantileSkewed(name, range_);
    if (answer.nan_skew && !quantile_) annotations_.FractionWithoutNans(name, range_);
    return answer.value;
  }

  bool quantile_;
  const Column& first_;
  const Column& second_;
  PositionRange range_;
  bool names_stay_;
  Annotations& annotations_;
  std::vector<Bucket> buckets_;
};

}  // namespace

base::Result<Value> Evaluator::EvalHistogram(const Call& call, const Steps& steps) {
  const bool quantile = call.function->id == FunctionId::kHistogramQuantile;
  const Expr& histogram_arg = *call.args.back();
  CLEW_ASSIGN_OR_RETURN(const Column first, EvalParameter(*call.args[0], steps));
  Column second;
  if (!quantile) {
    CLEW_ASSIGN_OR_RETURN(second, EvalParameter(*call.args[1], steps));
  }
  CLEW_ASSIGN_OR_RETURN(const Value input, Eval(histogram_arg, steps));
  if (quantile) {
    for (const double q : first) {
      if (std::isnan(q) || q < 0 || q > 1) annotations_.InvalidQuantile(q, call.args[0]->range);
    }
  }
  HistogramFunction function(quantile, first, second, histogram_arg.range, options_.delayed_name_removal, annotations_);
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  for (HistogramSeries& histogram : function.Group(input.series)) {
    CLEW_RETURN_IF_ERROR(Check());
    CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, Absent(), value.reservation));
    function.Apply(histogram, steps, column);
    if (!AnyPresent(column)) continue;
    Series series{std::move(histogram.labels), histogram.drop_name, std::move(column)};
    MarkNameDropped(series);
    value.series.push_back(std::move(series));
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalHistogramStatistic(const Call& call, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  const auto statistic = [id = call.function->id](const Histogram& histogram) {
    switch (id) {
      case FunctionId::kHistogramCount: return histogram.count;
      case FunctionId::kHistogramSum: return histogram.sum;
      case FunctionId::kHistogramAvg: return histogram.sum / histogram.count;
      case FunctionId::kHistogramStddev: return std::sqrt(HistogramVariance(histogram));
      default: return HistogramVariance(histogram);
    }
  };
  std::erase_if(value.series, [](const Series& series) { return series.histograms.empty(); });
  for (Series& series : value.series) {
    MarkNameDropped(series);
    for (size_t i = 0; i < steps.count; ++i) {
      const Histogram* histogram = series.HistogramAt(i);
      series.values[i] = histogram != nullptr ? statistic(*histogram) : Absent();
    }
    series.DropHistograms();
  }
  RemoveEmpty(value.series);
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

}  // namespace clew::query::promql
