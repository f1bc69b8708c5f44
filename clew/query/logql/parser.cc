// SPDX-License-Identifier: Apache-2.0
#include "clew/query/logql/parser.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "clew/base/time.h"
#include "clew/query/logql/lexer.h"

namespace clew::query::logql {
namespace {

struct SizeUnit {
  std::string_view name;
  double bytes;
};
// Longest first, as Loki reads them (go-humanize).
constexpr std::array<SizeUnit, 9> kSizeUnits = {{{"KiB", 1024.0},
                                                 {"MiB", 1048576.0},
                                                 {"GiB", 1073741824.0},
                                                 {"kB", 1e3},
                                                 {"KB", 1e3},
                                                 {"MB", 1e6},
                                                 {"GB", 1e9},
                                                 {"TB", 1e12},
                                                 {"B", 1.0}}};

constexpr std::array<std::string_view, 14> kUnsupportedStages = {
    "json",   "logfmt", "pattern", "regexp",     "unpack",   "line_format", "label_format",
    "unwrap", "drop",   "keep",    "decolorize", "distinct", "ip",          "bytes"};

bool ReadDouble(std::string_view text, double& value) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size();
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  base::Result<Query> Run() {
    if (IsSymbol("{")) {
      LogQuery query;
      CLEW_ASSIGN_OR_RETURN(query.matchers, Selector());
      CLEW_ASSIGN_OR_RETURN(query.pipeline, Pipeline());
      CLEW_RETURN_IF_ERROR(End());
      return Query(std::move(query));
    }
    CLEW_ASSIGN_OR_RETURN(const double value, Sum(0));
    CLEW_RETURN_IF_ERROR(End());
    return Query(ConstantVector{value});
  }

  base::Result<std::vector<model::LabelMatcher>> OnlySelector() {
    CLEW_ASSIGN_OR_RETURN(auto matchers, Selector());
    CLEW_RETURN_IF_ERROR(End());
    return matchers;
  }

 private:
  const Token& Peek() const { return tokens_[next_]; }
  const Token& Next() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool IsSymbol(std::string_view symbol) const { return Peek().type == TokenType::kSymbol && Peek().text == symbol; }
  bool IsWord(std::string_view word) const { return Peek().type == TokenType::kIdentifier && Peek().text == word; }
  bool Accept(std::string_view symbol) {
    if (!IsSymbol(symbol)) return false;
    Next();
    return true;
  }

  std::unexpected<base::Error> Unexpected(std::string_view expected) const {
    const Token& token = Peek();
    const std::string_view came = token.type == TokenType::kEnd      ? "end of query"
                                  : token.type == TokenType::kString ? "text"
                                                                     : std::string_view(token.text);
    return ParseError(text_, token.offset, fmt::format("syntax error: unexpected {}, expecting {}", came, expected));
  }
  std::unexpected<base::Error> NotYet(std::string_view what) const {
    return base::Unimplemented(fmt::format("LogQL: {} is not supported by Clew yet", what));
  }
  base::Status End() const {
    if (Peek().type != TokenType::kEnd) return Unexpected("end of query");
    return {};
  }
  base::Status CheckRegex(const std::string& pattern, size_t offset) const {
    const RE2 regex(pattern, RE2::Quiet);
    if (!regex.ok()) return ParseError(text_, offset, "invalid regular expression: " + regex.error());
    return {};
  }

