// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/lexer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

struct Word {
  std::string_view name;
  TokenKind kind;
};

constexpr std::array<Word, 39> kWords{{
    {"and", TokenKind::kAnd},
    {"or", TokenKind::kOr},
    {"unless", TokenKind::kUnless},
    {"atan2", TokenKind::kAtan2},
    {"sum", TokenKind::kSum},
    {"avg", TokenKind::kAvg},
    {"count", TokenKind::kCount},
    {"min", TokenKind::kMin},
    {"max", TokenKind::kMax},
    {"group", TokenKind::kGroup},
    {"stddev", TokenKind::kStddev},
    {"stdvar", TokenKind::kStdvar},
    {"topk", TokenKind::kTopk},
    {"bottomk", TokenKind::kBottomk},
    {"count_values", TokenKind::kCountValues},
    {"quantile", TokenKind::kQuantile},
    {"limitk", TokenKind::kLimitk},
    {"limit_ratio", TokenKind::kLimitRatio},
    {"offset", TokenKind::kOffset},
    {"smoothed", TokenKind::kSmoothed},
    {"anchored", TokenKind::kAnchored},
    {"by", TokenKind::kBy},
    {"without", TokenKind::kWithout},
    {"on", TokenKind::kOn},
    {"ignoring", TokenKind::kIgnoring},
    {"group_left", TokenKind::kGroupLeft},
    {"group_right", TokenKind::kGroupRight},
    {"fill", TokenKind::kFill},
    {"fill_left", TokenKind::kFillLeft},
    {"fill_right", TokenKind::kFillRight},
    {"bool", TokenKind::kBool},
    {"start", TokenKind::kStart},
    {"end", TokenKind::kEnd},
    {"step", TokenKind::kStep},
    {"range", TokenKind::kRange},
    {"max_of", TokenKind::kMaxOf},
    {"min_of", TokenKind::kMinOf},
    {"inf", TokenKind::kNumber},
    {"nan", TokenKind::kNumber},
}};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphanumeric(char c) { return IsAlpha(c) || IsDigit(c); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

}  // namespace

std::string PositionText(std::string_view query, PositionRange range) {
  if (range.start < 0 || static_cast<size_t>(range.start) > query.size()) return "invalid position";
  int line = 1;
  int last_break = -1;
  for (int32_t i = 0; i < range.start; ++i) {
    if (query[static_cast<size_t>(i)] == '\n') {
      last_break = i;
      ++line;
    }
  }
  return fmt::format("{}:{}", line, range.start - last_break);
}

std::string Token::Describe() const {
  const auto quoted = [this](std::string_view name) {
    // Long texts are cut, as Go's %.10q does.
    return text.size() > 10 ? fmt::format("{} {}...", name, Quote(text.substr(0, 10)))
                            : fmt::format("{} {}", name, Quote(text));
  };
  switch (kind) {
    case TokenKind::kEof: return "end of input";
    case TokenKind::kError: return "error";
    case TokenKind::kIdentifier: return fmt::format("identifier {}", Quote(text));
    case TokenKind::kMetricIdentifier: return fmt::format("metric identifier {}", Quote(text));
    case TokenKind::kString: return quoted("string");
    case TokenKind::kNumber: return quoted("number");
    case TokenKind::kDuration: return quoted("duration");
    default: break;
  }
  if (IsKeyword(kind)) return fmt::format("<{}>", text);
  if (IsOperator(kind)) return fmt::format("<op:{}>", text);
  if (IsAggregator(kind)) return fmt::format("<aggr:{}>", text);
  return Quote(text);
}

Token Lexer::Make(TokenKind kind) {
  Token token;
  token.kind = kind;
  token.range = {static_cast<int32_t>(start_), static_cast<int32_t>(pos_)};
  token.text = query_.substr(start_, pos_ - start_);
  start_ = pos_;
  return token;
}

Token Lexer::Fail(std::string message) {
  failed_ = true;
  failure_.kind = TokenKind::kError;
  failure_.range = {static_cast<int32_t>(start_), static_cast<int32_t>(query_.size())};
  failure_.error = std::move(message);
  return failure_;
}

bool Lexer::Accept(std::string_view any_of) {
  if (AtEnd() || any_of.find(Peek()) == std::string_view::npos) return false;
  ++pos_;
  return true;
}

