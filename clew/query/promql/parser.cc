// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/parser.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/query/promql/check.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

// Parentheses, calls and signs within each other; bounds the parser's own recursion.
constexpr int kMaxNesting = 400;

constexpr int kPowPrecedence = 6;

// 0: no binary operator.
int Precedence(TokenKind kind) {
  switch (kind) {
    case TokenKind::kOr: return 1;
    case TokenKind::kAnd:
    case TokenKind::kUnless: return 2;
    case TokenKind::kEqualEqual:
    case TokenKind::kNotEqual:
    case TokenKind::kGreater:
    case TokenKind::kLess:
    case TokenKind::kGreaterEqual:
    case TokenKind::kLessEqual:
    case TokenKind::kTrimUpper:
    case TokenKind::kTrimLower: return 3;
    case TokenKind::kAdd:
    case TokenKind::kSub: return 4;
    case TokenKind::kMul:
    case TokenKind::kDiv:
    case TokenKind::kMod:
    case TokenKind::kAtan2: return 5;
    case TokenKind::kPow: return kPowPrecedence;
    default: return 0;
  }
}

// Words that name a metric where an expression starts.
bool CanBeMetricName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kIdentifier:
    case TokenKind::kMetricIdentifier:
    case TokenKind::kAnd:
    case TokenKind::kOr:
    case TokenKind::kUnless:
    case TokenKind::kBy:
    case TokenKind::kFill:
    case TokenKind::kFillLeft:
    case TokenKind::kFillRight:
    case TokenKind::kOffset:
    case TokenKind::kWithout:
    case TokenKind::kAnchored:
    case TokenKind::kSmoothed: return true;
    default: return IsAggregator(kind) || IsPreprocessor(kind);
  }
}

// Words that name a label in by (…), on (…) and their like.
bool CanBeLabel(TokenKind kind) {
  switch (kind) {
    case TokenKind::kIdentifier:
    case TokenKind::kMetricIdentifier:
    case TokenKind::kAnd:
    case TokenKind::kOr:
    case TokenKind::kUnless:
    case TokenKind::kAtan2: return true;
    case TokenKind::kWithout: return false;
    default: return IsAggregator(kind) || IsKeyword(kind) || IsPreprocessor(kind);
  }
}

int DepthOf(const ExprPtr& child) { return child == nullptr ? 0 : child->depth; }

class Parser {
 public:
  explicit Parser(std::string_view query) : query_(query), lexer_(query) { Advance(); }

  ExprPtr ParseWhole() {
    if (!failed_ && token_.kind == TokenKind::kEof) {
      Fail({0, 0}, "no expression found in input");
      return nullptr;
    }
    ExprPtr expr = ParseBinary(1);
    if (expr != nullptr && token_.kind != TokenKind::kEof) return Unexpected({}, {});
    return expr;
  }

  ExprPtr ParseSelectorAlone() {
    if (!failed_ && !CanBeMetricName(token_.kind) && token_.kind != TokenKind::kLeftBrace) return Unexpected({}, {});
    ExprPtr expr = ParseVectorSelector();
    if (expr != nullptr && token_.kind != TokenKind::kEof) return Unexpected({}, {});
    return expr;
  }

  bool failed() const { return failed_; }
  base::Error TakeError() const {
    const std::string position = query_.empty() ? "unknown position" : PositionText(query_, error_range_);
    return {base::Code::kInvalidArgument, fmt::format("{}: parse error: {}", position, error_), {}};
  }

 private:
  // ---- tokens and errors

  void Advance() {
    last_end_ = token_.range.end;
    token_ = lexer_.Next();
    if (token_.kind == TokenKind::kError) Fail(token_.range, token_.error);
  }

  ExprPtr Fail(PositionRange range, std::string message) {
    // Only the first error is shown.
    if (!failed_) {
      failed_ = true;
      error_range_ = range;
      error_ = std::move(message);
    }
    return nullptr;
  }

