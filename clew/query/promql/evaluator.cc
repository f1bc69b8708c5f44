// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace clew::query::promql {
namespace {

// What a sample costs while it is held: time and value.
constexpr uint64_t kSampleBytes = sizeof(int64_t) + sizeof(double);
// What a series costs beside its samples, roughly.
constexpr uint64_t kSeriesBytes = 512;

bool HasStale(const std::vector<double>& values) { return std::ranges::any_of(values, IsAbsent); }

uint64_t BytesOfAll(const std::vector<HistogramPtr>& histograms) {
  uint64_t bytes = 0;
  for (const HistogramPtr& histogram : histograms) {
    if (histogram != nullptr) bytes += sizeof(int64_t) + sizeof(HistogramPtr) + BytesOf(*histogram);
  }
  return bytes;
}

// A subquery may leave samples out or give one twice, so what was known of resets holds no more.
HistogramPtr WithoutResetHint(const HistogramPtr& shared, const Histogram& histogram) {
  if (histogram.hint != ResetHint::kReset && histogram.hint != ResetHint::kNotReset) return shared;
  auto copy = std::make_shared<Histogram>(histogram);
  copy->hint = ResetHint::kUnknown;
  return copy;
}

}  // namespace

uint64_t BytesOf(const Histogram& histogram) {
  return sizeof(Histogram) + (histogram.positive.size() + histogram.negative.size()) * sizeof(IndexedCount<double>) +
         histogram.custom_bounds.size() * sizeof(double);
}

base::Status ChargeHistograms(const Series& series, Reservation& reservation) {
  if (series.histograms.empty()) return {};
  uint64_t bytes = series.histograms.size() * sizeof(HistogramPtr);
  for (const HistogramPtr& histogram : series.histograms) {
    if (histogram.use_count() == 1) bytes += BytesOf(*histogram);
  }
  return reservation.Add(bytes);
}

void DropMetricName(model::Labels& labels) {
  labels.Remove(model::kMetricName);
  labels.Remove("__type__");
  labels.Remove("__unit__");
}

std::string SignatureOn(const model::Labels& labels, const std::vector<std::string>& names) {
  std::string bytes;
  for (const std::string& name : names) {
    const std::string_view value = labels.Get(name);
    if (value.empty()) continue;
    bytes += name;
    bytes += '\xFF';
    bytes += value;
    bytes += '\xFF';
  }
  return bytes;
}

std::string SignatureIgnoring(const model::Labels& labels, const std::vector<std::string>& names) {
  std::string bytes;
  for (const model::Label& label : labels) {
    if (label.name == model::kMetricName || std::ranges::binary_search(names, label.name)) continue;
    bytes += label.name;
    bytes += '\xFF';
    bytes += label.value;
    bytes += '\xFF';
  }
  return bytes;
}

int64_t Evaluator::ReferenceTime(const TimeModifiers& modifiers, int64_t step_time_ms) const {
  int64_t time = step_time_ms;
  switch (modifiers.at) {
    case TimeModifiers::At::kNone: break;
    case TimeModifiers::At::kTime: time = modifiers.at_ms; break;
    case TimeModifiers::At::kStart: time = start_ms_; break;
    case TimeModifiers::At::kEnd: time = end_ms_; break;
  }
  return time - modifiers.offset_ms;
}

bool Evaluator::IsStepInvariant(const Expr& expr) {
  if (const auto found = invariant_.find(&expr); found != invariant_.end()) return found->second;
  const auto fixed = [](const TimeModifiers& modifiers) { return modifiers.at != TimeModifiers::At::kNone; };
  bool invariant = false;
  if (const auto* selector = expr.As<VectorSelector>()) {
    invariant = fixed(selector->modifiers);
  } else if (const auto* matrix = expr.As<MatrixSelector>()) {
    invariant = fixed(matrix->selector.modifiers);
  } else if (const auto* subquery = expr.As<SubqueryExpr>()) {
    invariant = fixed(subquery->modifiers);
  } else if (const auto* unary = expr.As<UnaryExpr>()) {
    invariant = IsStepInvariant(*unary->expr);
  } else if (const auto* paren = expr.As<ParenExpr>()) {
    invariant = IsStepInvariant(*paren->expr);
  } else if (const auto* binary = expr.As<BinaryExpr>()) {
    invariant = IsStepInvariant(*binary->left) && IsStepInvariant(*binary->right);
  } else if (const auto* aggregate = expr.As<AggregateExpr>()) {
    invariant =
        IsStepInvariant(*aggregate->expr) && (aggregate->param == nullptr || IsStepInvariant(*aggregate->param));
  } else if (const auto* call = expr.As<Call>()) {
    const bool all = std::ranges::all_of(call->args, [this](const ExprPtr& arg) { return IsStepInvariant(*arg); });
    // The time of a selected sample is fixed with the selector; that of a computed one is the step's.
    const bool timestamp_of_selector =
        call->function->id == FunctionId::kTimestamp && Unwrap(*call->args[0]).As<VectorSelector>() != nullptr;
    invariant = all && (!DependsOnTime(call->function->id) || timestamp_of_selector);
  } else {
    invariant = true;  // literals
  }
  invariant_.emplace(&expr, invariant);
  return invariant;
}