uint32_t Lexer::Rune(size_t pos, size_t& bytes) const {
  bytes = 0;
  if (pos >= query_.size()) return 0;
  const auto first = static_cast<unsigned char>(query_[pos]);
  bytes = 1;
  if (first < 0x80) return first;
  const size_t size = first >= 0xF0 ? 4 : (first >= 0xE0 ? 3 : 2);
  uint32_t rune = first & (0xFF >> (size + 1));
  if (first < 0xC2 || first > 0xF4 || pos + size > query_.size()) return 0xFFFD;
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(query_[pos + i]);
    if ((next & 0xC0) != 0x80) return 0xFFFD;
    rune = (rune << 6) | (next & 0x3F);
  }
  const bool shortest = size == 2 || (size == 3 && rune >= 0x800) || (size == 4 && rune >= 0x10000);
  if (!shortest || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) return 0xFFFD;
  bytes = size;
  return rune;
}

// Go's %q of one character.
std::string Lexer::QuotedRune(size_t pos) const {
  size_t bytes = 0;
  const uint32_t rune = Rune(pos, bytes);
  if (bytes == 0 || (bytes == 1 && rune == 0xFFFD)) return "'\xEF\xBF\xBD'";
  if (rune == '\'') return "'\\''";
  if (rune == '"') return "'\"'";
  const std::string quoted = Quote(query_.substr(pos, bytes));
  return '\'' + quoted.substr(1, quoted.size() - 2) + '\'';
}

void Lexer::SkipSpacesAndComments() {
  while (!AtEnd()) {
    if (IsSpace(Peek())) {
      ++pos_;
    } else if (Peek() == '#' && !in_duration_) {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++pos_;
    } else {
      break;
    }
  }
  start_ = pos_;
}

Token Lexer::Next() {
  if (failed_) return failure_;
  SkipSpacesAndComments();
  if (in_duration_) return DurationExpression();
  return brace_open_ ? InsideBraces() : Statement();
}

Token Lexer::Statement() {
  if (AtEnd()) {
    if (paren_depth_ != 0) return Fail("unclosed left parenthesis");
    if (bracket_open_) return Fail("unclosed left bracket");
    return Make(TokenKind::kEof);
  }
  const size_t first = pos_;
  const char c = query_[pos_++];
  const auto either = [this](char second, TokenKind both, TokenKind alone) {
    if (Peek() != second || AtEnd()) return Make(alone);
    ++pos_;
    return Make(both);
  };
  switch (c) {
    case ',': return Make(TokenKind::kComma);
    case '*': return Make(TokenKind::kMul);
    case '/': return Make(TokenKind::kDiv);
    case '%': return Make(TokenKind::kMod);
    case '+': return Make(TokenKind::kAdd);
    case '-': return Make(TokenKind::kSub);
    case '^': return Make(TokenKind::kPow);
    case '@': return Make(TokenKind::kAt);
    case '=':
      if (Peek() == '~') return Fail(fmt::format("unexpected character after '=': {}", QuotedRune(pos_)));
      return either('=', TokenKind::kEqualEqual, TokenKind::kEqual);
    case '!':
      if (Peek() != '=') return Fail(fmt::format("unexpected character after '!': {}", QuotedRune(pos_)));
      ++pos_;
      return Make(TokenKind::kNotEqual);
    case '<':
      if (Peek() == '/') return either('/', TokenKind::kTrimUpper, TokenKind::kLess);
      return either('=', TokenKind::kLessEqual, TokenKind::kLess);
    case '>':
      if (Peek() == '/') return either('/', TokenKind::kTrimLower, TokenKind::kGreater);
      return either('=', TokenKind::kGreaterEqual, TokenKind::kGreater);
    case '"':
    case '\'': return QuotedString(c);
    case '`': return RawString();
    case '(': ++paren_depth_; return Make(TokenKind::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) return Fail("unexpected right parenthesis ')'");
      return Make(TokenKind::kRightParen);
    case '{': brace_open_ = true; return Make(TokenKind::kLeftBrace);
    case '[':
      if (bracket_open_) return Fail("unexpected left bracket '['");
      got_colon_ = false;
      bracket_open_ = true;
      in_duration_ = true;
      return Make(TokenKind::kLeftBracket);
    case ']':
      if (!bracket_open_) return Fail("unexpected right bracket ']'");
      bracket_open_ = false;
      return Make(TokenKind::kRightBracket);
    default: break;
  }
  if (IsDigit(c) || (c == '.' && IsDigit(Peek()))) {
    pos_ = first;
    return NumberOrDuration();
  }
  if (!IsAlpha(c) && c != ':') return Fail(fmt::format("unexpected character: {}", QuotedRune(first)));
  if (!bracket_open_) {
    pos_ = first;
    return KeywordOrIdentifier();
  }
  if (c == ':') {
    if (got_colon_) return Fail("unexpected colon ':'");
    got_colon_ = true;
    return Make(TokenKind::kColon);
  }
  pos_ = first;
  return DurationKeyword(fmt::format("unexpected character: {}, expected ':'", QuotedRune(first)));
}