  ExprPtr Unexpected(std::string_view context, std::string_view expected) {
    std::string message = "unexpected " + token_.Describe();
    if (!context.empty()) message += fmt::format(" in {}", context);
    if (!expected.empty()) message += fmt::format(", expected {}", expected);
    return Fail(token_.range, std::move(message));
  }

  ExprPtr NotYet(PositionRange range, std::string_view what) {
    return Fail(range, fmt::format("{} is not supported yet", what));
  }

  template <typename Node>
  ExprPtr Make(Node node, PositionRange range, int depth_below) {
    if (depth_below + 1 > kMaxDepth) return Fail(range, "expression is nested too deeply");
    auto expr = std::make_unique<Expr>();
    expr->node = std::move(node);
    expr->range = range;
    expr->depth = depth_below + 1;
    return expr;
  }

  // ---- operators

  ExprPtr ParseBinary(int min_precedence) {
    ExprPtr left = ParseUnary();
    while (!failed_) {
      const TokenKind op = token_.kind;
      const int precedence = Precedence(op);
      if (precedence == 0 || precedence < min_precedence) break;
      const PositionRange op_range = token_.range;
      Advance();
      BinaryExpr binary;
      binary.op = op;
      ParseBinaryModifiers(binary);
      if (failed_) return nullptr;
      // Only ^ groups to the right.
      binary.right = ParseBinary(op == TokenKind::kPow ? precedence : precedence + 1);
      if (failed_) return nullptr;
      if (op == TokenKind::kTrimUpper || op == TokenKind::kTrimLower) {
        return NotYet(op_range, fmt::format("operator {}", Quote(OperatorText(op))));
      }
      binary.left = std::move(left);
      const PositionRange range{binary.left->range.start, binary.right->range.end};
      const int depth = std::max(DepthOf(binary.left), DepthOf(binary.right));
      left = Make(std::move(binary), range, depth);
    }
    return failed_ ? nullptr : std::move(left);
  }

  void ParseBinaryModifiers(BinaryExpr& binary) {
    VectorMatching matching;
    if (token_.kind == TokenKind::kBool) {
      binary.return_bool = true;
      Advance();
    }
    if (token_.kind == TokenKind::kOn || token_.kind == TokenKind::kIgnoring) {
      matching.on = token_.kind == TokenKind::kOn;
      Advance();
      matching.labels = ParseGroupingLabels();
      if (token_.kind == TokenKind::kGroupLeft || token_.kind == TokenKind::kGroupRight) {
        matching.cardinality = token_.kind == TokenKind::kGroupLeft ? VectorMatching::Cardinality::kManyToOne
                                                                    : VectorMatching::Cardinality::kOneToMany;
        Advance();
        if (token_.kind == TokenKind::kLeftParen) matching.include = ParseGroupingLabels();
      }
    }
    if (token_.kind == TokenKind::kFill || token_.kind == TokenKind::kFillLeft ||
        token_.kind == TokenKind::kFillRight) {
      NotYet(token_.range, fmt::format("modifier {}", Quote(token_.text)));
    }
    binary.matching = std::move(matching);
  }

  ExprPtr ParseUnary() {
    if (token_.kind != TokenKind::kAdd && token_.kind != TokenKind::kSub) return ParsePostfix();
    if (++nesting_ > kMaxNesting) return Fail(token_.range, "expression is nested too deeply");
    const TokenKind op = token_.kind;
    const int32_t start = token_.range.start;
    Advance();
    // Binds as * does: -a^b is -(a^b), -a*b is (-a)*b.
    ExprPtr operand = ParseBinary(kPowPrecedence);
    --nesting_;
    if (operand == nullptr) return nullptr;
    if (auto* number = operand->As<NumberLiteral>()) {
      if (op == TokenKind::kSub) number->value = -number->value;
      operand->range.start = start;
      return operand;
    }
    const PositionRange range{start, operand->range.end};
    const int depth = operand->depth;
    return Make(UnaryExpr{op, std::move(operand)}, range, depth);
  }