  base::Result<std::vector<model::LabelMatcher>> Selector() {
    const size_t start = Peek().offset;
    if (!Accept("{")) return Unexpected("{");
    std::vector<model::LabelMatcher> matchers;
    while (!IsSymbol("}")) {
      if (!matchers.empty() && !Accept(",")) return Unexpected("} or ,");
      if (IsSymbol("}")) break;
      if (Peek().type != TokenType::kIdentifier) return Unexpected("a label name or }");
      model::LabelMatcher matcher;
      matcher.name = Next().text;
      if (Accept("=")) {
        matcher.type = model::MatchType::kEqual;
      } else if (Accept("!=")) {
        matcher.type = model::MatchType::kNotEqual;
      } else if (Accept("=~")) {
        matcher.type = model::MatchType::kRegex;
      } else if (Accept("!~")) {
        matcher.type = model::MatchType::kNotRegex;
      } else {
        return Unexpected("= or != or =~ or !~");
      }
      if (Peek().type != TokenType::kString) return Unexpected("a quoted text");
      const Token& value = Next();
      if (matcher.type == model::MatchType::kRegex || matcher.type == model::MatchType::kNotRegex) {
        CLEW_RETURN_IF_ERROR(CheckRegex(value.text, value.offset));
      }
      matcher.value = value.text;
      matchers.push_back(std::move(matcher));
    }
    Next();
    const bool selective = std::ranges::any_of(matchers, [](const model::LabelMatcher& matcher) {
      switch (matcher.type) {
        case model::MatchType::kEqual: return !matcher.value.empty();
        case model::MatchType::kRegex: return !RE2::FullMatch("", RE2(matcher.value, RE2::Quiet));
        case model::MatchType::kNotEqual: return matcher.value.empty();
        case model::MatchType::kNotRegex: return RE2::FullMatch("", RE2(matcher.value, RE2::Quiet));
      }
      return false;
    });
    if (!selective) {
      return ParseError(text_, start,
                        "queries require at least one regexp or equality matcher that does not have an "
                        "empty-compatible value");
    }
    return matchers;
  }

  base::Result<std::vector<Stage>> Pipeline() {
    std::vector<Stage> stages;
    while (true) {
      if (IsSymbol("|=") || IsSymbol("!=") || IsSymbol("|~") || IsSymbol("!~")) {
        CLEW_ASSIGN_OR_RETURN(LineFilter filter, LineFilterStage());
        stages.emplace_back(std::move(filter));
      } else if (IsSymbol("|>") || IsSymbol("!>")) {
        return NotYet("the pattern line filter " + Peek().text);
      } else if (IsSymbol("[")) {
        return NotYet("a range over log lines ([5m])");
      } else if (Accept("|")) {
        if (Peek().type == TokenType::kIdentifier &&
            std::ranges::find(kUnsupportedStages, Peek().text) != kUnsupportedStages.end()) {
          return NotYet("the stage | " + Peek().text);
        }
        CLEW_ASSIGN_OR_RETURN(LabelFilter filter, OrFilter(0));
        stages.emplace_back(std::move(filter));
      } else {
        return stages;
      }
    }
  }

  base::Result<LineFilter> LineFilterStage() {
    LineFilter filter;
    const std::string symbol = Next().text;
    filter.op = symbol == "|="   ? LineFilterOp::kContains
                : symbol == "!=" ? LineFilterOp::kNotContains
                : symbol == "|~" ? LineFilterOp::kMatches
                                 : LineFilterOp::kNotMatches;
    do {
      if (IsWord("ip")) return NotYet("ip() in a line filter");
      if (Peek().type != TokenType::kString) return Unexpected("a quoted text");
      const Token& value = Next();
      if (filter.op == LineFilterOp::kMatches || filter.op == LineFilterOp::kNotMatches) {
        CLEW_RETURN_IF_ERROR(CheckRegex(value.text, value.offset));
      }
      filter.alternatives.push_back(value.text);
      if (!IsWord("or")) break;
      Next();
    } while (true);
    return filter;
  }

  // or binds weaker than and (which is also written as a comma).
  base::Result<LabelFilter> OrFilter(int depth) {
    CLEW_ASSIGN_OR_RETURN(LabelFilter left, AndFilter(depth));
    while (IsWord("or")) {
      Next();
      CLEW_ASSIGN_OR_RETURN(LabelFilter right, AndFilter(depth));
      left = Join(std::move(left), std::move(right), false);
    }
    return left;
  }

  base::Result<LabelFilter> AndFilter(int depth) {
    CLEW_ASSIGN_OR_RETURN(LabelFilter left, PrimaryFilter(depth));
    while (IsWord("and") || IsSymbol(",")) {
      Next();
      CLEW_ASSIGN_OR_RETURN(LabelFilter right, PrimaryFilter(depth));
      left = Join(std::move(left), std::move(right), true);
    }
    return left;
  }

