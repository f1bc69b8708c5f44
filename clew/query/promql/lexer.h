// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clew::query::promql {

// Byte offsets into the query, [start, end).
struct PositionRange {
  int32_t start = 0;
  int32_t end = 0;
};

// "line:column" of the start, both from 1, as error texts and annotations show it.
std::string PositionText(std::string_view query, PositionRange range);

// The groups are contiguous: IsOperator and its like are comparisons.
enum class TokenKind : uint8_t {
  kEof,
  kError,  // Token::text is the message
  kIdentifier,
  kMetricIdentifier,
  kNumber,
  kDuration,
  kString,  // with its quotes
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kEqual,  // =
  // Operators.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEqualEqual,
  kNotEqual,
  kGreater,
  kLess,
  kGreaterEqual,
  kLessEqual,
  kAnd,
  kOr,
  kUnless,
  kTrimUpper,  // </
  kTrimLower,  // >/
  kEqualRegex,
  kNotEqualRegex,
  kAt,
  // Aggregators.
  kAvg,
  kBottomk,
  kCount,
  kCountValues,
  kGroup,
  kLimitk,
  kLimitRatio,
  kMax,
  kMin,
  kQuantile,
  kStddev,
  kStdvar,
  kSum,
  kTopk,
  // Keywords.
  kAnchored,
  kBool,
  kBy,
  kFill,
  kFillLeft,
  kFillRight,
  kGroupLeft,
  kGroupRight,
  kIgnoring,
  kOffset,
  kOn,
  kSmoothed,
  kWithout,
  // Words that are functions, too.
  kEnd,
  kMaxOf,
  kMinOf,
  kRange,
  kStart,
  kStep,
};

constexpr bool IsOperator(TokenKind kind) { return kind >= TokenKind::kAdd && kind <= TokenKind::kAt; }
constexpr bool IsAggregator(TokenKind kind) { return kind >= TokenKind::kAvg && kind <= TokenKind::kTopk; }
constexpr bool IsKeyword(TokenKind kind) { return kind >= TokenKind::kAnchored && kind <= TokenKind::kWithout; }
constexpr bool IsPreprocessor(TokenKind kind) { return kind >= TokenKind::kEnd; }

struct Token {
  TokenKind kind = TokenKind::kEof;
  PositionRange range;
  std::string_view text;  // of the query
  std::string error;      // kError only

  // What the token is, in the words of Prometheus' error texts: `identifier "a"`, `<op:+>`, `end of input`.
  std::string Describe() const;
};

// Splits a PromQL expression into tokens, as Prometheus 3 does; comments are left out. The query outlives the lexer.
class Lexer {
 public:
  explicit Lexer(std::string_view query) : query_(query) {}

  // The next token; kEof for ever after the end, kError for ever after an error.
  Token Next();

 private:
  Token Statement();
  Token InsideBraces();
  Token DurationExpression();
  Token NumberOrDuration();
  Token KeywordOrIdentifier();
  Token DurationKeyword(std::string message);
  Token QuotedString(char quote);
  Token RawString();
  // The part after a backslash; a message where it is wrong.
  std::string Escape(char quote);
  bool ScanNumber();
  bool ScanDuration();
  bool FollowedByLeftParen() const;
  void SkipSpacesAndComments();

  Token Make(TokenKind kind);
  Token Fail(std::string message);
  char Peek(size_t ahead = 0) const { return pos_ + ahead < query_.size() ? query_[pos_ + ahead] : '\0'; }
  bool AtEnd(size_t ahead = 0) const { return pos_ + ahead >= query_.size(); }
  bool Accept(std::string_view any_of);
  // The character at `pos` and how many bytes it has; 0 bytes at the end.
  uint32_t Rune(size_t pos, size_t& bytes) const;
  std::string QuotedRune(size_t pos) const;

  std::string_view query_;
  size_t pos_ = 0;
  size_t start_ = 0;
  int paren_depth_ = 0;
  bool brace_open_ = false;
  bool bracket_open_ = false;
  bool got_colon_ = false;
  bool got_duration_ = false;
  bool in_duration_ = false;  // between [ and the first number
  bool failed_ = false;
  Token failure_;
};

}  // namespace clew::query::promql