  ExprPtr ParsePostfix() {
    ExprPtr expr = ParsePrimary();
    while (!failed_) {
      switch (token_.kind) {
        case TokenKind::kOffset: ParseOffset(*expr); break;
        case TokenKind::kAt: ParseAt(*expr); break;
        case TokenKind::kLeftBracket: expr = ParseRange(std::move(expr)); break;
        case TokenKind::kAnchored:
        case TokenKind::kSmoothed: return NotYet(token_.range, fmt::format("modifier {}", Quote(token_.text)));
        default: return expr;
      }
    }
    return nullptr;
  }

  // ---- what an expression starts with

  ExprPtr ParsePrimary() {
    if (failed_) return nullptr;
    if (++nesting_ > kMaxNesting) return Fail(token_.range, "expression is nested too deeply");
    ExprPtr expr = ParsePrimaryHere();
    --nesting_;
    return expr;
  }

  ExprPtr ParsePrimaryHere() {
    switch (token_.kind) {
      case TokenKind::kNumber:
      case TokenKind::kDuration: return ParseNumberLiteral();
      case TokenKind::kString: {
        auto text = Unquote(token_.text);
        if (!text) return Fail(token_.range, fmt::format("error unquoting string {}", Quote(token_.text)));
        ExprPtr expr = Make(StringLiteral{*std::move(text)}, token_.range, 0);
        Advance();
        return expr;
      }
      case TokenKind::kLeftParen: return ParseParen();
      case TokenKind::kLeftBrace: return ParseVectorSelector();
      default: break;
    }
    if (!CanBeMetricName(token_.kind)) return Unexpected({}, {});
    const Token first = token_;
    Advance();
    const bool call = first.kind == TokenKind::kIdentifier || IsPreprocessor(first.kind);
    if (call && token_.kind == TokenKind::kLeftParen) return ParseCall(first);
    if (IsAggregator(first.kind) &&
        (token_.kind == TokenKind::kLeftParen || token_.kind == TokenKind::kBy || token_.kind == TokenKind::kWithout)) {
      return ParseAggregate(first);
    }
    return ParseVectorSelectorAfter(first);
  }

  // The double of the number or duration at hand, which is taken.
  double TakeNumber() {
    double value = 0;
    if (token_.kind == TokenKind::kDuration) {
      const auto millis = ParsePromDuration(token_.text);
      if (millis) {
        value = static_cast<double>(*millis) / 1000;
      } else {
        Fail(token_.range, millis.error().message);
      }
    } else if (const auto number = ParseNumber(token_.text)) {
      value = *number;
    } else {
      Fail(token_.range, fmt::format("error parsing number: {}", Quote(token_.text)));
    }
    Advance();
    return value;
  }

  ExprPtr ParseNumberLiteral() {
    const PositionRange range = token_.range;
    const bool is_duration = token_.kind == TokenKind::kDuration;
    const double value = TakeNumber();
    return failed_ ? nullptr : Make(NumberLiteral{value, is_duration}, range, 0);
  }

  ExprPtr ParseParen() {
    const int32_t start = token_.range.start;
    Advance();
    ExprPtr inner = ParseBinary(1);
    if (inner == nullptr) return nullptr;
    if (token_.kind != TokenKind::kRightParen) return Unexpected({}, {});
    Advance();
    const int depth = inner->depth;
    return Make(ParenExpr{std::move(inner)}, {start, last_end_}, depth);
  }

  // The arguments in parentheses; false after an error.
  bool ParseArguments(std::vector<ExprPtr>& args) {
    Advance();
    if (token_.kind == TokenKind::kRightParen) {
      Advance();
      return !failed_;
    }
    while (!failed_) {
      ExprPtr arg = ParseBinary(1);
      if (arg == nullptr) return false;
      args.push_back(std::move(arg));
      if (token_.kind == TokenKind::kRightParen) {
        Advance();
        return !failed_;
      }
      if (token_.kind != TokenKind::kComma) {
        Unexpected({}, {});
        return false;
      }
      const PositionRange comma = token_.range;
      Advance();
      if (token_.kind == TokenKind::kRightParen) {
        Fail(comma, "trailing commas not allowed in function call args");
      }
    }
    return false;
  }

