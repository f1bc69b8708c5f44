// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/range_functions.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What groups have in common: the labels named, or all but those.
class Grouping {
 public:
  explicit Grouping(const AggregateExpr& aggregate) : names_(aggregate.grouping), without_(aggregate.without) {
    std::ranges::sort(names_);
  }
  void AddName(const std::string& name) {
    names_.push_back(name);
    std::ranges::sort(names_);
  }

  std::string KeyOf(const model::Labels& labels) const {
    return without_ ? SignatureIgnoring(labels, names_) : SignatureOn(labels, names_);
  }
  model::Labels LabelsOf(const model::Labels& labels) const {
    model::Labels out;
    if (without_) {
      out = labels;
      for (const std::string& name : names_) out.Remove(name);
      out.Remove(model::kMetricName);
    } else {
      for (const std::string& name : names_) out.Set(name, labels.Get(name));
    }
    return out;
  }

 private:
  std::vector<std::string> names_;
  bool without_;
};

struct Members {
  model::Labels labels;
  bool drop_name = false;
  std::vector<size_t> rows;
};

// In the order in which their first series stands.
std::vector<Members> GroupSeries(const Grouping& grouping, const std::vector<Series>& series) {
  std::unordered_map<std::string, size_t> by_key;
  std::vector<Members> groups;
  for (size_t row = 0; row < series.size(); ++row) {
    const auto [found, is_new] = by_key.try_emplace(grouping.KeyOf(series[row].labels), groups.size());
    if (is_new) groups.push_back({grouping.LabelsOf(series[row].labels), false, {}});
    Members& group = groups[found->second];
    group.drop_name = group.drop_name || series[row].drop_name;
    group.rows.push_back(row);
  }
  return groups;
}

// Takes the columns of a group one after the other; Finish gives the group's own.
class Accumulator {
 public:
  explicit Accumulator(size_t steps) : result_(steps, Absent()) {}
  virtual ~Accumulator() = default;

  void Add(const Column& column) {
    for (size_t i = 0; i < column.size(); ++i) {
      if (IsAbsent(column[i])) continue;
      if (IsAbsent(result_[i])) {
        First(i, column[i]);
      } else {
        Next(i, column[i]);
      }
    }
  }
  Column Finish() {
    for (size_t i = 0; i < result_.size(); ++i) {
      if (IsPresent(result_[i])) Last(i);
    }
    return std::move(result_);
  }

 protected:
  virtual void First(size_t i, double value) { result_[i] = value; }
  virtual void Next(size_t i, double value) = 0;
  virtual void Last(size_t) {}

  Column result_;
};

class Sum final : public Accumulator {
 public:
  explicit Sum(size_t steps) : Accumulator(steps), compensation_(steps) {}

 private:
  void Next(size_t i, double value) override { KahanAdd(value, result_[i], compensation_[i]); }
  void Last(size_t i) override { result_[i] += compensation_[i]; }

  std::vector<double> compensation_;
};

// The plain mean as long as the sum does not overflow, an incremental one from there on.
class Avg final : public Accumulator {
 public:
  explicit Avg(size_t steps) : Accumulator(steps), state_(steps) {}

 private:
  struct State {
    double compensation = 0;
    double mean = 0;
    double count = 1;
    bool incremental = false;
  };

  void Next(size_t i, double value) override {
    State& state = state_[i];
    ++state.count;
    if (!state.incremental) {
      double sum = result_[i];
      double compensation = state.compensation;
      KahanAdd(value, sum, compensation);
      if (!std::isinf(sum)) {
        result_[i] = sum;
        state.compensation = compensation;
        return;
      }
      state.incremental = true;
      state.mean = result_[i] / (state.count - 1);
      state.compensation /= state.count - 1;
    }
    const double share = (state.count - 1) / state.count;
    state.mean *= share;
    state.compensation *= share;
    KahanAdd(value / state.count, state.mean, state.compensation);
  }
  void Last(size_t i) override {
    const State& state = state_[i];
    result_[i] = state.incremental ? state.mean + state.compensation
                                   : result_[i] / state.count + state.compensation / state.count;
  }

