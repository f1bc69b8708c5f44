// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clew/query/promql/annotations.h"
#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {
namespace {

// Times that leave room to go back and forth from them without overflow.
constexpr int64_t kMaxTimeMs = int64_t{1} << 53;

base::Status CheckTime(int64_t time_ms) {
  if (time_ms < -kMaxTimeMs || time_ms > kMaxTimeMs) return base::InvalidArgument("time is out of range");
  return {};
}

void SortByLabels(std::vector<ResultSeries>& series) {
  std::ranges::sort(series, [](const ResultSeries& a, const ResultSeries& b) { return a.labels < b.labels; });
}

// The result of an instant query whose expression is a range vector.
base::Status FillMatrix(Evaluator& evaluator, const Expr& expr, const Steps& steps, const EngineOptions& options,
                        base::Result<std::vector<RangeSeries>> ranges, QueryResult& result) {
  if (!ranges) return std::unexpected(std::move(ranges).error());
  const Evaluator::RangeTimes times = Evaluator::TimesOf(expr);
  const int64_t end = evaluator.ReferenceTime(times.modifiers, steps.start_ms);
  const int64_t start = end - times.range_ms;
  for (RangeSeries& range : *ranges) {
    ResultSeries series;
    series.labels = std::move(range.labels);
    if (options.delayed_name_removal && range.drop_name) DropMetricName(series.labels);
    for (size_t i = 0; i < range.times_ms.size(); ++i) {
      if (range.times_ms[i] <= start || range.times_ms[i] > end) continue;
      series.times_ms.push_back(range.times_ms[i]);
      series.values.push_back(range.values[i]);
    }
    for (size_t i = 0; i < range.histograms.size(); ++i) {
      if (range.histogram_times_ms[i] <= start || range.histogram_times_ms[i] > end) continue;
      series.histogram_times_ms.push_back(range.histogram_times_ms[i]);
      series.histograms.push_back(range.histograms[i]);
    }
    if (!series.empty()) result.series.push_back(std::move(series));
  }
  SortByLabels(result.series);
  return {};
}

// Moves the points of a series into the result, where it has any.
void AddSeries(const Steps& steps, Series from, QueryResult& result) {
  ResultSeries series;
  series.labels = std::move(from.labels);
  for (size_t i = 0; i < steps.count; ++i) {
    if (IsPresent(from.values[i])) {
      series.times_ms.push_back(steps.At(i));
      series.values.push_back(from.values[i]);
    } else if (from.HistogramAt(i) != nullptr) {
      series.histogram_times_ms.push_back(steps.At(i));
      series.histograms.push_back(from.histograms[i]);
    }
  }
  if (!series.empty()) result.series.push_back(std::move(series));
}

}  // namespace

base::Result<QueryResult> EvaluateInstant(Source& source, const model::RequestContext& context, std::string_view query,
                                          int64_t time_ms, const EngineOptions& options) {
  CLEW_RETURN_IF_ERROR(CheckTime(time_ms));
  CLEW_ASSIGN_OR_RETURN(const ExprPtr expr, ParseExpr(query));
  Annotations annotations(query);
  Evaluator evaluator(source, context, options, annotations, time_ms, time_ms);
  const Steps steps{time_ms, 1, 1};
  QueryResult result;
  result.type = TypeOf(*expr);
  result.time_ms = time_ms;
  if (result.type == ValueType::kMatrix) {
    Budget budget(context.memory_budget_bytes);
    Reservation reservation(budget);
    CLEW_RETURN_IF_ERROR(
        FillMatrix(evaluator, *expr, steps, options, evaluator.EvalRange(*expr, steps, reservation), result));
  } else {
    CLEW_ASSIGN_OR_RETURN(Value value, evaluator.Eval(*expr, steps));
    CLEW_RETURN_IF_ERROR(evaluator.DropNames(value));
    if (result.type == ValueType::kScalar) result.scalar = value.scalar[0];
    result.text = std::move(value.text);
    for (Series& one : value.series) AddSeries(steps, std::move(one), result);
  }
  result.warnings = annotations.Warnings();
  result.infos = annotations.Infos();
  return result;
}

base::Result<QueryResult> EvaluateRange(Source& source, const model::RequestContext& context, std::string_view query,
                                        int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                        const EngineOptions& options) {
  CLEW_RETURN_IF_ERROR(CheckTime(start_ms));
  CLEW_RETURN_IF_ERROR(CheckTime(end_ms));
  if (end_ms < start_ms) return base::InvalidArgument("end timestamp must not be before start time");
  if (step_ms <= 0) return base::InvalidArgument("zero or negative query resolution step widths are not accepted");
  if ((end_ms - start_ms) / step_ms > options.max_points) {
    return base::InvalidArgument(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
  }
  CLEW_ASSIGN_OR_RETURN(const ExprPtr expr, ParseExpr(query));
  const ValueType type = TypeOf(*expr);
  if (type != ValueType::kVector && type != ValueType::kScalar) {
    return base::InvalidArgument(fmt::format(
        "invalid expression type \"{}\" for range query, must be Scalar or instant Vector", DocumentedType(type)));
  }
  Annotations annotations(query);
  Evaluator evaluator(source, context, options, annotations, start_ms, end_ms);
  const Steps steps{start_ms, step_ms, static_cast<size_t>((end_ms - start_ms) / step_ms) + 1};
  CLEW_ASSIGN_OR_RETURN(Value value, evaluator.Eval(*expr, steps));
  CLEW_RETURN_IF_ERROR(evaluator.DropNames(value));
  QueryResult result;
  result.type = ValueType::kMatrix;
  if (value.type == ValueType::kScalar) value.series.push_back({{}, false, std::move(value.scalar)});
  for (Series& one : value.series) AddSeries(steps, std::move(one), result);
  SortByLabels(result.series);
  result.warnings = annotations.Warnings();
  result.infos = annotations.Infos();
  return result;
}

}  // namespace clew::query::promql