base::Result<Value> Evaluator::Eval(const Expr& expr, const Steps& steps) {
  CLEW_RETURN_IF_ERROR(Check());
  if (steps.count == 1 || !IsStepInvariant(expr) || TypeOf(expr) == ValueType::kString) return EvalHere(expr, steps);
  Steps first = steps;
  first.count = 1;
  CLEW_ASSIGN_OR_RETURN(Value value, EvalHere(expr, first));
  Reservation reservation(budget_);
  CLEW_RETURN_IF_ERROR(reservation.Add((value.series.size() + 1) * steps.count * sizeof(double)));
  if (value.type == ValueType::kScalar) value.scalar.assign(steps.count, value.scalar[0]);
  for (Series& series : value.series) {
    series.values.assign(steps.count, series.values[0]);
    if (!series.histograms.empty()) series.histograms.assign(steps.count, HistogramPtr(series.histograms[0]));
  }
  value.reservation = std::move(reservation);
  return value;
}

base::Result<Value> Evaluator::EvalHere(const Expr& expr, const Steps& steps) {
  if (const auto* number = expr.As<NumberLiteral>()) {
    Value value;
    value.type = ValueType::kScalar;
    value.reservation = Reservation(budget_);
    CLEW_ASSIGN_OR_RETURN(value.scalar, NewColumn(steps, number->value, value.reservation));
    return value;
  }
  if (const auto* literal = expr.As<StringLiteral>()) {
    Value value;
    value.type = ValueType::kString;
    value.text = literal->value;
    return value;
  }
  if (const auto* selector = expr.As<VectorSelector>()) return EvalSelector(*selector, steps, false);
  if (const auto* unary = expr.As<UnaryExpr>()) return EvalUnary(*unary, steps);
  if (const auto* paren = expr.As<ParenExpr>()) return Eval(*paren->expr, steps);
  if (const auto* binary = expr.As<BinaryExpr>()) return EvalBinary(*binary, expr.range, steps);
  if (const auto* aggregate = expr.As<AggregateExpr>()) return EvalAggregate(*aggregate, expr.range, steps);
  if (const auto* call = expr.As<Call>()) return EvalCall(*call, expr, steps);
  return base::Internal("a range vector has no value at a step");
}

base::Result<Column> Evaluator::NewColumn(const Steps& steps, double fill, Reservation& reservation) {
  CLEW_RETURN_IF_ERROR(reservation.Add(steps.count * sizeof(double)));
  return Column(steps.count, fill);
}

base::Result<const Evaluator::Loaded*> Evaluator::Load(const VectorSelector& selector, int64_t from_ms, int64_t to_ms) {
  const std::string key = fmt::format("{} {} {}", from_ms, to_ms, PrintSelector(selector));
  auto [found, is_new] = loaded_.try_emplace(key);
  if (!is_new) return &found->second;
  CLEW_ASSIGN_OR_RETURN(found->second.series, source_.Select(selector.matchers, from_ms, to_ms));
  uint64_t bytes = 0;
  for (const SourceSeries& series : found->second.series) {
    bytes += kSeriesBytes + series.values.size() * kSampleBytes;
    bytes += BytesOfAll(series.histograms);
  }
  found->second.reservation = Reservation(budget_);
  CLEW_RETURN_IF_ERROR(found->second.reservation.Add(bytes));
  return &found->second;
}

