// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/check.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <utility>

#include "clew/query/promql/functions.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Checker {
 public:
  explicit Checker(std::string_view query) : query_(query) {}

  // The type of `expr`; error_ is set at the first mistake.
  ValueType Check(Expr& expr) {
    std::visit([&](auto& node) { CheckNode(node, expr); }, expr.node);
    return TypeOf(expr);
  }

  base::Status status() const {
    if (error_.empty()) return {};
    return base::InvalidArgument(fmt::format("{}: parse error: {}", PositionText(query_, range_), error_));
  }

 private:
  void Fail(PositionRange range, std::string message) {
    if (!error_.empty()) return;
    range_ = range;
    error_ = std::move(message);
  }

  void Expect(Expr& expr, ValueType wanted, std::string_view context) {
    const ValueType type = Check(expr);
    if (type != wanted) {
      Fail(expr.range,
           fmt::format("expected type {} in {}, got {}", DocumentedType(wanted), context, DocumentedType(type)));
    }
  }

  void CheckNode(NumberLiteral&, Expr&) {}
  void CheckNode(StringLiteral&, Expr&) {}
  void CheckNode(ParenExpr& paren, Expr&) { Check(*paren.expr); }

  void CheckNode(UnaryExpr& unary, Expr& expr) {
    const ValueType type = Check(*unary.expr);
    if (type != ValueType::kScalar && type != ValueType::kVector) {
      Fail(expr.range, fmt::format("unary expression only allowed on expressions of type scalar or instant vector, "
                                   "got \"{}\"",
                                   DocumentedType(type)));
    }
  }

  void CheckNode(VectorSelector& selector, Expr& expr) {
    if (!selector.name.empty()) {
      for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
        if (selector.matchers[i].name == model::kMetricName) {
          Fail(expr.range, fmt::format("metric name must not be set twice: {} or {}", Quote(selector.name),
                                       Quote(selector.matchers[i].value)));
        }
      }
      return;
    }
    if (std::ranges::all_of(selector.matchers, MatchesEmpty)) {
      Fail(expr.range, "vector selector must contain at least one non-empty matcher");
    }
  }

  void CheckNode(MatrixSelector& matrix, Expr& expr) { CheckNode(matrix.selector, expr); }

  void CheckNode(SubqueryExpr& subquery, Expr& expr) {
    const ValueType type = Check(*subquery.expr);
    if (type != ValueType::kVector) {
      Fail(expr.range, fmt::format("subquery is only allowed on instant vector, got {} instead", ValueTypeName(type)));
    }
  }

  void CheckNode(AggregateExpr& aggregate, Expr&) {
    Expect(*aggregate.expr, ValueType::kVector, "aggregation expression");
    if (aggregate.param == nullptr) return;
    const bool text = aggregate.op == TokenKind::kCountValues;
    Expect(*aggregate.param, text ? ValueType::kString : ValueType::kScalar, "aggregation parameter");
  }

  void CheckNode(Call& call, Expr& expr) {
    const Function& function = *call.function;
    const size_t wanted = function.arguments.size();
    const size_t given = call.args.size();
    if (function.variadic == 0) {
      if (given != wanted) {
        Fail(expr.range,
             fmt::format("expected {} argument(s) in call to \"{}\", got {}", wanted, function.name, given));
      }
    } else if (given + 1 < wanted) {
      Fail(expr.range,
           fmt::format("expected at least {} argument(s) in call to \"{}\", got {}", wanted - 1, function.name, given));
    } else if (function.variadic > 0 && given > wanted - 1 + static_cast<size_t>(function.variadic)) {
      Fail(expr.range, fmt::format("expected at most {} argument(s) in call to \"{}\", got {}",
                                   wanted - 1 + static_cast<size_t>(function.variadic), function.name, given));
    }
    for (size_t i = 0; i < given && wanted > 0; ++i) {
      if (i >= wanted && function.variadic == 0) break;
      Expect(*call.args[i], function.arguments[std::min(i, wanted - 1)],
             fmt::format("call to function \"{}\"", function.name));
    }
  }

  // The operator and its modifiers, without the space around them.
  PositionRange OperatorRange(const BinaryExpr& binary) const {
    PositionRange range{binary.left->range.end, binary.right->range.start};
    while (range.start < range.end && IsSpace(query_[static_cast<size_t>(range.start)])) ++range.start;
    while (range.end > range.start && IsSpace(query_[static_cast<size_t>(range.end) - 1])) --range.end;
    return range;
  }

  void CheckNode(BinaryExpr& binary, Expr& expr) {
    const ValueType left = Check(*binary.left);
    const ValueType right = Check(*binary.right);
    const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
    if (binary.return_bool && !IsComparison(binary.op)) {
      Fail(OperatorRange(binary), "bool modifier can only be used on comparison operators");
    }
    if (IsComparison(binary.op) && !binary.return_bool && scalars) {
      Fail(OperatorRange(binary), "comparisons between scalars must use BOOL modifier");
    }
    for (const auto& [type, side] : {std::pair(left, binary.left.get()), std::pair(right, binary.right.get())}) {
      if (type != ValueType::kScalar && type != ValueType::kVector) {
        Fail(side->range, "binary expression must contain only scalar and instant vector types");
      }
    }
    if (binary.matching) CheckMatching(binary, expr, left == ValueType::kVector && right == ValueType::kVector);
    if (IsSetOperator(binary.op) && (left == ValueType::kScalar || right == ValueType::kScalar)) {
      Fail(expr.range,
           fmt::format("set operator \"{}\" not allowed in binary scalar expression", OperatorText(binary.op)));
    }
  }

  void CheckMatching(BinaryExpr& binary, Expr& expr, bool vectors) {
    using Cardinality = VectorMatching::Cardinality;
    VectorMatching& matching = *binary.matching;
    for (const std::string& label : matching.labels) {
      if (matching.on && std::ranges::find(matching.include, label) != matching.include.end()) {
        Fail(OperatorRange(binary), fmt::format("label \"{}\" must not occur in ON and GROUP clause at once", label));
      }
    }
    if (!vectors) {
      if (!matching.labels.empty()) Fail(expr.range, "vector matching only allowed between instant vectors");
      binary.matching.reset();
      return;
    }
    if (!IsSetOperator(binary.op)) return;
    if (matching.cardinality == Cardinality::kOneToOne) {
      matching.cardinality = Cardinality::kManyToMany;
    } else if (matching.cardinality != Cardinality::kManyToMany) {
      Fail(expr.range, fmt::format("no grouping allowed for \"{}\" operation", OperatorText(binary.op)));
    }
  }

  std::string_view query_;
  PositionRange range_;
  std::string error_;
};

}  // namespace

base::Status CheckTypes(Expr& expr, std::string_view query) {
  Checker checker(query);
  checker.Check(expr);
  return checker.status();
}

bool MatchesEmpty(const model::LabelMatcher& matcher) {
  switch (matcher.type) {
    case model::MatchType::kEqual: return matcher.value.empty();
    case model::MatchType::kNotEqual: return !matcher.value.empty();
    case model::MatchType::kRegex:
    case model::MatchType::kNotRegex: break;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  const bool matches = RE2::FullMatch("", RE2(matcher.value, options));
  return matches == (matcher.type == model::MatchType::kRegex);
}

}  // namespace clew::query::promql