  std::vector<State> state_;
};

class MinMax final : public Accumulator {
 public:
  MinMax(size_t steps, bool max) : Accumulator(steps), max_(max) {}

 private:
  void Next(size_t i, double value) override {
    double& best = result_[i];
    if ((max_ ? best < value : best > value) || std::isnan(best)) best = value;
  }

  bool max_;
};

class Count final : public Accumulator {
 public:
  Count(size_t steps, bool only_whether) : Accumulator(steps), only_whether_(only_whether) {}

 private:
  void First(size_t i, double) override { result_[i] = 1; }
  void Next(size_t i, double) override {
    if (!only_whether_) ++result_[i];
  }

  bool only_whether_;
};

// Welford's way.
class Variance final : public Accumulator {
 public:
  Variance(size_t steps, bool root) : Accumulator(steps), root_(root), mean_(steps), count_(steps, 1) {}

 private:
  void First(size_t i, double value) override {
    mean_[i] = value;
    result_[i] = std::isfinite(value) ? 0 : kNan;
  }
  void Next(size_t i, double value) override {
    ++count_[i];
    const double delta = value - mean_[i];
    mean_[i] += delta / count_[i];
    result_[i] += delta * (value - mean_[i]);
  }
  void Last(size_t i) override {
    result_[i] /= count_[i];
    if (root_) result_[i] = std::sqrt(result_[i]);
  }

  bool root_;
  std::vector<double> mean_;
  std::vector<double> count_;
};

std::unique_ptr<Accumulator> MakeAccumulator(TokenKind op, size_t steps) {
  switch (op) {
    case TokenKind::kSum: return std::make_unique<Sum>(steps);
    case TokenKind::kAvg: return std::make_unique<Avg>(steps);
    case TokenKind::kMin: return std::make_unique<MinMax>(steps, false);
    case TokenKind::kMax: return std::make_unique<MinMax>(steps, true);
    case TokenKind::kCount: return std::make_unique<Count>(steps, false);
    case TokenKind::kGroup: return std::make_unique<Count>(steps, true);
    case TokenKind::kStddev: return std::make_unique<Variance>(steps, true);
    case TokenKind::kStdvar: return std::make_unique<Variance>(steps, false);
    default: return nullptr;
  }
}

Column QuantileColumn(const std::vector<Series>& series, const std::vector<size_t>& rows, const Column& q) {
  Column result(q.size(), Absent());
  std::vector<double> values;
  for (size_t i = 0; i < q.size(); ++i) {
    values.clear();
    for (const size_t row : rows) {
      if (IsPresent(series[row].values[i])) values.push_back(series[row].values[i]);
    }
    if (!values.empty()) result[i] = Quantile(q[i], values);
  }
  return result;
}

}  // namespace

base::Result<Value> Evaluator::EvalAggregate(const AggregateExpr& aggregate, PositionRange range, const Steps& steps) {
  if (aggregate.op == TokenKind::kCountValues) {
    const auto* label = Unwrap(*aggregate.param).As<StringLiteral>();
    if (label == nullptr || label->value.empty() || !base::IsUtf8(label->value)) {
      return ExecutionError(fmt::format("invalid label name {}", label == nullptr ? "" : Quote(label->value)));
    }
    CLEW_ASSIGN_OR_RETURN(const Value input, Eval(*aggregate.expr, steps));
    return CountValues(aggregate, input, label->value, steps);
  }
  Column parameter;
  if (aggregate.param != nullptr) {
    CLEW_ASSIGN_OR_RETURN(parameter, EvalParameter(*aggregate.param, steps));
  }
  CLEW_ASSIGN_OR_RETURN(Value input, Eval(*aggregate.expr, steps));
  CLEW_RETURN_IF_ERROR(Check());
  if (aggregate.op == TokenKind::kTopk || aggregate.op == TokenKind::kBottomk) {
    return TopOrBottom(aggregate, range, std::move(input), parameter, steps);
  }
  return AggregateGroups(aggregate, input, parameter, steps);
}