  ExprPtr ParseCall(const Token& name) {
    Call call;
    if (!ParseArguments(call.args)) return nullptr;
    call.function = FindFunction(name.text);
    if (call.function == nullptr) {
      return Fail(name.range, fmt::format("unknown function with name {}", Quote(name.text)));
    }
    if (call.function->id == FunctionId::kUnsupported) {
      return NotYet(name.range, fmt::format("function {}", Quote(name.text)));
    }
    int depth = 0;
    for (const ExprPtr& arg : call.args) depth = std::max(depth, arg->depth);
    return Make(std::move(call), {name.range.start, last_end_}, depth);
  }

  ExprPtr ParseAggregate(const Token& op) {
    AggregateExpr aggregate;
    aggregate.op = op.kind;
    const bool modifier_first = token_.kind != TokenKind::kLeftParen;
    if (modifier_first) ParseGrouping(aggregate);
    if (failed_) return nullptr;
    if (token_.kind != TokenKind::kLeftParen) return Unexpected("aggregation", {});
    std::vector<ExprPtr> args;
    if (!ParseArguments(args)) return nullptr;
    if (!modifier_first && (token_.kind == TokenKind::kBy || token_.kind == TokenKind::kWithout)) {
      ParseGrouping(aggregate);
    }
    if (failed_) return nullptr;
    const PositionRange range{op.range.start, last_end_};
    if (op.kind == TokenKind::kLimitk || op.kind == TokenKind::kLimitRatio) {
      return NotYet(op.range, fmt::format("aggregation {}", Quote(op.text)));
    }
    if (args.empty()) return Fail(range, "no arguments for aggregate expression provided");
    const size_t wanted = HasParameter(op.kind) ? 2 : 1;
    if (args.size() != wanted) {
      return Fail(range, fmt::format("wrong number of arguments for aggregate expression provided, expected {}, got {}",
                                     wanted, args.size()));
    }
    aggregate.expr = std::move(args.back());
    if (wanted == 2) aggregate.param = std::move(args.front());
    const int depth = std::max(DepthOf(aggregate.expr), DepthOf(aggregate.param));
    return Make(std::move(aggregate), range, depth);
  }

  void ParseGrouping(AggregateExpr& aggregate) {
    aggregate.without = token_.kind == TokenKind::kWithout;
    Advance();
    aggregate.grouping = ParseGroupingLabels();
  }

  std::vector<std::string> ParseGroupingLabels() {
    std::vector<std::string> labels;
    if (failed_) return labels;
    if (token_.kind != TokenKind::kLeftParen) {
      Unexpected("grouping opts", "\"(\"");
      return labels;
    }
    Advance();
    while (!failed_ && token_.kind != TokenKind::kRightParen) {
      if (token_.kind == TokenKind::kString) {
        const auto label = Unquote(token_.text);
        if (!label || label->empty() || !base::IsUtf8(*label)) {
          Fail(token_.range, fmt::format("invalid label name for grouping: {}", token_.text));
          return labels;
        }
        labels.push_back(*label);
      } else if (CanBeLabel(token_.kind)) {
        labels.emplace_back(token_.text);
      } else {
        Unexpected("grouping opts", "label");
        return labels;
      }
      Advance();
      if (token_.kind == TokenKind::kComma) {
        Advance();
      } else if (!failed_ && token_.kind != TokenKind::kRightParen) {
        Unexpected("grouping opts", "\",\" or \")\"");
      }
    }
    Advance();
    return labels;
  }

  // ---- selectors

  ExprPtr ParseVectorSelector() {
    if (failed_) return nullptr;
    if (token_.kind == TokenKind::kLeftBrace) return ParseVectorSelectorAfter({});
    const Token name = token_;
    Advance();
    return ParseVectorSelectorAfter(name);
  }