  static LabelFilter Join(LabelFilter left, LabelFilter right, bool is_and) {
    LabelFilterPair pair;
    pair.left = std::make_unique<LabelFilter>(std::move(left));
    pair.right = std::make_unique<LabelFilter>(std::move(right));
    pair.is_and = is_and;
    return LabelFilter{std::move(pair)};
  }

  base::Result<LabelFilter> PrimaryFilter(int depth) {
    if (Accept("(")) {
      if (depth >= kMaxDepth) return ParseError(text_, Peek().offset, "too deeply nested");
      CLEW_ASSIGN_OR_RETURN(LabelFilter inner, OrFilter(depth + 1));
      if (!Accept(")")) return Unexpected(")");
      return inner;
    }
    if (Peek().type != TokenType::kIdentifier) return Unexpected("a label name");
    LabelComparison comparison;
    comparison.label = Next().text;
    static constexpr std::array<std::pair<std::string_view, CompareOp>, 9> kOps = {{{"=", CompareOp::kEqual},
                                                                                    {"==", CompareOp::kEqual},
                                                                                    {"!=", CompareOp::kNotEqual},
                                                                                    {"=~", CompareOp::kRegex},
                                                                                    {"!~", CompareOp::kNotRegex},
                                                                                    {">", CompareOp::kGreater},
                                                                                    {">=", CompareOp::kGreaterOrEqual},
                                                                                    {"<", CompareOp::kLess},
                                                                                    {"<=", CompareOp::kLessOrEqual}}};
    const auto op = std::ranges::find_if(kOps, [this](const auto& entry) { return IsSymbol(entry.first); });
    if (op == kOps.end()) return Unexpected("a comparison");
    const bool number_only = Peek().text == "==";
    comparison.op = op->second;
    Next();
    CLEW_RETURN_IF_ERROR(ComparisonValue(number_only, comparison));
    return LabelFilter{std::move(comparison)};
  }

  base::Status ComparisonValue(bool number_only, LabelComparison& comparison) {
    const bool ordered = comparison.op >= CompareOp::kGreater;
    const bool regex = comparison.op == CompareOp::kRegex || comparison.op == CompareOp::kNotRegex;
    if (Peek().type == TokenType::kString && !ordered && !number_only) {
      const Token& value = Next();
      if (regex) CLEW_RETURN_IF_ERROR(CheckRegex(value.text, value.offset));
      comparison.text = value.text;
      return {};
    }
    if (IsWord("ip")) return NotYet("ip() in a label filter");
    if (regex || Peek().type != TokenType::kNumber) {
      if (!IsSymbol("-")) return Unexpected(ordered || number_only ? "a number, duration or size" : "a quoted text");
    }
    const double sign = Accept("-") ? -1 : 1;
    if (Peek().type != TokenType::kNumber) return Unexpected("a number");
    const Token& value = Next();
    comparison.text = (sign < 0 ? "-" : "") + value.text;
    if (ReadDouble(value.text, comparison.number)) {
      comparison.unit = LabelComparison::Unit::kNumber;
    } else if (const auto unit = std::ranges::find_if(
                   kSizeUnits, [&](const SizeUnit& candidate) { return value.text.ends_with(candidate.name); });
               unit != kSizeUnits.end() &&
               ReadDouble(std::string_view(value.text).substr(0, value.text.size() - unit->name.size()),
                          comparison.number)) {
      comparison.unit = LabelComparison::Unit::kBytes;
      comparison.number *= unit->bytes;
    } else if (const auto duration = base::ParseDuration(value.text); duration) {
      comparison.unit = LabelComparison::Unit::kDuration;
      comparison.number = static_cast<double>(duration->count()) / static_cast<double>(base::kNanosPerSecond);
    } else {
      return ParseError(text_, value.offset, "expected a number, a duration or a size");
    }
    comparison.number *= sign;
    return {};
  }

  base::Result<double> Sum(int depth) {
    CLEW_ASSIGN_OR_RETURN(double left, Product(depth));
    while (IsSymbol("+") || IsSymbol("-")) {
      const bool plus = Next().text == "+";
      CLEW_ASSIGN_OR_RETURN(const double right, Product(depth));
      left = plus ? left + right : left - right;
    }
    return left;
  }

