// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>

#include "clew/query/promql/dates.h"
#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/range_functions.h"
#include "clew/query/promql/range_histograms.h"

namespace clew::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using MathFunction = double (*)(double);

MathFunction FindMathFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kAbs: return [](double x) { return std::abs(x); };
    case FunctionId::kCeil: return [](double x) { return std::ceil(x); };
    case FunctionId::kFloor: return [](double x) { return std::floor(x); };
    case FunctionId::kExp: return [](double x) { return std::exp(x); };
    case FunctionId::kSqrt: return [](double x) { return std::sqrt(x); };
    case FunctionId::kLn: return [](double x) { return std::log(x); };
    case FunctionId::kLog2: return [](double x) { return std::log2(x); };
    case FunctionId::kLog10: return [](double x) { return std::log10(x); };
    case FunctionId::kSin: return [](double x) { return std::sin(x); };
    case FunctionId::kCos: return [](double x) { return std::cos(x); };
    case FunctionId::kTan: return [](double x) { return std::tan(x); };
    case FunctionId::kAsin: return [](double x) { return std::asin(x); };
    case FunctionId::kAcos: return [](double x) { return std::acos(x); };
    case FunctionId::kAtan: return [](double x) { return std::atan(x); };
    case FunctionId::kSinh: return [](double x) { return std::sinh(x); };
    case FunctionId::kCosh: return [](double x) { return std::cosh(x); };
    case FunctionId::kTanh: return [](double x) { return std::tanh(x); };
    case FunctionId::kAsinh: return [](double x) { return std::asinh(x); };
    case FunctionId::kAcosh: return [](double x) { return std::acosh(x); };
    case FunctionId::kAtanh: return [](double x) { return std::atanh(x); };
    case FunctionId::kRad: return [](double x) { return x * std::numbers::pi / 180; };
    case FunctionId::kDeg: return [](double x) { return x * 180 / std::numbers::pi; };
    case FunctionId::kSgn: return [](double x) { return x < 0 ? -1.0 : (x > 0 ? 1.0 : x); };
    default: return nullptr;
  }
}

// The labels of what absent() finds missing: those that the selector names by one equality.
model::Labels LabelsOfAbsent(const Expr& arg) {
  const Expr& inner = Unwrap(arg);
  const VectorSelector* selector = inner.As<VectorSelector>();
  if (const auto* matrix = inner.As<MatrixSelector>()) selector = &matrix->selector;
  model::Labels labels;
  if (selector == nullptr) return labels;
  std::vector<std::string> seen;
  for (const model::LabelMatcher& matcher : selector->matchers) {
    if (matcher.name == model::kMetricName) continue;
    const bool first = std::ranges::find(seen, matcher.name) == seen.end();
    if (matcher.type == model::MatchType::kEqual && first) {
      labels.Set(matcher.name, matcher.value);
      seen.push_back(matcher.name);
    } else {
      labels.Remove(matcher.name);
    }
  }
  return labels;
}

// The samples within a window that moves on; of one kind.
struct WindowOf {
  std::span<const int64_t> times_ms;
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
  // Open on the left.
  void MoveTo(int64_t start_ms, int64_t end_ms) {
    while (end < times_ms.size() && times_ms[end] <= end_ms) ++end;
    while (begin < end && times_ms[begin] <= start_ms) ++begin;
  }
};

bool EndsLikeCounter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") || name.ends_with("_bucket");
}

}  // namespace