base::Result<Value> Evaluator::AggregateGroups(const AggregateExpr& aggregate, const Value& input,
                                               const Column& parameter, const Steps& steps) {
  if (aggregate.op == TokenKind::kQuantile) {
    for (const double q : parameter) {
      if (std::isnan(q) || q < 0 || q > 1) annotations_.InvalidQuantile(q, aggregate.param->range);
    }
  }
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  for (const Members& group : GroupSeries(Grouping(aggregate), input.series)) {
    CLEW_RETURN_IF_ERROR(Check());
    CLEW_RETURN_IF_ERROR(value.reservation.Add(steps.count * sizeof(double)));
    Series out;
    out.labels = group.labels;
    out.drop_name = group.drop_name;
    if (aggregate.op == TokenKind::kQuantile) {
      out.values = QuantileColumn(input.series, group.rows, parameter);
    } else {
      const std::unique_ptr<Accumulator> accumulator = MakeAccumulator(aggregate.op, steps.count);
      for (const size_t row : group.rows) accumulator->Add(input.series[row].values);
      out.values = accumulator->Finish();
    }
    AggregateHistograms(aggregate, input.series, group.rows, out);
    CLEW_RETURN_IF_ERROR(ChargeHistograms(out, value.reservation));
    if (out.HasAny()) value.series.push_back(std::move(out));
  }
  return value;
}

void Evaluator::AggregateHistograms(const AggregateExpr& aggregate, const std::vector<Series>& series,
                                    const std::vector<size_t>& rows, Series& out) {
  std::vector<size_t> with_histograms;
  for (const size_t row : rows) {
    if (!series[row].histograms.empty()) with_histograms.push_back(row);
  }
  if (with_histograms.empty()) return;
  for (size_t i = 0; i < out.values.size(); ++i) {
    const auto has = [&](size_t row) { return series[row].HistogramAt(i) != nullptr; };
    const auto histograms = std::ranges::count_if(with_histograms, has);
    if (histograms == 0) continue;
    switch (aggregate.op) {
      case TokenKind::kSum:
      case TokenKind::kAvg: SumHistograms(aggregate, series, with_histograms, i, out); break;
      case TokenKind::kCount:
        out.values[i] = (IsPresent(out.values[i]) ? out.values[i] : 0) + static_cast<double>(histograms);
        break;
      case TokenKind::kGroup: out.values[i] = 1; break;
      default: annotations_.IgnoredInAggregation(OperatorText(aggregate.op), aggregate.expr->range); break;
    }
  }
}

void Evaluator::SumHistograms(const AggregateExpr& aggregate, const std::vector<Series>& series,
                              const std::vector<size_t>& rows, size_t step, Series& out) {
  const PositionRange range = aggregate.expr->range;
  if (IsPresent(out.values[step])) {
    annotations_.MixedFloatsHistogramsInAggregation(range);
    out.values[step] = Absent();
    return;
  }
  std::optional<HistogramSum> sum;
  for (const size_t row : rows) {
    const Histogram* histogram = series[row].HistogramAt(step);
    if (histogram == nullptr) continue;
    if (!sum) {
      sum.emplace(*histogram, aggregate.op == TokenKind::kAvg);
      continue;
    }
    const AddOutcome added = sum->Add(*histogram);
    if (!added.compatible) {
      annotations_.MixedExponentialCustom(series[row].labels.Get(model::kMetricName), range);
      return;
    }
    if (added.bounds_reconciled) annotations_.BoundsReconciled("aggregation", range);
  }
  if (sum->hints_collide()) annotations_.ResetCollision("aggregation", range);
  out.Set(step, std::make_shared<Histogram>(sum->Result()));
}