// Between [ and the first number: a duration, or arithmetic on durations.
Token Lexer::DurationExpression() {
  if (AtEnd()) return Fail("unexpected end of input in duration expression");
  const char c = Peek();
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
    got_duration_ = true;
    in_duration_ = false;
    return NumberOrDuration();
  }
  const std::string unexpected = fmt::format("unexpected character in duration expression: {}", QuotedRune(pos_));
  if (IsAlpha(c)) return DurationKeyword(unexpected);
  ++pos_;
  switch (c) {
    case ']':
      bracket_open_ = false;
      in_duration_ = false;
      return Make(TokenKind::kRightBracket);
    case ':':
      if (!got_duration_) return Fail("unexpected colon before duration in duration expression");
      if (got_colon_) return Fail("unexpected repeated colon in duration expression");
      got_colon_ = true;
      return Make(TokenKind::kColon);
    case '(': ++paren_depth_; return Make(TokenKind::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) return Fail("unexpected right parenthesis ')'");
      return Make(TokenKind::kRightParen);
    case '+': return Make(TokenKind::kAdd);
    case '-': return Make(TokenKind::kSub);
    case '*': return Make(TokenKind::kMul);
    case '/': return Make(TokenKind::kDiv);
    case '%': return Make(TokenKind::kMod);
    case '^': return Make(TokenKind::kPow);
    case ',': return Make(TokenKind::kComma);
    default: return Fail(unexpected);
  }
}

Token Lexer::DurationKeyword(std::string message) {
  while (!AtEnd() && IsAlpha(Peek())) ++pos_;
  const std::string word = Lower(query_.substr(start_, pos_ - start_));
  for (const Word& known : kWords) {
    const bool allowed = known.kind == TokenKind::kStep || known.kind == TokenKind::kRange ||
                         known.kind == TokenKind::kMaxOf || known.kind == TokenKind::kMinOf;
    if (allowed && known.name == word) return Make(known.kind);
  }
  return Fail(std::move(message));
}

Token Lexer::InsideBraces() {
  if (AtEnd()) return Fail("unexpected end of input inside braces");
  const size_t first = pos_;
  const char c = query_[pos_++];
  if (IsAlpha(c)) {
    while (!AtEnd() && IsAlphanumeric(Peek())) ++pos_;
    return Make(TokenKind::kIdentifier);
  }
  switch (c) {
    case ',': return Make(TokenKind::kComma);
    case '"':
    case '\'': return QuotedString(c);
    case '`': return RawString();
    case '=':
      if (Accept("~")) return Make(TokenKind::kEqualRegex);
      return Make(TokenKind::kEqual);
    case '!':
      if (Accept("~")) return Make(TokenKind::kNotEqualRegex);
      if (Accept("=")) return Make(TokenKind::kNotEqual);
      return Fail(fmt::format("unexpected character after '!' inside braces: {}", QuotedRune(pos_)));
    case '{': return Fail("unexpected left brace '{'");
    case '}': brace_open_ = false; return Make(TokenKind::kRightBrace);
    default: return Fail(fmt::format("unexpected character inside braces: {}", QuotedRune(first)));
  }
}

Token Lexer::QuotedString(char quote) {
  while (true) {
    if (AtEnd() || Peek() == '\n') return Fail("unterminated quoted string");
    if (Peek() == quote) {
      ++pos_;
      return Make(TokenKind::kString);
    }
    if (Peek() == '\\') {
      ++pos_;
      if (std::string message = Escape(quote); !message.empty()) return Fail(std::move(message));
      continue;
    }
    size_t bytes = 0;
    if (Rune(pos_, bytes) == 0xFFFD) return Fail("invalid UTF-8 rune");
    pos_ += bytes;
  }
}

