// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "clew/model/labels.h"
#include "clew/query/promql/lexer.h"

namespace clew::query::promql {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };
// "scalar", "vector", "matrix", "string": as results name their type.
std::string_view ValueTypeName(ValueType type);
// "instant vector", "range vector", …: as error texts name it.
std::string_view DocumentedType(ValueType type);

struct Function;
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct NumberLiteral {
  double value = 0;
  bool is_duration = false;  // written as one
};

struct StringLiteral {
  std::string value;
};

// The modifiers @ and offset.
struct TimeModifiers {
  enum class At : uint8_t { kNone, kTime, kStart, kEnd };
  At at = At::kNone;
  int64_t at_ms = 0;  // kTime
  int64_t offset_ms = 0;
  bool operator==(const TimeModifiers&) const = default;
};

struct VectorSelector {
  // As written before the braces; the matcher for it is the last one. Empty where there is none.
  std::string name;
  std::vector<model::LabelMatcher> matchers;
  TimeModifiers modifiers;
};

// A range of a selector; the modifiers are those of the whole.
struct MatrixSelector {
  VectorSelector selector;
  int64_t range_ms = 0;
};

struct SubqueryExpr {
  ExprPtr expr;
  int64_t range_ms = 0;
  int64_t step_ms = 0;  // 0: the engine's default
  TimeModifiers modifiers;
};

struct UnaryExpr {
  TokenKind op = TokenKind::kAdd;  // kAdd or kSub
  ExprPtr expr;
};

struct VectorMatching {
  enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
  Cardinality cardinality = Cardinality::kOneToOne;
  bool on = false;  // labels are those to match on, not those to ignore
  std::vector<std::string> labels;
  std::vector<std::string> include;  // of group_left and group_right
  bool operator==(const VectorMatching&) const = default;
};

struct BinaryExpr {
  TokenKind op = TokenKind::kAdd;
  ExprPtr left;
  ExprPtr right;
  // Where both sides are instant vectors.
  std::optional<VectorMatching> matching;
  bool return_bool = false;
};

struct AggregateExpr {
  TokenKind op = TokenKind::kSum;
  ExprPtr expr;
  ExprPtr param;  // of topk, quantile, …
  std::vector<std::string> grouping;
  bool without = false;
};

struct Call {
  const Function* function = nullptr;  // lives for ever
  std::vector<ExprPtr> args;
};

struct ParenExpr {
  ExprPtr expr;
};

// A node of the syntax tree. Owns its children.
struct Expr {
  using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, SubqueryExpr, UnaryExpr,
                            BinaryExpr, AggregateExpr, Call, ParenExpr>;
  Node node;
  PositionRange range;
  // Nodes on the longest way down, itself included. Bounded by kMaxDepth, so that walking the tree is safe.
  int depth = 1;

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&node);
  }
  template <typename T>
  T* As() {
    return std::get_if<T>(&node);
  }
};

inline constexpr int kMaxDepth = 1000;
inline constexpr size_t kMaxQueryBytes = 256u << 10;

// What an expression evaluates to, going by its form; parts may still be wrong.
ValueType TypeOf(const Expr& expr);
// `expr` without the parentheses around it.
const Expr& Unwrap(const Expr& expr);
// Whether two trees say the same; positions do not count.
bool SameExpr(const Expr& a, const Expr& b);

bool IsComparison(TokenKind op);
bool IsSetOperator(TokenKind op);
// topk, bottomk, quantile, count_values and their like.
bool HasParameter(TokenKind aggregator);
// As it is written: "+", "and", "topk".
std::string_view OperatorText(TokenKind op);

// The expression in Prometheus' normal form on one line; reading it gives the same tree.
std::string Print(const Expr& expr);
// The same over several lines, as /api/v1/format_query gives it: whatever is longer than 100 characters is split.
std::string PrintPretty(const Expr& expr);
// "name{label="value",…}" without modifiers.
std::string PrintSelector(const VectorSelector& selector);
std::string PrintMatcher(const model::LabelMatcher& matcher);

}  // namespace clew::query::promql
