// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/ast.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "clew/query/promql/functions.h"

namespace clew::query::promql {
namespace {

bool SameNumber(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}

bool SameOrNone(const ExprPtr& a, const ExprPtr& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return SameExpr(*a, *b);
}

bool Same(const NumberLiteral& a, const NumberLiteral& b) {
  return SameNumber(a.value, b.value) && a.is_duration == b.is_duration;
}
bool Same(const StringLiteral& a, const StringLiteral& b) { return a.value == b.value; }
bool Same(const VectorSelector& a, const VectorSelector& b) {
  // Printing sorts the matchers.
  return a.name == b.name && std::ranges::is_permutation(a.matchers, b.matchers) && a.modifiers == b.modifiers;
}
bool Same(const MatrixSelector& a, const MatrixSelector& b) {
  return Same(a.selector, b.selector) && a.range_ms == b.range_ms;
}
bool Same(const SubqueryExpr& a, const SubqueryExpr& b) {
  return SameExpr(*a.expr, *b.expr) && a.range_ms == b.range_ms && a.step_ms == b.step_ms && a.modifiers == b.modifiers;
}
bool Same(const UnaryExpr& a, const UnaryExpr& b) { return a.op == b.op && SameExpr(*a.expr, *b.expr); }
bool Same(const BinaryExpr& a, const BinaryExpr& b) {
  return a.op == b.op && a.return_bool == b.return_bool && a.matching == b.matching && SameExpr(*a.left, *b.left) &&
         SameExpr(*a.right, *b.right);
}
bool Same(const AggregateExpr& a, const AggregateExpr& b) {
  return a.op == b.op && a.without == b.without && a.grouping == b.grouping && SameOrNone(a.param, b.param) &&
         SameExpr(*a.expr, *b.expr);
}
bool Same(const Call& a, const Call& b) {
  if (a.function != b.function || a.args.size() != b.args.size()) return false;
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!SameExpr(*a.args[i], *b.args[i])) return false;
  }
  return true;
}
bool Same(const ParenExpr& a, const ParenExpr& b) { return SameExpr(*a.expr, *b.expr); }

}  // namespace

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar: return "scalar";
    case ValueType::kVector: return "vector";
    case ValueType::kMatrix: return "matrix";
    case ValueType::kString: return "string";
    case ValueType::kNone: break;
  }
  return "none";
}

std::string_view DocumentedType(ValueType type) {
  if (type == ValueType::kVector) return "instant vector";
  if (type == ValueType::kMatrix) return "range vector";
  return ValueTypeName(type);
}

ValueType TypeOf(const Expr& expr) {
  struct Visitor {
    ValueType operator()(const NumberLiteral&) const { return ValueType::kScalar; }
    ValueType operator()(const StringLiteral&) const { return ValueType::kString; }
    ValueType operator()(const VectorSelector&) const { return ValueType::kVector; }
    ValueType operator()(const MatrixSelector&) const { return ValueType::kMatrix; }
    ValueType operator()(const SubqueryExpr&) const { return ValueType::kMatrix; }
    ValueType operator()(const UnaryExpr& unary) const { return TypeOf(*unary.expr); }
    ValueType operator()(const BinaryExpr& binary) const {
      const bool scalars = TypeOf(*binary.left) == ValueType::kScalar && TypeOf(*binary.right) == ValueType::kScalar;
      return scalars ? ValueType::kScalar : ValueType::kVector;
    }
    ValueType operator()(const AggregateExpr&) const { return ValueType::kVector; }
    ValueType operator()(const Call& call) const { return call.function->result; }
    ValueType operator()(const ParenExpr& paren) const { return TypeOf(*paren.expr); }
  };
  return std::visit(Visitor{}, expr.node);
}

const Expr& Unwrap(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = inner->As<ParenExpr>()) inner = paren->expr.get();
  return *inner;
}

bool SameExpr(const Expr& a, const Expr& b) {
  return std::visit(
      [](const auto& left, const auto& right) {
        if constexpr (std::is_same_v<decltype(left), decltype(right)>) {
          return Same(left, right);
        } else {
          return false;
        }
      },
      a.node, b.node);
}

bool IsComparison(TokenKind op) { return op >= TokenKind::kEqualEqual && op <= TokenKind::kLessEqual; }

bool IsSetOperator(TokenKind op) { return op == TokenKind::kAnd || op == TokenKind::kOr || op == TokenKind::kUnless; }

bool HasParameter(TokenKind aggregator) {
  switch (aggregator) {
    case TokenKind::kTopk:
    case TokenKind::kBottomk:
    case TokenKind::kQuantile:
    case TokenKind::kCountValues:
    case TokenKind::kLimitk:
    case TokenKind::kLimitRatio: return true;
    default: return false;
  }
}

std::string_view OperatorText(TokenKind op) {
  switch (op) {
    case TokenKind::kAdd: return "+";
    case TokenKind::kSub: return "-";
    case TokenKind::kMul: return "*";
    case TokenKind::kDiv: return "/";
    case TokenKind::kMod: return "%";
    case TokenKind::kPow: return "^";
    case TokenKind::kAtan2: return "atan2";
    case TokenKind::kEqualEqual: return "==";
    case TokenKind::kNotEqual: return "!=";
    case TokenKind::kGreater: return ">";
    case TokenKind::kLess: return "<";
    case TokenKind::kGreaterEqual: return ">=";
    case TokenKind::kLessEqual: return "<=";
    case TokenKind::kAnd: return "and";
    case TokenKind::kOr: return "or";
    case TokenKind::kUnless: return "unless";
    case TokenKind::kTrimUpper: return "</";
    case TokenKind::kTrimLower: return ">/";
    case TokenKind::kAvg: return "avg";
    case TokenKind::kBottomk: return "bottomk";
    case TokenKind::kCount: return "count";
    case TokenKind::kCountValues: return "count_values";
    case TokenKind::kGroup: return "group";
    case TokenKind::kLimitk: return "limitk";
    case TokenKind::kLimitRatio: return "limit_ratio";
    case TokenKind::kMax: return "max";
    case TokenKind::kMin: return "min";
    case TokenKind::kQuantile: return "quantile";
    case TokenKind::kStddev: return "stddev";
    case TokenKind::kStdvar: return "stdvar";
    case TokenKind::kSum: return "sum";
    case TokenKind::kTopk: return "topk";
    default: return "?";
  }
}

}  // namespace clew::query::promql
