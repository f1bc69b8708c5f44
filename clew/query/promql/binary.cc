// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "clew/query/promql/evaluator.h"
#include "clew/query/promql/histogram_binary.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

using Cardinality = VectorMatching::Cardinality;

bool Compare(TokenKind op, double left, double right) {
  switch (op) {
    case TokenKind::kEqualEqual: return left == right;
    case TokenKind::kNotEqual: return left != right;
    case TokenKind::kGreater: return left > right;
    case TokenKind::kLess: return left < right;
    case TokenKind::kGreaterEqual: return left >= right;
    case TokenKind::kLessEqual: return left <= right;
    default: return false;
  }
}

double Arithmetic(TokenKind op, double left, double right) {
  switch (op) {
    case TokenKind::kAdd: return left + right;
    case TokenKind::kSub: return left - right;
    case TokenKind::kMul: return left * right;
    case TokenKind::kDiv: return left / right;
    case TokenKind::kMod: return std::fmod(left, right);
    case TokenKind::kPow: return std::pow(left, right);
    case TokenKind::kAtan2: return std::atan2(left, right);
    default: return 0;
  }
}

// The series of both sides that match each other, by row.
struct Group {
  std::vector<size_t> left;
  std::vector<size_t> right;
};

// In the order in which their first series stands.
std::vector<Group> GroupByMatching(const VectorMatching& matching, const std::vector<Series>& left,
                                   const std::vector<Series>& right) {
  std::vector<std::string> names = matching.labels;
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  std::unordered_map<std::string, size_t> groups_by_key;
  std::vector<Group> groups;
  const auto group_of = [&](const model::Labels& labels) -> Group& {
    std::string key = matching.on ? SignatureOn(labels, names) : SignatureIgnoring(labels, names);
    const auto [found, is_new] = groups_by_key.try_emplace(std::move(key), groups.size());
    if (is_new) groups.emplace_back();
    return groups[found->second];
  };
  for (size_t i = 0; i < left.size(); ++i) group_of(left[i].labels).left.push_back(i);
  for (size_t i = 0; i < right.size(); ++i) group_of(right[i].labels).right.push_back(i);
  return groups;
}

// At which steps any of the series has a value.
std::vector<bool> PresentSteps(const std::vector<Series>& series, const std::vector<size_t>& rows, size_t steps) {
  std::vector<bool> present(steps);
  for (const size_t row : rows) {
    for (size_t i = 0; i < steps; ++i) {
      if (series[row].Has(i)) present[i] = true;
    }
  }
  return present;
}