base::Result<Value> Evaluator::TopOrBottom(const AggregateExpr& aggregate, PositionRange range, Value input,
                                           const Column& parameter, const Steps& steps) {
  const bool top = aggregate.op == TokenKind::kTopk;
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -smallest;
  for (const double k : parameter) {
    if (std::isnan(k)) return ExecutionError("Parameter value is NaN");
    smallest = std::min(smallest, k);
    largest = std::max(largest, k);
  }
  constexpr double kLimit = 9223372036854775807.0;
  if (largest >= 1 && smallest <= -kLimit) {
    return ExecutionError(fmt::format("Scalar value {} underflows int64", FormatGeneral(smallest)));
  }
  if (largest >= kLimit) {
    return ExecutionError(fmt::format("Scalar value {} overflows int64", FormatGeneral(largest)));
  }
  // NaN comes last either way.
  const auto before = [top](double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
    return top ? a > b : a < b;
  };
  std::vector<size_t> order;  // of an instant query's result
  std::vector<Series> kept(input.series.size());
  for (size_t row = 0; row < kept.size(); ++row) kept[row].values.assign(steps.count, Absent());
  CLEW_RETURN_IF_ERROR(input.reservation.Add(kept.size() * steps.count * sizeof(double)));
  std::vector<std::pair<double, size_t>> candidates;
  for (const Members& group : GroupSeries(Grouping(aggregate), input.series)) {
    for (size_t i = 0; i < steps.count; ++i) {
      candidates.clear();
      for (const size_t row : group.rows) {
        if (input.series[row].HistogramAt(i) != nullptr) {
          annotations_.IgnoredInAggregation(OperatorText(aggregate.op), range);
        } else if (IsPresent(input.series[row].values[i])) {
          candidates.emplace_back(input.series[row].values[i], row);
        }
      }
      const auto k = static_cast<size_t>(std::clamp(parameter[i], 0.0, static_cast<double>(candidates.size())));
      // Rows break ties, so that equal values do not flicker between steps.
      std::ranges::sort(candidates, [&](const auto& a, const auto& b) {
        return before(a.first, b.first) || (!before(b.first, a.first) && a.second < b.second);
      });
      for (size_t n = 0; n < k; ++n) {
        kept[candidates[n].second].values[i] = candidates[n].first;
        if (steps.count == 1) order.push_back(candidates[n].second);
      }
    }
  }
  if (steps.count > 1) {
    for (size_t row = 0; row < kept.size(); ++row) order.push_back(row);
  }
  Value value;
  value.type = ValueType::kVector;
  for (const size_t row : order) {
    if (!AnyPresent(kept[row].values)) continue;
    value.series.push_back(
        {std::move(input.series[row].labels), input.series[row].drop_name, std::move(kept[row].values)});
  }
  value.reservation = std::move(input.reservation);
  return value;
}

base::Result<Value> Evaluator::CountValues(const AggregateExpr& aggregate, const Value& input, const std::string& label,
                                           const Steps& steps) {
  Grouping grouping(aggregate);
  if (!aggregate.without) grouping.AddName(label);
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  std::unordered_map<std::string, size_t> by_key;
  for (const Series& series : input.series) {
    CLEW_RETURN_IF_ERROR(Check());
    for (size_t i = 0; i < steps.count; ++i) {
      if (!series.Has(i)) continue;
      const Histogram* histogram = series.HistogramAt(i);
      model::Labels labels = series.labels;
      labels.Set(label, histogram != nullptr ? HistogramText(*histogram) : FormatFixed(series.values[i]));
      const auto [found, is_new] = by_key.try_emplace(grouping.KeyOf(labels), value.series.size());
      if (is_new) {
        CLEW_ASSIGN_OR_RETURN(Column column, NewColumn(steps, Absent(), value.reservation));
        value.series.push_back({grouping.LabelsOf(labels), false, std::move(column)});
      }
      double& count = value.series[found->second].values[i];
      count = IsAbsent(count) ? 1 : count + 1;
    }
  }
  return value;
}

}  // namespace clew::query::promql