  // `name` has been taken; of kind kEof where the selector has none.
  ExprPtr ParseVectorSelectorAfter(const Token& name) {
    if (failed_) return nullptr;
    VectorSelector selector;
    PositionRange range = name.kind == TokenKind::kEof ? token_.range : name.range;
    selector.name = name.text;
    if (token_.kind == TokenKind::kLeftBrace) {
      ParseMatchers(selector);
      if (failed_) return nullptr;
      range.end = last_end_;
    }
    if (!selector.name.empty()) {
      selector.matchers.push_back({model::MatchType::kEqual, std::string(model::kMetricName), selector.name});
    }
    return Make(std::move(selector), range, 0);
  }

  void ParseMatchers(VectorSelector& selector) {
    Advance();
    while (!failed_ && token_.kind != TokenKind::kRightBrace) {
      ParseMatcher(selector);
      if (failed_) return;
      if (token_.kind == TokenKind::kComma) {
        Advance();
      } else if (token_.kind != TokenKind::kRightBrace) {
        Unexpected("label matching", "\",\" or \"}\"");
      }
    }
    Advance();
  }

  void ParseMatcher(VectorSelector& selector) {
    model::LabelMatcher matcher;
    const PositionRange name_range = token_.range;
    const bool quoted = token_.kind == TokenKind::kString;
    if (quoted) {
      const auto name = Unquote(token_.text);
      if (!name) {
        Fail(token_.range, fmt::format("error unquoting string {}", Quote(token_.text)));
        return;
      }
      matcher.name = *name;
    } else if (token_.kind == TokenKind::kIdentifier) {
      matcher.name = token_.text;
    } else {
      Unexpected("label matching", "identifier or \"}\"");
      return;
    }
    Advance();
    switch (token_.kind) {
      case TokenKind::kEqual: matcher.type = model::MatchType::kEqual; break;
      case TokenKind::kNotEqual: matcher.type = model::MatchType::kNotEqual; break;
      case TokenKind::kEqualRegex: matcher.type = model::MatchType::kRegex; break;
      case TokenKind::kNotEqualRegex: matcher.type = model::MatchType::kNotRegex; break;
      default:
        // {"name"} is the metric's name.
        if (quoted && !failed_ && (token_.kind == TokenKind::kComma || token_.kind == TokenKind::kRightBrace)) {
          selector.matchers.push_back({model::MatchType::kEqual, std::string(model::kMetricName), matcher.name});
        } else {
          Unexpected("label matching", quoted ? "\",\" or \"}\"" : "label matching operator");
        }
        return;
    }
    Advance();
    if (token_.kind != TokenKind::kString) {
      Unexpected("label matching", "string");
      return;
    }
    const auto value = Unquote(token_.text);
    if (!value) {
      Fail(token_.range, fmt::format("error unquoting string {}", Quote(token_.text)));
      return;
    }
    matcher.value = *value;
    CheckRegex(matcher, {name_range.start, token_.range.end});
    selector.matchers.push_back(std::move(matcher));
    Advance();
  }

  void CheckRegex(const model::LabelMatcher& matcher, PositionRange range) {
    if (matcher.type != model::MatchType::kRegex && matcher.type != model::MatchType::kNotRegex) return;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(int64_t{8} << 20);
    const RE2 regex("^(?s:" + matcher.value + ")$", options);
    if (!regex.ok()) Fail(range, fmt::format("error parsing regexp: {}", regex.error()));
  }

  // ---- ranges and modifiers

  // A duration of at least one millisecond within brackets; 0 after an error.
  int64_t ParsePositiveDuration(std::string_view context, std::string_view expected) {
    if (failed_) return 0;
    if (token_.kind != TokenKind::kNumber && token_.kind != TokenKind::kDuration) {
      if (IsDurationArithmetic(token_.kind)) {
        NotYet(token_.range, "arithmetic on durations");
      } else {
        Unexpected(context, expected);
      }
      return 0;
    }
    const PositionRange range = token_.range;
    const double seconds = TakeNumber();
    if (failed_) return 0;
    const int64_t millis = ToMillis(seconds, range);
    if (!failed_ && !(seconds > 0 && millis > 0)) Fail(range, "duration must be greater than 0");
    if (IsDurationArithmetic(token_.kind)) NotYet(token_.range, "arithmetic on durations");
    return millis;
  }

