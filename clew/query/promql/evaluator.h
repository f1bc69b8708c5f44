// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/query/promql/annotations.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/engine.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/source.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {

// Evaluates one query. Every node is evaluated at all steps at once: a series is read in one pass, and operations work
// on whole columns. Part of the engine, not of its interface.
class Evaluator {
 public:
  // `start_ms` and `end_ms` are the query's own, for @ start() and @ end(). All arguments outlive the evaluator.
  Evaluator(Source& source, const model::RequestContext& context, const EngineOptions& options,
            Annotations& annotations, int64_t start_ms, int64_t end_ms)
      : source_(source),
        context_(context),
        options_(options),
        annotations_(annotations),
        start_ms_(start_ms),
        end_ms_(end_ms),
        budget_(context.memory_budget_bytes) {}

  // Of every type but kMatrix.
  base::Result<Value> Eval(const Expr& expr, const Steps& steps);
  // Of a range vector, for the windows of all steps.
  base::Result<std::vector<RangeSeries>> EvalRange(const Expr& expr, const Steps& steps, Reservation& reservation);
  // Takes off the names that delayed name removal left, and merges what becomes one series.
  base::Status DropNames(Value& value);

  // Where the windows of a range vector lie at a step.
  struct RangeTimes {
    TimeModifiers modifiers;
    int64_t range_ms = 0;
  };
  static RangeTimes TimesOf(const Expr& range_expr);
  // The time that a selector looks at, at a step.
  int64_t ReferenceTime(const TimeModifiers& modifiers, int64_t step_time_ms) const;

 private:
  struct RangeArguments {
    const Expr* range = nullptr;
    RangeTimes times;
    std::vector<Column> parameters;
    std::vector<const Expr*> parameter_args;
  };
  struct Loaded {
    std::vector<SourceSeries> series;
    Reservation reservation;
  };

  base::Result<Value> EvalHere(const Expr& expr, const Steps& steps);
  base::Result<Value> EvalSelector(const VectorSelector& selector, const Steps& steps, bool timestamps);
  base::Result<const Loaded*> Load(const VectorSelector& selector, int64_t from_ms, int64_t to_ms);
  base::Result<std::vector<RangeSeries>> EvalMatrix(const MatrixSelector& matrix, const Steps& steps,
                                                    Reservation& reservation);
  base::Result<std::vector<RangeSeries>> EvalSubquery(const SubqueryExpr& subquery, const Steps& steps,
                                                      Reservation& reservation);
  base::Result<Value> EvalUnary(const UnaryExpr& unary, const Steps& steps);

  // binary.cc
  base::Result<Value> EvalBinary(const BinaryExpr& binary, PositionRange range, const Steps& steps);
  base::Result<Value> ScalarBinary(const BinaryExpr& binary, Value left, const Value& right);
  base::Result<Value> VectorScalarBinary(const BinaryExpr& binary, PositionRange range, Value vector,
                                         const Column& scalar, bool swapped);
  base::Result<Value> VectorBinary(const BinaryExpr& binary, PositionRange range, Value left, Value right,
                                   const Steps& steps);
  base::Result<Value> SetBinary(const BinaryExpr& binary, Value left, Value right, const Steps& steps);

  // aggregate.cc
  base::Result<Value> EvalAggregate(const AggregateExpr& aggregate, PositionRange range, const Steps& steps);
  base::Result<Value> AggregateGroups(const AggregateExpr& aggregate, const Value& input, const Column& parameter,
                                      const Steps& steps);
  base::Result<Value> TopOrBottom(const AggregateExpr& aggregate, PositionRange range, Value input,
                                  const Column& parameter, const Steps& steps);
  // Adds what a group's histograms give to what its floats gave.
  void AggregateHistograms(const AggregateExpr& aggregate, const std::vector<Series>& series,
                           const std::vector<size_t>& rows, Series& out);
  void SumHistograms(const AggregateExpr& aggregate, const std::vector<Series>& series, const std::vector<size_t>& rows,
                     size_t step, Series& out);
  base::Result<Value> CountValues(const AggregateExpr& aggregate, const Value& input, const std::string& label,
                                  const Steps& steps);

  // call.cc
  base::Result<Value> EvalCall(const Call& call, const Expr& expr, const Steps& steps);
  base::Result<Value> EvalRangeCall(const Call& call, const Steps& steps);
  // One series of a range vector, with parameters by argument and step.
  base::Result<Series> ApplyToRange(const Call& call, RangeSeries& range, const RangeArguments& arguments,
                                    const Steps& steps, Reservation& reservation);
  base::Result<Value> AbsentOverTime(const Call& call, const Value& present, const Steps& steps);
  base::Result<Value> EvalTimestamp(const Call& call, const Steps& steps);
  base::Result<Value> EvalDate(const Call& call, const Steps& steps);
  base::Result<Value> EvalScalarCall(const Call& call, const Steps& steps);
  base::Result<Value> EvalAbsent(const Call& call, const Steps& steps);
  base::Result<Value> EvalClamp(const Call& call, const Steps& steps);
  base::Result<Value> EvalRound(const Call& call, const Steps& steps);
  base::Result<Value> EvalMath(const Call& call, const Steps& steps);
  base::Result<Value> EvalSort(const Call& call, const Expr& expr, const Steps& steps);

  // label_functions.cc
  base::Result<Value> EvalLabelReplace(const Call& call, const Steps& steps);
  base::Result<Value> EvalLabelJoin(const Call& call, const Steps& steps);

  // histogram_call.cc
  base::Result<Value> EvalHistogram(const Call& call, const Steps& steps);
  base::Result<Value> EvalHistogramStatistic(const Call& call, const Steps& steps);

  bool IsStepInvariant(const Expr& expr);
  base::Status Check() const { return context_.Check(); }
  base::Result<Column> NewColumn(const Steps& steps, double fill, Reservation& reservation);
  // Takes the name off the series' labels, now or at the end.
  void MarkNameDropped(Series& series) const;
  // Series of the same labels become one where they never stand at one step; else the error Prometheus gives.
  static base::Status Merge(std::vector<Series>& series);
  // The same after an operation that took names off at once.
  base::Status MergeUnlessDelayed(std::vector<Series>& series) const {
    return options_.delayed_name_removal ? base::Status() : Merge(series);
  }
  static void RemoveEmpty(std::vector<Series>& series);
  // Leaves histograms out, and series that have nothing else.
  static void KeepFloats(std::vector<Series>& series);
  base::Result<Column> EvalParameter(const Expr& expr, const Steps& steps);

  Source& source_;
  const model::RequestContext& context_;
  const EngineOptions& options_;
  Annotations& annotations_;
  int64_t start_ms_;
  int64_t end_ms_;
  Budget budget_;
  std::map<std::string, Loaded> loaded_;  // by selector and times
  std::unordered_map<const Expr*, bool> invariant_;
};

// Labels that say which metric a series is of, and not what it is about: dropped together.
void DropMetricName(model::Labels& labels);
// The bytes of the labels named in `names` (sorted), or of all others but the metric's name.
std::string SignatureOn(const model::Labels& labels, const std::vector<std::string>& names);
std::string SignatureIgnoring(const model::Labels& labels, const std::vector<std::string>& names);

uint64_t BytesOf(const Histogram& histogram);
// Counts the histograms of a series that are no one else's, and the places of all.
base::Status ChargeHistograms(const Series& series, Reservation& reservation);

inline std::unexpected<base::Error> ExecutionError(std::string message) {
  return base::Fail(base::Code::kFailedPrecondition, std::move(message));
}

}  // namespace clew::query::promql