std::vector<size_t> AllRows(const std::vector<Series>& series) {
  std::vector<size_t> rows(series.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

// {__name__="up", job="a"}: the name among the labels, as Prometheus' errors show a series.
std::string SeriesText(const model::Labels& labels) {
  std::string text;
  for (const model::Label& label : labels) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", label.name, Quote(label.value));
  }
  return '{' + text + '}';
}

model::Labels MatchedLabels(const model::Labels& labels, const VectorMatching& matching) {
  model::Labels matched;
  for (const model::Label& label : labels) {
    const bool named = std::ranges::find(matching.labels, label.name) != matching.labels.end();
    if (matching.on ? named : !named && label.name != model::kMetricName) matched.Set(label.name, label.value);
  }
  return matched;
}

base::Status DuplicateSeries(const model::Labels& a, const model::Labels& b, const VectorMatching& matching) {
  std::string first = SeriesText(a);
  std::string second = SeriesText(b);
  if (second < first) std::swap(first, second);
  return ExecutionError(fmt::format(
      "found duplicate series for the match group {} on the {} hand-side of the operation: [{}, {}];many-to-many "
      "matching not allowed: matching labels must be unique on one side",
      SeriesText(MatchedLabels(a, matching)), matching.cardinality == Cardinality::kOneToMany ? "left" : "right", first,
      second));
}

Operand OperandAt(const Series& series, size_t step) {
  return {series.HistogramAt(step) != nullptr ? &series.histograms[step] : nullptr, series.values[step]};
}

// One vector operation with its sides ordered: `one` is the side where each group has one series at a step.
class Matcher {
 public:
  Matcher(const BinaryExpr& binary, PositionRange range, std::vector<Series> many, std::vector<Series> one,
          size_t steps, Annotations& annotations, Reservation& reservation)
      : binary_(binary),
        range_(range),
        annotations_(annotations),
        reservation_(reservation),
        matching_(*binary.matching),
        swapped_(matching_.cardinality == Cardinality::kOneToMany),
        many_(std::move(many)),
        one_(std::move(one)),
        steps_(steps) {}

  // Names of the result's series are dropped by the caller where `return_bool` is set.
  base::Result<std::vector<Series>> Run() {
    const std::vector<bool> many_present = PresentSteps(many_, AllRows(many_), steps_);
    std::vector<Series> result;
    for (const Group& group : GroupByMatching(matching_, many_, one_)) {
      if (group.right.empty()) continue;
      CLEW_RETURN_IF_ERROR(CheckOneSide(group, many_present));
      CLEW_RETURN_IF_ERROR(Operate(group, result));
    }
    return result;
  }

 private:
  // Where the other side has anything at all at a step, each group of the one side has one series.
  base::Status CheckOneSide(const Group& group, const std::vector<bool>& many_present) const {
    if (group.right.size() < 2) return {};
    for (size_t i = 0; i < steps_; ++i) {
      if (!many_present[i]) continue;
      const Series* seen = nullptr;
      for (const size_t row : group.right) {
        if (!one_[row].Has(i)) continue;
        if (seen != nullptr) return DuplicateSeries(one_[row].labels, seen->labels, matching_);
        seen = &one_[row];
      }
    }
    return {};
  }

  base::Status Operate(const Group& group, std::vector<Series>& result) {
    const bool one_to_one = matching_.cardinality == Cardinality::kOneToOne;
    std::vector<bool> matched(one_to_one && group.left.size() > 1 ? steps_ : 0);
    // Grouping labels must leave the results of a group apart at each step.
    std::unordered_map<std::string, std::vector<bool>> taken;
    for (const size_t many_row : group.left) {
      for (const size_t one_row : group.right) {
        Series out = Combine(many_[many_row], one_[one_row]);
        if (out.values.empty()) continue;
        std::vector<bool>* seen = matched.empty() ? nullptr : &matched;
        if (!one_to_one && (group.left.size() > 1 || group.right.size() > 1)) {
          seen = &taken[out.labels.ToString()];
          seen->resize(steps_);
        }
        if (seen != nullptr && !MarkMatched(many_[many_row], one_[one_row], *seen)) {
          return ExecutionError(one_to_one ? "multiple matches for labels: many-to-one matching must be explicit "
                                             "(group_left/group_right)"
                                           : "multiple matches for labels: grouping labels must ensure unique matches");
        }
        CLEW_RETURN_IF_ERROR(ChargeHistograms(out, reservation_));
        if (out.HasAny()) result.push_back(std::move(out));
      }
    }
    return {};
  }

  // False where a step was matched before.
  bool MarkMatched(const Series& many, const Series& one, std::vector<bool>& seen) const {
    for (size_t i = 0; i < steps_; ++i) {
      if (!many.Has(i) || !one.Has(i)) continue;
      if (seen[i]) return false;
      seen[i] = true;
    }
    return true;
  }

  // Without values where the two never stand at one step.
  Series Combine(const Series& many, const Series& one) const {
    Series out;
    bool overlap = false;
    out.values.assign(steps_, Absent());
    const Series& left_series = swapped_ ? one : many;
    const Series& right_series = swapped_ ? many : one;
    for (size_t i = 0; i < steps_; ++i) {
      if (!many.Has(i) || !one.Has(i)) continue;
      overlap = true;
      if (many.HistogramAt(i) != nullptr || one.HistogramAt(i) != nullptr) {
        CombineHistograms(OperandAt(left_series, i), OperandAt(right_series, i), i, out);
        continue;
      }
      const double left = left_series.values[i];
      const double right = right_series.values[i];
      if (!IsComparison(binary_.op)) {
        out.values[i] = Arithmetic(binary_.op, left, right);
      } else if (binary_.return_bool) {
        out.values[i] = Compare(binary_.op, left, right) ? 1 : 0;
      } else if (Compare(binary_.op, left, right)) {
        out.values[i] = left;
      }
    }
    if (overlap) {
      out.labels = ResultLabels(many.labels, one.labels);
    } else {
      out.values.clear();
    }
    return out;
  }

  void CombineHistograms(const Operand& left, const Operand& right, size_t step, Series& out) const {
    HistogramOutcome outcome = OperateOnHistograms(binary_.op, left, right, range_, annotations_);
    if (outcome.failed) return;
    if (binary_.return_bool) {
      out.values[step] = outcome.holds ? 1 : 0;
    } else if (outcome.holds) {
      out.Set(step, std::move(outcome.histogram));
    }
  }

  model::Labels ResultLabels(const model::Labels& many, const model::Labels& one) const {
    model::Labels labels = many;
    if (!IsComparison(binary_.op)) DropMetricName(labels);
    if (matching_.cardinality == Cardinality::kOneToOne) {
      if (matching_.on) {
        model::Labels kept;
        for (const std::string& name : matching_.labels) kept.Set(name, labels.Get(name));
        labels = std::move(kept);
      } else {
        for (const std::string& name : matching_.labels) labels.Remove(name);
      }
    }
    // Labels named after group_left come from the other side, or go.
    for (const std::string& name : matching_.include) labels.Set(name, one.Get(name));
    return labels;
  }

  const BinaryExpr& binary_;
  PositionRange range_;
  Annotations& annotations_;
  Reservation& reservation_;
  const VectorMatching& matching_;
  bool swapped_;
  std::vector<Series> many_;
  std::vector<Series> one_;
  size_t steps_;
};

}  // namespace

