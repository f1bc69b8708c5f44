// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/histogram_binary.h"

#include <memory>
#include <utility>

namespace clew::query::promql {
namespace {

HistogramOutcome AddOrSubtract(TokenKind op, const Histogram& left, const Histogram& right, PositionRange range,
                               Annotations& annotations) {
  const bool subtract = op == TokenKind::kSub;
  const std::string_view name = subtract ? "subtraction" : "addition";
  auto result = std::make_shared<Histogram>(left);
  const AddOutcome added = Add(*result, right, subtract);
  if (!added.compatible) {
    annotations.IncompatibleBuckets(OperatorText(op), range);
    return {.failed = true};
  }
  if (subtract) result->hint = ResetHint::kGauge;
  if (added.hint_collision) {
    annotations.ResetCollision(name, range);
    return {.failed = true};
  }
  if (added.bounds_reconciled) annotations.BoundsReconciled(name, range);
  return {.holds = true, .histogram = std::move(result)};
}

}  // namespace

HistogramOutcome OperateOnHistograms(TokenKind op, const Operand& left, const Operand& right, PositionRange range,
                                     Annotations& annotations) {
  const bool both = left.histogram != nullptr && right.histogram != nullptr;
  if (both && (op == TokenKind::kAdd || op == TokenKind::kSub)) {
    return AddOrSubtract(op, **left.histogram, **right.histogram, range, annotations);
  }
  if (both && (op == TokenKind::kEqualEqual || op == TokenKind::kNotEqual)) {
    const bool same = SameHistogram(**left.histogram, **right.histogram);
    return {.holds = same == (op == TokenKind::kEqualEqual), .histogram = *left.histogram};
  }
  const bool divides = op == TokenKind::kDiv && left.histogram != nullptr;
  if (!both && (op == TokenKind::kMul || divides)) {
    const Operand& one = left.histogram != nullptr ? left : right;
    const double number = left.histogram != nullptr ? right.number : left.number;
    auto result = std::make_shared<Histogram>(**one.histogram);
    if (divides) {
      Divide(*result, number);
    } else {
      Scale(*result, number);
    }
    return {.holds = true, .histogram = std::move(result)};
  }
  annotations.IncompatibleTypes(left.histogram != nullptr ? "histogram" : "float", OperatorText(op),
                                right.histogram != nullptr ? "histogram" : "float", range);
  return {.failed = true};
}

}  // namespace clew::query::promql
