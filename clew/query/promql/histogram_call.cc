// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clew/model/prometheus_names.h"
#include "clew/query/promql/buckets.h"
#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

// The series that are the buckets of one classic histogram.
struct BucketSeries {
  model::Labels labels;  // without le
  bool drop_name = false;
  std::vector<std::pair<double, const Column*>> bounds;
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
  std::vector<BucketSeries> histograms;
  std::unordered_map<std::string, size_t> by_labels;
  for (const Series& series : input.series) {
    const std::string_view le = series.labels.Get(model::kLeLabel);
    const auto bound = ParseNumber(le);
    if (!bound) {
      const std::string_view name =
          options_.delayed_name_removal ? series.labels.Get(model::kMetricName) : std::string_view();
      annotations_.BadBucketLabel(name, le, histogram_arg.range);
      continue;
    }
    model::Labels labels = series.labels;
    labels.Remove(model::kLeLabel);
    const auto [found, is_new] = by_labels.try_emplace(labels.ToString(), histograms.size());
    if (is_new) histograms.push_back({std::move(labels), series.drop_name, {}});
    histograms[found->second].bounds.emplace_back(*bound, &series.values);
  }
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  std::vector<Bucket> buckets;
  for (BucketSeries& histogram : histograms) {
    CLEW_RETURN_IF_ERROR(Check());
    CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, Absent(), value.reservation));
    for (size_t i = 0; i < steps.count; ++i) {
      buckets.clear();
      for (const auto& [upper, counts] : histogram.bounds) {
        if (IsPresent((*counts)[i])) buckets.push_back({upper, (*counts)[i]});
      }
      if (buckets.empty()) continue;
      if (!quantile) {
        column[i] = BucketFraction(first[i], second[i], buckets);
        continue;
      }
      ForcedMonotonic forced;
      column[i] = BucketQuantile(first[i], buckets, forced);
      if (forced.forced) {
        const std::string_view name =
            options_.delayed_name_removal ? histogram.labels.Get(model::kMetricName) : std::string_view();
        annotations_.ForcedMonotonicity(name, histogram_arg.range, steps.At(i), forced.min_bucket, forced.max_bucket,
                                        forced.max_difference);
      }
    }
    if (!AnyPresent(column)) continue;
    Series series{std::move(histogram.labels), histogram.drop_name, std::move(column)};
    MarkNameDropped(series);
    value.series.push_back(std::move(series));
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

}  // namespace clew::query::promql
