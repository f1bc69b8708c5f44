// SPDX-License-Identifier: Apache-2.0
#include "clew/query/logql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace clew::query::logql {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameChar(char c) { return IsNameStart(c) || IsDigit(c) || c == ':'; }

// Longest first.
constexpr std::array<std::string_view, 25> kSymbols = {
    "|=", "|~", "|>", "!>", "!=", "!~", "=~", "==", ">=", "<=", "{", "}", "(",
    ")",  "[",  "]",  ",",  "=",  ">",  "<",  "|",  "+",  "-",  "*", "/"};

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::optional<uint32_t> TakeHex(std::string_view& rest, size_t digits) {
  if (rest.size() < digits) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = rest[i];
    const int digit = IsDigit(c)             ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  rest.remove_prefix(digits);
  return value;
}

// One escape of a double-quoted text (Go's string literals); `rest` stands behind the backslash.
bool TakeEscape(std::string_view& rest, std::string& out) {
  if (rest.empty()) return false;
  const char c = rest[0];
  rest.remove_prefix(1);
  static constexpr std::string_view kNames = "abfnrtv\\\"'";
  static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"'";
  if (const size_t at = kNames.find(c); at != std::string_view::npos) {
    out += kValues[at];
    return true;
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return false;
  const auto code = TakeHex(rest, digits);
  if (!code || *code > 0x10FFFF) return false;
  if (c == 'x') {
    out += static_cast<char>(*code);
  } else {
    AppendUtf8(*code, out);
  }
  return true;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text), rest_(text) {}

  base::Result<std::vector<Token>> Run() {
    while (true) {
      SkipSpace();
      const size_t at = offset();
      if (rest_.empty()) {
        tokens_.push_back({TokenType::kEnd, "", at});
        return std::move(tokens_);
      }
      const char c = rest_[0];
      if (c == '"' || c == '`') {
        CLEW_RETURN_IF_ERROR(TakeString(c));
      } else if (IsNameStart(c)) {
        Take(TokenType::kIdentifier, std::ranges::find_if_not(rest_, IsNameChar) - rest_.begin());
      } else if (IsDigit(c) || (c == '.' && rest_.size() > 1 && IsDigit(rest_[1]))) {
        const auto is_number_char = [](char d) { return IsNameChar(d) || d == '.' || (d & 0x80) != 0; };
        Take(TokenType::kNumber, std::ranges::find_if_not(rest_, is_number_char) - rest_.begin());
      } else {
        const auto symbol = std::ranges::find_if(kSymbols, [&](std::string_view s) { return rest_.starts_with(s); });
        if (symbol == kSymbols.end()) return ParseError(text_, at, "syntax error: unexpected character");
        Take(TokenType::kSymbol, static_cast<std::ptrdiff_t>(symbol->size()));
      }
    }
  }

 private:
  size_t offset() const { return text_.size() - rest_.size(); }

  void SkipSpace() {
    while (!rest_.empty() && (IsSpace(rest_[0]) || rest_[0] == '#')) {
      if (rest_[0] == '#') {
        rest_.remove_prefix(std::min(rest_.size(), rest_.find('\n')));
      } else {
        rest_.remove_prefix(1);
      }
    }
  }

  void Take(TokenType type, std::ptrdiff_t length) {
    tokens_.push_back({type, std::string(rest_.substr(0, static_cast<size_t>(length))), offset()});
    rest_.remove_prefix(static_cast<size_t>(length));
  }

  base::Status TakeString(char quote) {
    const size_t start = offset();
    rest_.remove_prefix(1);
    std::string value;
    while (!rest_.empty() && rest_[0] != quote) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (quote == '"' && c == '\n') break;
      if (quote == '"' && c == '\\') {
        if (!TakeEscape(rest_, value)) return ParseError(text_, offset(), "invalid char escape");
      } else {
        value += c;
      }
    }
    if (rest_.empty() || rest_[0] != quote) return ParseError(text_, start, "literal not terminated");
    rest_.remove_prefix(1);
    tokens_.push_back({TokenType::kString, std::move(value), start});
    return {};
  }

  std::string_view text_;
  std::string_view rest_;
  std::vector<Token> tokens_;
};

}  // namespace

std::unexpected<base::Error> ParseError(std::string_view text, size_t offset, std::string_view what) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return base::InvalidArgument(fmt::format("parse error at line {}, col {}: {}", line, offset - line_start + 1, what));
}

base::Result<std::vector<Token>> Tokenize(std::string_view text) { return Lexer(text).Run(); }

}  // namespace clew::query::logql