base::Result<Value> Evaluator::EvalBinary(const BinaryExpr& binary, PositionRange range, const Steps& steps) {
  CLEW_ASSIGN_OR_RETURN(Value left, Eval(*binary.left, steps));
  CLEW_ASSIGN_OR_RETURN(Value right, Eval(*binary.right, steps));
  CLEW_RETURN_IF_ERROR(Check());
  const bool left_scalar = left.type == ValueType::kScalar;
  const bool right_scalar = right.type == ValueType::kScalar;
  if (left_scalar && right_scalar) return ScalarBinary(binary, std::move(left), right);
  if (right_scalar) return VectorScalarBinary(binary, range, std::move(left), right.scalar, false);
  if (left_scalar) return VectorScalarBinary(binary, range, std::move(right), left.scalar, true);
  if (IsSetOperator(binary.op)) return SetBinary(binary, std::move(left), std::move(right), steps);
  return VectorBinary(binary, range, std::move(left), std::move(right), steps);
}

base::Result<Value> Evaluator::ScalarBinary(const BinaryExpr& binary, Value left, const Value& right) {
  for (size_t i = 0; i < left.scalar.size(); ++i) {
    const double a = left.scalar[i];
    const double b = right.scalar[i];
    left.scalar[i] = IsComparison(binary.op) ? (Compare(binary.op, a, b) ? 1 : 0) : Arithmetic(binary.op, a, b);
  }
  return left;
}

base::Result<Value> Evaluator::VectorScalarBinary(const BinaryExpr& binary, PositionRange range, Value vector,
                                                  const Column& scalar, bool swapped) {
  const bool comparison = IsComparison(binary.op);
  for (Series& series : vector.series) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      double& value = series.values[i];
      if (series.HistogramAt(i) != nullptr) {
        const Operand operand = OperandAt(series, i);
        const Operand number{nullptr, scalar[i]};
        HistogramOutcome outcome =
            OperateOnHistograms(binary.op, swapped ? number : operand, swapped ? operand : number, range, annotations_);
        series.histograms[i] = std::move(outcome.histogram);
        continue;
      }
      if (IsAbsent(value)) continue;
      const double left = swapped ? scalar[i] : value;
      const double right = swapped ? value : scalar[i];
      if (!comparison) {
        value = Arithmetic(binary.op, left, right);
      } else if (binary.return_bool) {
        value = Compare(binary.op, left, right) ? 1 : 0;
      } else if (!Compare(binary.op, left, right)) {
        value = Absent();
      }
    }
    if (!comparison || binary.return_bool) MarkNameDropped(series);
    CLEW_RETURN_IF_ERROR(ChargeHistograms(series, vector.reservation));
  }
  RemoveEmpty(vector.series);
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(vector.series));
  return vector;
}

base::Result<Value> Evaluator::VectorBinary(const BinaryExpr& binary, PositionRange range, Value left, Value right,
                                            const Steps& steps) {
  Value value;
  value.type = ValueType::kVector;
  value.reservation = Reservation(budget_);
  CLEW_RETURN_IF_ERROR(
      value.reservation.Add(std::max(left.series.size(), right.series.size()) * steps.count * sizeof(double)));
  if (binary.matching->cardinality == Cardinality::kOneToMany) std::swap(left.series, right.series);
  Matcher matcher(binary, range, std::move(left.series), std::move(right.series), steps.count, annotations_,
                  value.reservation);
  CLEW_ASSIGN_OR_RETURN(value.series, matcher.Run());
  if (binary.return_bool) {
    for (Series& series : value.series) MarkNameDropped(series);
  }
  CLEW_RETURN_IF_ERROR(Merge(value.series));
  return value;
}

base::Result<Value> Evaluator::SetBinary(const BinaryExpr& binary, Value left, Value right, const Steps& steps) {
  for (const Group& group : GroupByMatching(*binary.matching, left.series, right.series)) {
    const std::vector<bool> right_present = PresentSteps(right.series, group.right, steps.count);
    if (binary.op != TokenKind::kOr) {
      const bool keep_where_present = binary.op == TokenKind::kAnd;
      for (const size_t row : group.left) {
        for (size_t i = 0; i < steps.count; ++i) {
          if (right_present[i] != keep_where_present) left.series[row].Clear(i);
        }
      }
      continue;
    }
    const std::vector<bool> left_present = PresentSteps(left.series, group.left, steps.count);
    for (const size_t row : group.right) {
      for (size_t i = 0; i < steps.count; ++i) {
        if (left_present[i]) right.series[row].Clear(i);
      }
    }
  }
  RemoveEmpty(left.series);
  if (binary.op != TokenKind::kOr) return left;
  RemoveEmpty(right.series);
  for (Series& series : right.series) left.series.push_back(std::move(series));
  // What the right side held stays reserved with the left's.
  CLEW_RETURN_IF_ERROR(left.reservation.Add(right.series.size() * steps.count * sizeof(double)));
  CLEW_RETURN_IF_ERROR(MergeUnlessDelayed(left.series));
  return left;
}

}  // namespace clew::query::promql