  static bool IsDurationArithmetic(TokenKind kind) {
    return Precedence(kind) >= 4 || kind == TokenKind::kLeftParen || IsPreprocessor(kind);
  }

  int64_t ToMillis(double seconds, PositionRange range) {
    // As many as Go's time.Duration holds, some 292 years.
    constexpr double kLimit = 9.2e9;
    if (!(std::abs(seconds) < kLimit)) {
      Fail(range, "duration out of range");
      return 0;
    }
    // What is below a millisecond is cut off, after rounding to nanoseconds.
    return static_cast<int64_t>(std::llround(seconds * 1e9)) / 1'000'000;
  }

  ExprPtr ParseRange(ExprPtr expr) {
    const int32_t bracket = token_.range.start;
    Advance();
    static constexpr std::string_view kExpected = "number, duration, step(), or range()";
    const int64_t range_ms = ParsePositiveDuration("subquery or range selector", kExpected);
    if (failed_) return nullptr;
    if (token_.kind == TokenKind::kRightBracket) {
      Advance();
      return MakeMatrix(std::move(expr), range_ms, {bracket, last_end_});
    }
    if (token_.kind != TokenKind::kColon) return Unexpected("subquery or range", "\":\" or \"]\"");
    Advance();
    SubqueryExpr subquery;
    subquery.range_ms = range_ms;
    if (token_.kind != TokenKind::kRightBracket) {
      subquery.step_ms = ParsePositiveDuration("subquery selector", "number, duration, step(), range(), or \"]\"");
      if (failed_) return nullptr;
      if (token_.kind != TokenKind::kRightBracket) return Unexpected("subquery selector", "\"]\"");
    }
    Advance();
    if (failed_) return nullptr;
    const PositionRange range{expr->range.start, last_end_};
    const int depth = expr->depth;
    subquery.expr = std::move(expr);
    return Make(std::move(subquery), range, depth);
  }

  ExprPtr MakeMatrix(ExprPtr expr, int64_t range_ms, PositionRange brackets) {
    if (failed_) return nullptr;
    auto* selector = expr->As<VectorSelector>();
    if (selector == nullptr) return Fail(brackets, "ranges only allowed for vector selectors");
    if (selector->modifiers.offset_ms != 0) return Fail(brackets, "no offset modifiers allowed before range");
    if (selector->modifiers.at != TimeModifiers::At::kNone)
      return Fail(brackets, "no @ modifiers allowed before range");
    const PositionRange range{expr->range.start, brackets.end};
    return Make(MatrixSelector{std::move(*selector), range_ms}, range, 0);
  }

  static TimeModifiers* ModifiersOf(Expr& expr) {
    if (auto* selector = expr.As<VectorSelector>()) return &selector->modifiers;
    if (auto* matrix = expr.As<MatrixSelector>()) return &matrix->selector.modifiers;
    if (auto* subquery = expr.As<SubqueryExpr>()) return &subquery->modifiers;
    return nullptr;
  }

  void ParseOffset(Expr& expr) {
    Advance();
    const PositionRange range = token_.range;
    bool negative = false;
    if (token_.kind == TokenKind::kAdd || token_.kind == TokenKind::kSub) {
      negative = token_.kind == TokenKind::kSub;
      Advance();
    }
    if (failed_) return;
    if (token_.kind == TokenKind::kLeftParen || IsPreprocessor(token_.kind)) {
      NotYet(token_.range, "arithmetic on durations");
      return;
    }
    if (token_.kind != TokenKind::kNumber && token_.kind != TokenKind::kDuration) {
      Unexpected("offset", "number, duration, step(), or range()");
      return;
    }
    const double seconds = TakeNumber();
    const int64_t millis = failed_ ? 0 : ToMillis(negative ? -seconds : seconds, range);
    if (failed_) return;
    TimeModifiers* modifiers = ModifiersOf(expr);
    if (modifiers == nullptr) {
      Fail(expr.range,
           "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery");
    } else if (modifiers->offset_ms != 0) {
      Fail(expr.range, "offset may not be set multiple times");
    } else {
      modifiers->offset_ms = millis;
      expr.range.end = last_end_;
    }
  }