base::Result<Value> Evaluator::EvalCall(const Call& call, const Expr& expr, const Steps& steps) {
  switch (call.function->id) {
    case FunctionId::kTimestamp: return EvalTimestamp(call, steps);
    case FunctionId::kTime:
    case FunctionId::kPi:
    case FunctionId::kScalar:
    case FunctionId::kVector: return EvalScalarCall(call, steps);
    case FunctionId::kAbsent: return EvalAbsent(call, steps);
    case FunctionId::kClamp:
    case FunctionId::kClampMax:
    case FunctionId::kClampMin: return EvalClamp(call, steps);
    case FunctionId::kRound: return EvalRound(call, steps);
    case FunctionId::kSort:
    case FunctionId::kSortDesc: return EvalSort(call, expr, steps);
    case FunctionId::kLabelReplace: return EvalLabelReplace(call, steps);
    case FunctionId::kLabelJoin: return EvalLabelJoin(call, steps);
    case FunctionId::kHistogramQuantile:
    case FunctionId::kHistogramFraction: return EvalHistogram(call, steps);
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramSum:
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar: return EvalHistogramStatistic(call, steps);
    default: break;
  }
  if (FindRangeFunction(call.function->id) != nullptr) return EvalRangeCall(call, steps);
  if (FindMathFunction(call.function->id) != nullptr) return EvalMath(call, steps);
  if (FindDateFunction(call.function->id) != nullptr) return EvalDate(call, steps);
  return base::Unimplemented("function \"" + std::string(call.function->name) + "\" is not supported yet");
}