std::string Lexer::Escape(char quote) {
  if (AtEnd()) return "escape sequence not terminated";
  const char c = Peek();
  if (std::string_view("abfnrtv\\").find(c) != std::string_view::npos || c == quote) {
    ++pos_;
    return {};
  }
  const auto name_of = [this](size_t pos) {
    size_t bytes = 0;
    const uint32_t rune = Rune(pos, bytes);
    return rune < 0x20 || bytes == 0 ? fmt::format("U+{:04X}", rune)
                                     : fmt::format("U+{:04X} '{}'", rune, query_.substr(pos, bytes));
  };
  int digits = 0;
  int base = 16;
  if (c >= '0' && c <= '7') {
    digits = 3;
    base = 8;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    digits = c == 'x' ? 2 : (c == 'u' ? 4 : 8);
    ++pos_;
  } else {
    return fmt::format("unknown escape sequence {}", name_of(pos_));
  }
  uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    if (AtEnd()) return "escape sequence not terminated";
    const int digit = HexValue(Peek());
    if (digit >= base) return fmt::format("illegal character {} in escape sequence", name_of(pos_));
    value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    ++pos_;
  }
  const uint32_t limit = c == 'u' || c == 'U' ? 0x10FFFF : 255;
  if (value > limit || (value >= 0xD800 && value < 0xE000)) return "escape sequence is an invalid Unicode code point";
  return {};
}

Token Lexer::RawString() {
  while (true) {
    if (AtEnd()) return Fail("unterminated raw string");
    if (Peek() == '`') {
      ++pos_;
      return Make(TokenKind::kString);
    }
    size_t bytes = 0;
    if (Rune(pos_, bytes) == 0xFFFD) return Fail("invalid UTF-8 rune");
    pos_ += bytes;
  }
}

Token Lexer::NumberOrDuration() {
  if (ScanNumber()) return Make(TokenKind::kNumber);
  if (ScanDuration()) return Make(TokenKind::kDuration);
  return Fail(fmt::format("bad number or duration syntax: {}", Quote(query_.substr(start_, pos_ - start_))));
}

// Goes on where ScanNumber stopped: after the first run of digits.
bool Lexer::ScanDuration() {
  if (!Accept("smhdwy")) return false;
  Accept("s");
  while (Accept("0123456789")) {
    while (Accept("0123456789")) {
    }
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  if (!AtEnd() && IsAlphanumeric(Peek())) {
    ++pos_;
    return false;
  }
  return true;
}

bool Lexer::ScanNumber() {
  const size_t initial = pos_;
  std::string_view digits = "0123456789";
  const bool hexadecimal = Accept("0") && Accept("xX");
  if (hexadecimal) {
    Accept("_");
    digits = "0123456789abcdefABCDEF";
  }
  const auto is = [this](std::string_view any_of) { return !AtEnd() && any_of.find(Peek()) != std::string_view::npos; };
  Accept(".");
  Accept(digits);
  bool dot_seen = false;
  bool exponent_seen = false;
  while (is(digits) || is("._eE")) {
    if (is(".") && dot_seen) {
      Accept(".");
      return false;
    }
    if (is("eE") && exponent_seen) {
      Accept("eE");
      return false;
    }
    if (Accept(".")) {
      dot_seen = true;
      if (Accept("_.") || hexadecimal) return false;
      continue;
    }
    if (!hexadecimal && Accept("eE")) {
      exponent_seen = true;
      Accept("+-");
      if (Accept("._eE") || AtEnd()) return false;
      continue;
    }
    if (Accept("_")) {
      if (Accept("._eE") || AtEnd()) return false;
      continue;
    }
    while (Accept(digits)) {
    }
  }
  return pos_ != initial && (AtEnd() || !IsAlphanumeric(Peek()));
}

bool Lexer::FollowedByLeftParen() const {
  size_t pos = pos_;
  while (pos < query_.size() && IsSpace(query_[pos])) ++pos;
  return pos < query_.size() && query_[pos] == '(';
}

Token Lexer::KeywordOrIdentifier() {
  while (!AtEnd() && (IsAlphanumeric(Peek()) || Peek() == ':')) ++pos_;
  const std::string_view text = query_.substr(start_, pos_ - start_);
  const std::string word = Lower(text);
  for (const Word& known : kWords) {
    if (known.name != word) continue;
    const bool fill =
        known.kind == TokenKind::kFill || known.kind == TokenKind::kFillLeft || known.kind == TokenKind::kFillRight;
    // Metrics may be named like these modifiers.
    if (fill && !FollowedByLeftParen()) return Make(TokenKind::kIdentifier);
    return Make(known.kind);
  }
  return Make(text.find(':') == std::string_view::npos ? TokenKind::kIdentifier : TokenKind::kMetricIdentifier);
}

}  // namespace clew::query::promql
