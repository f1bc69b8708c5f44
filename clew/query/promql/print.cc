// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clew/query/promql/ast.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

// What is longer than this is split by PrintPretty, as in Prometheus.
constexpr size_t kMaxLine = 100;

std::string Labels(const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) {
    if (!out.empty()) out += ", ";
    out += IsLegacyLabelName(label) ? label : Quote(label);
  }
  return out;
}

std::string Modifiers(const TimeModifiers& modifiers) {
  std::string out;
  switch (modifiers.at) {
    case TimeModifiers::At::kNone: break;
    case TimeModifiers::At::kStart: out += " @ start()"; break;
    case TimeModifiers::At::kEnd: out += " @ end()"; break;
    case TimeModifiers::At::kTime: {
      const int64_t magnitude = std::abs(modifiers.at_ms);
      out += fmt::format(" @ {}{}.{:03}", modifiers.at_ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
      break;
    }
  }
  if (modifiers.offset_ms > 0) out += " offset " + FormatPromDuration(modifiers.offset_ms);
  if (modifiers.offset_ms < 0) out += " offset -" + FormatPromDuration(-modifiers.offset_ms);
  return out;
}

std::string SubquerySuffix(const SubqueryExpr& subquery) {
  const std::string step = subquery.step_ms == 0 ? std::string() : FormatPromDuration(subquery.step_ms);
  return fmt::format("[{}:{}]{}", FormatPromDuration(subquery.range_ms), step, Modifiers(subquery.modifiers));
}

// What stands before a power. A sign would be read as that of the whole power, so infinity goes without one.
std::string LeftOperand(const BinaryExpr& binary, std::string text) {
  const auto* number = binary.left->As<NumberLiteral>();
  const bool infinite = number != nullptr && number->value == std::numeric_limits<double>::infinity();
  if (binary.op == TokenKind::kPow && infinite) std::erase(text, '+');
  return text;
}

std::string Matching(const BinaryExpr& binary) {
  std::string out(binary.return_bool ? " bool" : "");
  if (!binary.matching) return out;
  const VectorMatching& matching = *binary.matching;
  const bool grouped = matching.cardinality == VectorMatching::Cardinality::kManyToOne ||
                       matching.cardinality == VectorMatching::Cardinality::kOneToMany;
  if (!matching.labels.empty() || matching.on || grouped) {
    out += fmt::format(" {} ({})", matching.on ? "on" : "ignoring", Labels(matching.labels));
  }
  if (grouped) {
    const bool left = matching.cardinality == VectorMatching::Cardinality::kManyToOne;
    out += fmt::format(" group_{} ({})", left ? "left" : "right", Labels(matching.include));
  }
  return out;
}

std::string AggregateHead(const AggregateExpr& aggregate) {
  std::string out(OperatorText(aggregate.op));
  if (aggregate.without) {
    out += fmt::format(" without ({}) ", Labels(aggregate.grouping));
  } else if (!aggregate.grouping.empty()) {
    out += fmt::format(" by ({}) ", Labels(aggregate.grouping));
  }
  return out;
}

struct Printer {
  std::string operator()(const NumberLiteral& number) const {
    if (!number.is_duration) return FormatFixed(number.value);
    const auto millis = static_cast<int64_t>(std::llround(std::abs(number.value) * 1000));
    return (std::signbit(number.value) ? "-" : "") + FormatPromDuration(millis);
  }
  std::string operator()(const StringLiteral& literal) const { return Quote(literal.value); }
  std::string operator()(const VectorSelector& selector) const {
    return PrintSelector(selector) + Modifiers(selector.modifiers);
  }
  std::string operator()(const MatrixSelector& matrix) const {
    return fmt::format("{}[{}]{}", PrintSelector(matrix.selector), FormatPromDuration(matrix.range_ms),
                       Modifiers(matrix.selector.modifiers));
  }
  std::string operator()(const SubqueryExpr& subquery) const {
    return Print(*subquery.expr) + SubquerySuffix(subquery);
  }
  std::string operator()(const UnaryExpr& unary) const {
    return std::string(OperatorText(unary.op)) + Print(*unary.expr);
  }
  std::string operator()(const BinaryExpr& binary) const {
    return fmt::format("{} {}{} {}", LeftOperand(binary, Print(*binary.left)), OperatorText(binary.op),
                       Matching(binary), Print(*binary.right));
  }
  std::string operator()(const AggregateExpr& aggregate) const {
    const std::string param = aggregate.param == nullptr ? std::string() : Print(*aggregate.param) + ", ";
    return fmt::format("{}({}{})", AggregateHead(aggregate), param, Print(*aggregate.expr));
  }
  std::string operator()(const Call& call) const {
    std::string args;
    for (const ExprPtr& arg : call.args) {
      if (!args.empty()) args += ", ";
      args += Print(*arg);
    }
    return fmt::format("{}({})", call.function->name, args);
  }
  std::string operator()(const ParenExpr& paren) const { return '(' + Print(*paren.expr) + ')'; }
};

std::string Indent(int level) { return std::string(static_cast<size_t>(level) * 2, ' '); }

std::string Pretty(const Expr& expr, int level);

// How each kind is split over lines once it is too long for one.
struct Splitter {
  int level;

  template <typename T>
  std::string operator()(const T& leaf) const {
    return Indent(level) + Printer{}(leaf);
  }
  std::string operator()(const SubqueryExpr& subquery) const {
    return Pretty(*subquery.expr, level) + SubquerySuffix(subquery);
  }
  std::string operator()(const UnaryExpr& unary) const {
    std::string child = Pretty(*unary.expr, level);
    child.erase(0, child.find_first_not_of(' '));
    return Indent(level) + std::string(OperatorText(unary.op)) + child;
  }
  std::string operator()(const BinaryExpr& binary) const {
    return fmt::format("{}\n{}{}{}\n{}", LeftOperand(binary, Pretty(*binary.left, level + 1)), Indent(level),
                       OperatorText(binary.op), Matching(binary), Pretty(*binary.right, level + 1));
  }
  std::string operator()(const AggregateExpr& aggregate) const {
    std::string out = Indent(level) + AggregateHead(aggregate) + "(\n";
    if (aggregate.param != nullptr) out += Pretty(*aggregate.param, level + 1) + ",\n";
    return out + fmt::format("{}\n{})", Pretty(*aggregate.expr, level + 1), Indent(level));
  }
  std::string operator()(const Call& call) const {
    std::string args;
    for (const ExprPtr& arg : call.args) {
      if (!args.empty()) args += ",\n";
      args += Pretty(*arg, level + 1);
    }
    return fmt::format("{}{}(\n{}\n{})", Indent(level), call.function->name, args, Indent(level));
  }
  std::string operator()(const ParenExpr& paren) const {
    return fmt::format("{}(\n{}\n{})", Indent(level), Pretty(*paren.expr, level + 1), Indent(level));
  }
};

std::string Pretty(const Expr& expr, int level) {
  std::string line = Print(expr);
  if (line.size() > kMaxLine || expr.As<UnaryExpr>() != nullptr) return std::visit(Splitter{level}, expr.node);
  return Indent(level) + line;
}

}  // namespace

std::string PrintMatcher(const model::LabelMatcher& matcher) {
  static constexpr std::array<std::string_view, 4> kOperators{"=", "!=", "=~", "!~"};
  const std::string name = IsLegacyLabelName(matcher.name) ? matcher.name : Quote(matcher.name);
  return fmt::format("{}{}{}", name, kOperators[static_cast<size_t>(matcher.type)], Quote(matcher.value));
}

std::string PrintSelector(const VectorSelector& selector) {
  std::vector<std::string> texts;
  for (const model::LabelMatcher& matcher : selector.matchers) {
    const bool is_name = matcher.name == model::kMetricName && matcher.type == model::MatchType::kEqual &&
                         matcher.value == selector.name && !matcher.value.empty();
    if (!is_name) texts.push_back(PrintMatcher(matcher));
  }
  if (texts.empty() && !selector.name.empty()) return selector.name;
  std::ranges::sort(texts);
  return fmt::format("{}{{{}}}", selector.name, fmt::join(texts, ","));
}

std::string Print(const Expr& expr) { return std::visit(Printer{}, expr.node); }

std::string PrintPretty(const Expr& expr) { return Pretty(expr, 0); }

}  // namespace clew::query::promql