base::Result<Value> Evaluator::EvalMath(const Call& call, const Steps& steps) {
  const MathFunction function = FindMathFunction(call.function->id);
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  KeepFloats(value.series);
  for (Series& series : value.series) {
    MarkNameDropped(series);
    for (double& number : series.values) {
      if (IsPresent(number)) number = function(number);
    }
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalClamp(const Call& call, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  const double infinity = std::numeric_limits<double>::infinity();
  Column lower(steps.count, -infinity);
  Column upper(steps.count, infinity);
  if (call.function->id != FunctionId::kClampMax) {
    CLEW_ASSIGN_OR_RETURN(lower, EvalParameter(*call.args[1], steps));
  }
  if (call.function->id != FunctionId::kClampMin) {
    CLEW_ASSIGN_OR_RETURN(upper, EvalParameter(*call.args.back(), steps));
  }
  KeepFloats(value.series);
  for (Series& series : value.series) {
    MarkNameDropped(series);
    for (size_t i = 0; i < steps.count; ++i) {
      double& number = series.values[i];
      if (IsAbsent(number)) continue;
      if (upper[i] < lower[i]) {
        number = Absent();
      } else if (std::isnan(number) || std::isnan(lower[i]) || std::isnan(upper[i])) {
        number = kNan;
      } else {
        number = std::max(lower[i], std::min(upper[i], number));
      }
    }
  }
  RemoveEmpty(value.series);
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalRound(const Call& call, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  Column nearest(steps.count, 1);
  if (call.args.size() > 1) {
    CLEW_ASSIGN_OR_RETURN(nearest, EvalParameter(*call.args[1], steps));
  }
  KeepFloats(value.series);
  for (Series& series : value.series) {
    MarkNameDropped(series);
    for (size_t i = 0; i < steps.count; ++i) {
      double& number = series.values[i];
      if (IsAbsent(number)) continue;
      // The inverse loses fewer digits; ties go up.
      const double inverse = 1.0 / nearest[i];
      number = std::floor(number * inverse + 0.5) / inverse;
    }
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalSort(const Call& call, const Expr& expr, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  if (start_ms_ != end_ms_) annotations_.SortInRangeQuery(expr.range);
  KeepFloats(value.series);
  if (steps.count > 1) return value;
  const bool descending = call.function->id == FunctionId::kSortDesc;
  std::vector<size_t> order(value.series.size());
  for (size_t row = 0; row < order.size(); ++row) order[row] = row;
  std::ranges::sort(order, [&](size_t a, size_t b) {
    const double left = value.series[a].values[0];
    const double right = value.series[b].values[0];
    // NaN last either way; rows break ties.
    if (std::isnan(left) != std::isnan(right)) return std::isnan(right);
    if (left < right || left > right) return descending ? left > right : left < right;
    return a < b;
  });
  std::vector<Series> sorted;
  sorted.reserve(order.size());
  for (const size_t row : order) sorted.push_back(std::move(value.series[row]));
  value.series = std::move(sorted);
  return value;
}

base::Result<Value> Evaluator::EvalScalarCall(const Call& call, const Steps& steps) {
  Value value;
  value.type = ValueType::kScalar;
  value.reservation = Reservation(budget_);
  if (call.function->id == FunctionId::kTime) {
    CLEW_ASSIGN_OR_RETURN(value.scalar, NewColumn(steps, 0, value.reservation));
    for (size_t i = 0; i < steps.count; ++i) value.scalar[i] = static_cast<double>(steps.At(i)) / 1000;
    return value;
  }
  if (call.function->id == FunctionId::kPi) {
    CLEW_ASSIGN_OR_RETURN(value.scalar, NewColumn(steps, std::numbers::pi, value.reservation));
    return value;
  }
  CLEW_ASSIGN_OR_RETURN(Value arg, Eval(*call.args[0], steps));
  if (call.function->id == FunctionId::kVector) {
    arg.type = ValueType::kVector;
    arg.series.push_back({{}, false, std::move(arg.scalar)});
    arg.scalar.clear();
    return arg;
  }
  CLEW_ASSIGN_OR_RETURN(value.scalar, NewColumn(steps, kNan, value.reservation));
  for (size_t i = 0; i < steps.count; ++i) {
    size_t found = 0;
    for (const Series& series : arg.series) {
      if (IsAbsent(series.values[i])) continue;
      value.scalar[i] = ++found == 1 ? series.values[i] : kNan;
    }
  }
  return value;
}

base::Result<Value> Evaluator::EvalAbsent(const Call& call, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(const Value arg, Eval(*call.args[0], steps));
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, 1, value.reservation));
  for (const Series& series : arg.series) {
    for (size_t i = 0; i < steps.count; ++i) {
      if (series.Has(i)) column[i] = Absent();
    }
  }
  if (AnyPresent(column)) value.series.push_back({LabelsOfAbsent(*call.args[0]), false, std::move(column)});
  return value;
}

base::Result<Value> Evaluator::EvalTimestamp(const Call& call, const Steps& steps) {
  const auto* selector = Unwrap(*call.args[0]).As<VectorSelector>();
  CLEW_ASSIGN_OR_RETURN(Value value,
                        selector != nullptr ? EvalSelector(*selector, steps, true) : Eval(*call.args[0], steps));
  for (Series& series : value.series) {
    MarkNameDropped(series);
    if (selector != nullptr) continue;
    // The values of an operation are of the step itself.
    for (size_t i = 0; i < steps.count; ++i) {
      if (series.Has(i)) series.values[i] = static_cast<double>(steps.At(i)) / 1000;
    }
    series.DropHistograms();
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalDate(const Call& call, const Steps& steps) {
  const DateFunction function = FindDateFunction(call.function->id);
  Value value;
  if (call.args.empty()) {
    value.type = ValueType::kVector;
    value.reservation = Reservation(budget_);
    CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, 0, value.reservation));
    for (size_t i = 0; i < steps.count; ++i) column[i] = static_cast<double>(steps.At(i) / 1000);
    value.series.push_back({{}, false, std::move(column)});
  } else {
    CLEW_ASSIGN_OR_RETURN(value, Eval(*call.args[0], steps));
    KeepFloats(value.series);
    for (Series& series : value.series) MarkNameDropped(series);
  }
  for (Series& series : value.series) {
    for (double& number : series.values) {
      if (IsPresent(number)) number = DatePart(function, number);
    }
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalRangeCall(const Call& call, const Steps& steps) {
  const FunctionId id = call.function->id;
  RangeArguments arguments;
  for (const ExprPtr& arg : call.args) {
    if (TypeOf(*arg) == ValueType::kMatrix) {
      arguments.range = arg.get();
    } else {
      CLEW_ASSIGN_OR_RETURN(Column column, EvalParameter(*arg, steps));
      arguments.parameters.push_back(std::move(column));
      arguments.parameter_args.push_back(arg.get());
    }
  }
  Reservation held(budget_);
  CLEW_ASSIGN_OR_RETURN(std::vector<RangeSeries> ranges, EvalRange(*arguments.range, steps, held));
  arguments.times = TimesOf(*arguments.range);
  // These two give the sample itself, so its name stays.
  const bool keeps_name = id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  for (RangeSeries& range : ranges) {
    CLEW_RETURN_IF_ERROR(Check());
    CLEW_ASSIGN_OR_RETURN(Series series, ApplyToRange(call, range, arguments, steps, value.reservation));
    if (!series.HasAny()) continue;
    const std::string_view name = series.labels.Get(model::kMetricName);
    if ((id == FunctionId::kRate || id == FunctionId::kIncrease) && !name.empty() && !EndsLikeCounter(name) &&
        AnyPresent(series.values)) {
      annotations_.PossibleNonCounter(name, call.args[0]->range);
    }
    if (!keeps_name) MarkNameDropped(series);
    value.series.push_back(std::move(series));
  }
  if (id == FunctionId::kAbsentOverTime) return AbsentOverTime(call, value, steps);
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Series> Evaluator::ApplyToRange(const Call& call, RangeSeries& range, const RangeArguments& arguments,
                                             const Steps& steps, Reservation& reservation) {
  const FunctionId id = call.function->id;
  const RangeFunction function = FindRangeFunction(id);
  CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, Absent(), reservation));
  Series series{std::move(range.labels), range.drop_name, std::move(column)};
  WindowOf floats{range.times_ms};
  WindowOf histograms{range.histogram_times_ms};
  for (size_t i = 0; i < steps.count; ++i) {
    Window window;
    window.eval_ms = steps.At(i);
    window.end_ms = ReferenceTime(arguments.times.modifiers, window.eval_ms);
    window.start_ms = window.end_ms - arguments.times.range_ms;
    floats.MoveTo(window.start_ms, window.end_ms);
    histograms.MoveTo(window.start_ms, window.end_ms);
    if (floats.size() == 0 && histograms.size() == 0) continue;
    window.times_ms = range.times_ms.subspan(floats.begin, floats.size());
    window.values = range.values.subspan(floats.begin, floats.size());
    for (size_t p = 0; p < arguments.parameters.size() && p < window.parameters.size(); ++p) {
      window.parameters[p] = arguments.parameters[p][i];
    }
    if (id == FunctionId::kQuantileOverTime && floats.size() > 0) {
      const double q = window.parameters[0];
      if (std::isnan(q) || q < 0 || q > 1) annotations_.InvalidQuantile(q, arguments.parameter_args[0]->range);
    }
    if (histograms.size() == 0) {
      double result = 0;
      if (function(window, result)) series.values[i] = result;
      continue;
    }
    window.histogram_times_ms = std::span(range.histogram_times_ms).subspan(histograms.begin, histograms.size());
    window.histograms = std::span(range.histograms).subspan(histograms.begin, histograms.size());
    const RangeNotes notes{annotations_, series.labels.Get(model::kMetricName), call.args[0]->range};
    RangeOutcome outcome = ApplyOverHistograms(id, window, notes);
    series.values[i] = outcome.number;
    if (outcome.histogram != nullptr) series.Set(i, std::move(outcome.histogram));
  }
  CLEW_RETURN_IF_ERROR(ChargeHistograms(series, reservation));
  return series;
}

base::Result<Value> Evaluator::AbsentOverTime(const Call& call, const Value& present, const Steps& steps) {
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, 1, value.reservation));
  for (const Series& series : present.series) {
    for (size_t i = 0; i < steps.count; ++i) {
      if (IsPresent(series.values[i])) column[i] = Absent();
    }
  }
  if (AnyPresent(column)) value.series.push_back({LabelsOfAbsent(*call.args[0]), false, std::move(column)});
  return value;
}

}  // namespace clew::query::promql