  void ParseAt(Expr& expr) {
    Advance();
    TimeModifiers parsed;
    if (token_.kind == TokenKind::kStart || token_.kind == TokenKind::kEnd) {
      parsed.at = token_.kind == TokenKind::kStart ? TimeModifiers::At::kStart : TimeModifiers::At::kEnd;
      Advance();
      for (const TokenKind kind : {TokenKind::kLeftParen, TokenKind::kRightParen}) {
        if (failed_) return;
        if (token_.kind != kind) {
          Unexpected("@", "timestamp");
          return;
        }
        Advance();
      }
    } else {
      parsed.at = TimeModifiers::At::kTime;
      parsed.at_ms = ParseTimestamp(expr);
    }
    if (failed_) return;
    TimeModifiers* modifiers = ModifiersOf(expr);
    if (modifiers == nullptr) {
      Fail(expr.range,
           "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery");
    } else if (modifiers->at != TimeModifiers::At::kNone) {
      Fail(expr.range, "@ <timestamp> may not be set multiple times");
    } else {
      modifiers->at = parsed.at;
      modifiers->at_ms = parsed.at_ms;
      expr.range.end = last_end_;
    }
  }

  int64_t ParseTimestamp(const Expr& expr) {
    bool negative = false;
    if (token_.kind == TokenKind::kAdd || token_.kind == TokenKind::kSub) {
      negative = token_.kind == TokenKind::kSub;
      Advance();
    }
    if (failed_) return 0;
    if (token_.kind != TokenKind::kNumber && token_.kind != TokenKind::kDuration) {
      Unexpected("@", "timestamp");
      return 0;
    }
    const double magnitude = TakeNumber();
    const double seconds = negative ? -magnitude : magnitude;
    // Milliseconds up to here are exact in a double, and times beyond cannot be stored.
    constexpr double kLimit = 9e12;
    if (!(std::abs(seconds) < kLimit)) {
      const std::string text = std::isfinite(seconds) ? fmt::format("{:.6f}", seconds) : FormatFixed(seconds);
      Fail(expr.range, fmt::format("timestamp out of bounds for @ modifier: {}", text));
      return 0;
    }
    return static_cast<int64_t>(std::llround(seconds * 1000));
  }

  std::string_view query_;
  Lexer lexer_;
  Token token_;
  int32_t last_end_ = 0;  // where the token taken last ended
  int nesting_ = 0;
  bool failed_ = false;
  PositionRange error_range_;
  std::string error_;
};

base::Status CheckSize(std::string_view query) {
  if (query.size() <= kMaxQueryBytes) return {};
  return base::InvalidArgument(fmt::format("query is longer than {} bytes", kMaxQueryBytes));
}

}  // namespace

base::Result<ExprPtr> ParseExpr(std::string_view query) {
  CLEW_RETURN_IF_ERROR(CheckSize(query));
  Parser parser(query);
  ExprPtr expr = parser.ParseWhole();
  if (parser.failed()) return std::unexpected(parser.TakeError());
  CLEW_RETURN_IF_ERROR(CheckTypes(*expr, query));
  return expr;
}

base::Result<std::vector<model::LabelMatcher>> ParseSelector(std::string_view text) {
  CLEW_RETURN_IF_ERROR(CheckSize(text));
  Parser parser(text);
  ExprPtr expr = parser.ParseSelectorAlone();
  if (parser.failed()) return std::unexpected(parser.TakeError());
  VectorSelector& selector = *expr->As<VectorSelector>();
  const bool selective = std::ranges::any_of(selector.matchers, [](const auto& m) { return !MatchesEmpty(m); });
  if (!selective) return base::InvalidArgument("match[] must contain at least one non-empty matcher");
  return std::move(selector.matchers);
}

}  // namespace clew::query::promql