base::Result<Value> Evaluator::EvalSelector(const VectorSelector& selector, const Steps& steps, bool timestamps) {
  const int64_t first = ReferenceTime(selector.modifiers, steps.start_ms);
  const int64_t last = ReferenceTime(selector.modifiers, steps.last_ms());
  // The window is open on the left.
  CLEW_ASSIGN_OR_RETURN(const Loaded* loaded, Load(selector, first - options_.lookback_ms + 1, last));
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  for (const SourceSeries& source : loaded->series) {
    CLEW_RETURN_IF_ERROR(Check());
    CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, Absent(), value.reservation));
    Series series{source.labels, false, std::move(column)};
    // The first samples after the time looked at.
    size_t next = 0;
    size_t next_histogram = 0;
    for (size_t i = 0; i < steps.count; ++i) {
      const int64_t time = ReferenceTime(selector.modifiers, steps.At(i));
      const int64_t oldest = time - options_.lookback_ms;
      while (next < source.times_ms.size() && source.times_ms[next] <= time) ++next;
      while (next_histogram < source.histograms.size() && source.histogram_times_ms[next_histogram] <= time) {
        ++next_histogram;
      }
      const int64_t float_time = next > 0 ? source.times_ms[next - 1] : oldest;
      const int64_t histogram_time = next_histogram > 0 ? source.histogram_times_ms[next_histogram - 1] : oldest;
      const int64_t newest = std::max(float_time, histogram_time);
      if (newest <= oldest) continue;
      const bool is_histogram = histogram_time > float_time;
      // A stale marker is the same as no value.
      const bool stale = IsAbsent(is_histogram ? source.histograms[next_histogram - 1]->sum : source.values[next - 1]);
      if (stale) continue;
      if (timestamps) {
        series.values[i] = static_cast<double>(newest) / 1000;
      } else if (is_histogram) {
        series.Set(i, source.histograms[next_histogram - 1]);
      } else {
        series.values[i] = source.values[next - 1];
      }
    }
    CLEW_RETURN_IF_ERROR(ChargeHistograms(series, value.reservation));
    if (series.HasAny()) value.series.push_back(std::move(series));
  }
  return value;
}

base::Result<std::vector<RangeSeries>> Evaluator::EvalMatrix(const MatrixSelector& matrix, const Steps& steps,
                                                             Reservation& reservation) {
  const TimeModifiers& modifiers = matrix.selector.modifiers;
  const int64_t first = ReferenceTime(modifiers, steps.start_ms);
  const int64_t last = ReferenceTime(modifiers, steps.last_ms());
  CLEW_ASSIGN_OR_RETURN(const Loaded* loaded, Load(matrix.selector, first - matrix.range_ms + 1, last));
  std::vector<RangeSeries> result;
  result.reserve(loaded->series.size());
  for (const SourceSeries& source : loaded->series) {
    RangeSeries series;
    series.labels = source.labels;
    if (HasStale(source.values)) {
      CLEW_RETURN_IF_ERROR(reservation.Add(source.values.size() * kSampleBytes));
      for (size_t i = 0; i < source.values.size(); ++i) {
        if (IsAbsent(source.values[i])) continue;
        series.own_times.push_back(source.times_ms[i]);
        series.own_values.push_back(source.values[i]);
      }
      series.times_ms = series.own_times;
      series.values = series.own_values;
    } else {
      series.times_ms = source.times_ms;
      series.values = source.values;
    }
    CLEW_RETURN_IF_ERROR(reservation.Add(source.histograms.size() * (sizeof(int64_t) + sizeof(HistogramPtr))));
    for (size_t i = 0; i < source.histograms.size(); ++i) {
      if (IsAbsent(source.histograms[i]->sum)) continue;
      series.histogram_times_ms.push_back(source.histogram_times_ms[i]);
      series.histograms.push_back(source.histograms[i]);
    }
    if (!series.values.empty() || !series.histograms.empty()) result.push_back(std::move(series));
  }
  return result;
}

base::Result<std::vector<RangeSeries>> Evaluator::EvalSubquery(const SubqueryExpr& subquery, const Steps& steps,
                                                               Reservation& reservation) {
  const int64_t step = subquery.step_ms != 0 ? subquery.step_ms : options_.default_subquery_step_ms;
  const int64_t lower = ReferenceTime(subquery.modifiers, steps.start_ms) - subquery.range_ms;
  const int64_t upper = ReferenceTime(subquery.modifiers, steps.last_ms());
  // At multiples of the step, whatever the query's own times are.
  Steps inner;
  inner.step_ms = step;
  inner.start_ms = step * (lower / step);
  if (inner.start_ms <= lower) inner.start_ms += step;
  if (inner.start_ms > upper) return std::vector<RangeSeries>();
  inner.count = static_cast<size_t>((upper - inner.start_ms) / step) + 1;
  // Checked before anything is as long as that.
  Reservation probe(budget_);
  CLEW_RETURN_IF_ERROR(probe.Add(inner.count * sizeof(double)));
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*subquery.expr, inner));
  std::vector<RangeSeries> result;
  result.reserve(value.series.size());
  for (Series& source : value.series) {
    RangeSeries series;
    series.labels = std::move(source.labels);
    series.drop_name = source.drop_name;
    const auto present = static_cast<size_t>(std::ranges::count_if(source.values, IsPresent));
    CLEW_RETURN_IF_ERROR(reservation.Add(present * kSampleBytes));
    // Those whose hint is taken off are copied.
    CLEW_RETURN_IF_ERROR(reservation.Add(BytesOfAll(source.histograms)));
    series.own_times.reserve(present);
    series.own_values.reserve(present);
    for (size_t i = 0; i < inner.count; ++i) {
      if (IsPresent(source.values[i])) {
        series.own_times.push_back(inner.At(i));
        series.own_values.push_back(source.values[i]);
      } else if (const Histogram* histogram = source.HistogramAt(i)) {
        series.histogram_times_ms.push_back(inner.At(i));
        series.histograms.push_back(WithoutResetHint(source.histograms[i], *histogram));
      }
    }
    series.times_ms = series.own_times;
    series.values = series.own_values;
    result.push_back(std::move(series));
  }
  return result;
}