  base::Result<double> Product(int depth) {
    CLEW_ASSIGN_OR_RETURN(double left, Operand(depth));
    while (IsSymbol("*") || IsSymbol("/")) {
      const bool times = Next().text == "*";
      CLEW_ASSIGN_OR_RETURN(const double right, Operand(depth));
      left = times ? left * right : left / right;
    }
    return left;
  }

  base::Result<double> Operand(int depth) {
    if (depth >= kMaxDepth) return ParseError(text_, Peek().offset, "too deeply nested");
    if (Accept("(")) {
      CLEW_ASSIGN_OR_RETURN(const double inner, Sum(depth + 1));
      if (!Accept(")")) return Unexpected(")");
      return inner;
    }
    if (Peek().type == TokenType::kIdentifier && !IsWord("vector")) {
      return NotYet("the metric query " + Peek().text + "(…)");
    }
    const bool wrapped = IsWord("vector");
    if (wrapped) {
      Next();
      if (!Accept("(")) return Unexpected("(");
    }
    const double sign = Accept("-") ? -1 : 1;
    double value = 0;
    if (Peek().type != TokenType::kNumber || !ReadDouble(Peek().text, value))
      return Unexpected("a number, { or vector(");
    Next();
    if (wrapped && !Accept(")")) return Unexpected(")");
    return sign * value;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
};

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      default:
        // Bytes that are not text survive as escapes; UTF-8 stands as it is.
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
          quoted += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
        } else {
          quoted += c;
        }
    }
  }
  return quoted + '"';
}

void FormatFilter(const LabelFilter& filter, std::string& out) {
  if (const auto* comparison = std::get_if<LabelComparison>(&filter.node)) {
    static constexpr std::array<std::string_view, 8> kOps = {"=", "!=", "=~", "!~", ">", ">=", "<", "<="};
    out += comparison->label;
    out += kOps[static_cast<size_t>(comparison->op)];
    out += comparison->unit == LabelComparison::Unit::kText ? Quote(comparison->text) : comparison->text;
    return;
  }
  const auto& pair = std::get<LabelFilterPair>(filter.node);
  out += '(';
  FormatFilter(*pair.left, out);
  out += pair.is_and ? " and " : " or ";
  FormatFilter(*pair.right, out);
  out += ')';
}

base::Result<Parser> MakeParser(std::string_view text) {
  if (text.size() > kMaxQueryBytes) {
    return base::InvalidArgument(fmt::format("the query is longer than {} bytes", kMaxQueryBytes));
  }
  CLEW_ASSIGN_OR_RETURN(auto tokens, Tokenize(text));
  return Parser(text, std::move(tokens));
}

}  // namespace

base::Result<Query> Parse(std::string_view text) {
  CLEW_ASSIGN_OR_RETURN(Parser parser, MakeParser(text));
  return parser.Run();
}

base::Result<std::vector<model::LabelMatcher>> ParseSelector(std::string_view text) {
  CLEW_ASSIGN_OR_RETURN(Parser parser, MakeParser(text));
  return parser.OnlySelector();
}

std::string Format(const Query& query) {
  if (const auto* constant = std::get_if<ConstantVector>(&query)) return fmt::format("vector({})", constant->value);
  const auto& log_query = std::get<LogQuery>(query);
  static constexpr std::array<std::string_view, 4> kMatchOps = {"=", "!=", "=~", "!~"};
  static constexpr std::array<std::string_view, 4> kLineOps = {"|=", "!=", "|~", "!~"};
  std::string out = "{";
  for (const model::LabelMatcher& matcher : log_query.matchers) {
    if (out.size() > 1) out += ", ";
    out += matcher.name;
    out += kMatchOps[static_cast<size_t>(matcher.type)];
    out += Quote(matcher.value);
  }
  out += '}';
  for (const Stage& stage : log_query.pipeline) {
    if (const auto* line = std::get_if<LineFilter>(&stage)) {
      out += ' ';
      out += kLineOps[static_cast<size_t>(line->op)];
      for (size_t i = 0; i < line->alternatives.size(); ++i) {
        out += i == 0 ? " " : " or ";
        out += Quote(line->alternatives[i]);
      }
    } else {
      out += " | ";
      FormatFilter(std::get<LabelFilter>(stage), out);
    }
  }
  return out;
}

}  // namespace clew::query::logql