base::Result<std::vector<RangeSeries>> Evaluator::EvalRange(const Expr& expr, const Steps& steps,
                                                            Reservation& reservation) {
  CLEW_RETURN_IF_ERROR(Check());
  const Expr& inner = Unwrap(expr);
  if (const auto* matrix = inner.As<MatrixSelector>()) return EvalMatrix(*matrix, steps, reservation);
  if (const auto* subquery = inner.As<SubqueryExpr>()) return EvalSubquery(*subquery, steps, reservation);
  return base::Internal("not a range vector");
}

Evaluator::RangeTimes Evaluator::TimesOf(const Expr& range_expr) {
  const Expr& inner = Unwrap(range_expr);
  if (const auto* matrix = inner.As<MatrixSelector>()) return {matrix->selector.modifiers, matrix->range_ms};
  if (const auto* subquery = inner.As<SubqueryExpr>()) return {subquery->modifiers, subquery->range_ms};
  return {};
}

base::Result<Value> Evaluator::EvalUnary(const UnaryExpr& unary, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*unary.expr, steps));
  if (unary.op == TokenKind::kAdd) return value;
  for (double& number : value.scalar) number = -number;
  for (Series& series : value.series) {
    MarkNameDropped(series);
    for (double& number : series.values) {
      if (IsPresent(number)) number = -number;
    }
    for (HistogramPtr& histogram : series.histograms) {
      if (histogram == nullptr) continue;
      auto negated = std::make_shared<Histogram>(*histogram);
      Scale(*negated, -1);
      histogram = std::move(negated);
    }
    CLEW_RETURN_IF_ERROR(ChargeHistograms(series, value.reservation));
  }
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(value.series));
  return value;
}

base::Result<Column> Evaluator::EvalParameter(const Expr& expr, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(expr, steps));
  return std::move(value.scalar);
}

void Evaluator::MarkNameDropped(Series& series) const {
  if (options_.delayed_name_removal) {
    series.drop_name = true;
  } else {
    DropMetricName(series.labels);
  }
}

base::Status Evaluator::Merge(std::vector<Series>& series) {
  std::unordered_map<std::string, size_t> first_of;
  first_of.reserve(series.size());
  std::vector<Series> merged;
  merged.reserve(series.size());
  for (Series& one : series) {
    std::string key;
    for (const model::Label& label : one.labels) {
      key += label.name;
      key += '\xFF';
      key += label.value;
      key += '\xFF';
    }
    const auto [found, is_new] = first_of.try_emplace(std::move(key), merged.size());
    if (is_new) {
      merged.push_back(std::move(one));
      continue;
    }
    Series& into = merged[found->second];
    for (size_t i = 0; i < into.values.size(); ++i) {
      if (!one.Has(i)) continue;
      if (into.Has(i)) return ExecutionError("vector cannot contain metrics with the same labelset");
      into.values[i] = one.values[i];
      if (one.HistogramAt(i) != nullptr) into.Set(i, one.histograms[i]);
    }
  }
  series = std::move(merged);
  return {};
}

void Evaluator::RemoveEmpty(std::vector<Series>& series) {
  std::erase_if(series, [](const Series& one) { return !one.HasAny(); });
}

void Evaluator::KeepFloats(std::vector<Series>& series) {
  const auto has_histograms = [](const Series& one) { return !one.histograms.empty(); };
  if (std::ranges::none_of(series, has_histograms)) return;
  for (Series& one : series) one.DropHistograms();
  RemoveEmpty(series);
}

base::Status Evaluator::DropNames(Value& value) {
  if (!options_.delayed_name_removal) return {};
  for (Series& series : value.series) {
    if (series.drop_name) DropMetricName(series.labels);
  }
  return Merge(value.series);
}

}  // namespace clew::query::promql
