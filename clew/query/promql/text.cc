// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "clew/base/bytes.h"

namespace clew::query::promql {
namespace {

// Shortest digits without sign and point, and the exponent of the first of them.
struct Digits {
  std::string text;
  int exponent = 0;
};

Digits ShortestDigits(double magnitude) {
  std::array<char, 64> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(end.ptr - buffer.data()));
  const size_t e = text.find('e');
  Digits digits;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits.text += c;
  }
  const char* exponent = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent, text.data() + text.size(), digits.exponent);
  return digits;
}

std::optional<std::string> SpecialName(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return std::nullopt;
}

std::string Fixed(double value) {
  std::string out(std::signbit(value) ? "-" : "");
  const Digits digits = ShortestDigits(std::abs(value));
  const int count = static_cast<int>(digits.text.size());
  if (digits.exponent < 0) {
    out += "0.";
    out.append(static_cast<size_t>(-digits.exponent - 1), '0');
    return out + digits.text;
  }
  if (digits.exponent >= count - 1) {
    out += digits.text;
    out.append(static_cast<size_t>(digits.exponent - count + 1), '0');
    return out;
  }
  const size_t whole = static_cast<size_t>(digits.exponent) + 1;
  return out + digits.text.substr(0, whole) + '.' + digits.text.substr(whole);
}

std::string Scientific(double value) {
  std::string out(std::signbit(value) ? "-" : "");
  const Digits digits = ShortestDigits(std::abs(value));
  out += digits.text[0];
  if (digits.text.size() > 1) out += '.' + digits.text.substr(1);
  return out + fmt::format("e{}{:02}", digits.exponent < 0 ? '-' : '+', std::abs(digits.exponent));
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

void AppendUtf8(uint32_t rune, std::string& out) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | (rune >> 6));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | (rune >> 12));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (rune >> 18));
    out += static_cast<char>(0x80 | ((rune >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  }
}

// Appends what the escape at the front of `text` (after its backslash) stands for and takes it off.
bool TakeEscape(std::string_view& text, char quote, std::string& out) {
  const char c = text[0];
  text.remove_prefix(1);
  static constexpr std::string_view kNames = "abfnrtv\\";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
  if (const size_t found = kNames.find(c); found != std::string_view::npos) {
    out += kMeanings[found];
    return true;
  }
  if (c == quote) {
    out += quote;
    return true;
  }
  int base = 16;
  size_t digits = 0;
  uint32_t value = 0;
  if (c >= '0' && c <= '7') {
    base = 8;
    digits = 2;
    value = static_cast<uint32_t>(c - '0');
  } else if (c == 'x') {
    digits = 2;
  } else if (c == 'u') {
    digits = 4;
  } else if (c == 'U') {
    digits = 8;
  } else {
    return false;
  }
  if (text.size() < digits) return false;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = DigitValue(text[i]);
    if (digit >= base) return false;
    value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
  }
  text.remove_prefix(digits);
  if (c == 'x' || base == 8) {
    if (value > 255) return false;
    out += static_cast<char>(value);
    return true;
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
  AppendUtf8(value, out);
  return true;
}

}  // namespace

std::string FormatFixed(double value) {
  if (auto name = SpecialName(value)) return *name;
  return Fixed(value);
}

std::string FormatGeneral(double value) {
  if (auto name = SpecialName(value)) return *name;
  if (value == 0) return Fixed(value);
  const int exponent = ShortestDigits(std::abs(value)).exponent;
  return exponent < -4 || exponent >= 21 ? Scientific(value) : Fixed(value);
}

void AppendSampleValue(double value, std::string& out) {
  if (auto name = SpecialName(value)) {
    out += *name;
    return;
  }
  const double magnitude = std::abs(value);
  out += magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21) ? Scientific(value) : Fixed(value);
}

std::string FormatPromDuration(int64_t millis) {
  if (millis == 0) return "0s";
  struct Unit {
    std::string_view name;
    int64_t millis;
    bool exact;
  };
  static constexpr std::array<Unit, 7> kUnits{{{"y", int64_t{365} * 86400000, true},
                                               {"w", int64_t{7} * 86400000, true},
                                               {"d", 86400000, false},
                                               {"h", 3600000, false},
                                               {"m", 60000, false},
                                               {"s", 1000, false},
                                               {"ms", 1, false}}};
  std::string out;
  for (const Unit& unit : kUnits) {
    if (unit.exact && millis % unit.millis != 0) continue;
    if (const int64_t amount = millis / unit.millis; amount > 0) {
      out += fmt::format("{}{}", amount, unit.name);
      millis -= amount * unit.millis;
    }
  }
  return out;
}

base::Result<int64_t> ParsePromDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return base::InvalidArgument("empty duration string");
  static constexpr std::array<std::pair<std::string_view, int64_t>, 7> kUnits{{{"y", int64_t{365} * 86400000},
                                                                               {"w", int64_t{7} * 86400000},
                                                                               {"d", 86400000},
                                                                               {"h", 3600000},
                                                                               {"m", 60000},
                                                                               {"s", 1000},
                                                                               {"ms", 1}}};
  // Go's time.Duration counts nanoseconds in 64 bits.
  constexpr int64_t kMaxMillis = std::numeric_limits<int64_t>::max() / 1'000'000;
  int64_t total = 0;
  size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    int64_t amount = 0;
    const auto [after, error] = std::from_chars(rest.data(), rest.data() + rest.size(), amount);
    if (rest[0] < '0' || rest[0] > '9') {
      return base::InvalidArgument(fmt::format("not a valid duration string: {}", Quote(text)));
    }
    if (error != std::errc()) return base::InvalidArgument("duration out of range");
    rest.remove_prefix(static_cast<size_t>(after - rest.data()));
    size_t name_size = 0;
    while (name_size < rest.size() && (rest[name_size] < '0' || rest[name_size] > '9')) ++name_size;
    const std::string_view name = rest.substr(0, name_size);
    rest.remove_prefix(name_size);
    size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].first != name) ++unit;
    if (unit == kUnits.size() && !name.empty()) {
      return base::InvalidArgument(fmt::format("unknown unit {} in duration {}", Quote(name), Quote(text)));
    }
    if (unit == kUnits.size() || unit < next_unit) {
      return base::InvalidArgument(fmt::format("not a valid duration string: {}", Quote(text)));
    }
    next_unit = unit + 1;
    int64_t millis = 0;
    if (__builtin_mul_overflow(amount, kUnits[unit].second, &millis) || __builtin_add_overflow(total, millis, &total) ||
        total > kMaxMillis) {
      return base::InvalidArgument("duration out of range");
    }
  }
  return total;
}

std::optional<double> ParseNumber(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  std::string lower = plain;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (lower == "inf" || lower == "+inf") return std::numeric_limits<double>::infinity();
  if (lower == "-inf") return -std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (plain.empty()) return std::nullopt;
  const bool negative = plain[0] == '-';
  const size_t sign = negative || plain[0] == '+' ? 1 : 0;
  const std::string_view body = std::string_view(plain).substr(sign);
  if (body.empty() || body[0] == '-' || body[0] == '+') return std::nullopt;
  const char* end = body.data() + body.size();
  // Whole numbers first: "010" is eight, "0x1f" thirty-one.
  const bool hexadecimal = body.size() > 1 && body[0] == '0' && (body[1] == 'x' || body[1] == 'X');
  const bool octal = !hexadecimal && body.size() > 1 && body[0] == '0';
  int64_t whole = 0;
  const char* begin = body.data() + (hexadecimal ? 2 : 0);
  const int base = hexadecimal ? 16 : (octal ? 8 : 10);
  if (const auto [rest, error] = std::from_chars(begin, end, whole, base); error == std::errc() && rest == end) {
    return negative ? -static_cast<double>(whole) : static_cast<double>(whole);
  }
  if (hexadecimal) return std::nullopt;
  double value = 0;
  const auto [rest, error] = std::from_chars(body.data(), end, value);
  if (rest != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // from_chars leaves the value alone: too small is zero, too large no number.
    if (body.find_first_of("eE") == std::string_view::npos || body.find('-') == std::string_view::npos) {
      return std::nullopt;
    }
    value = 0;
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  static constexpr std::string_view kNames = "abfnrtv\\\"";
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (const size_t found = kMeanings.find(c); found != std::string_view::npos) {
      out += '\\';
      out += kNames[found];
      ++i;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
      ++i;
    } else if (byte < 0x80) {
      out += c;
      ++i;
    } else {
      size_t bytes = byte >= 0xF0 ? 4 : (byte >= 0xE0 ? 3 : 2);
      if (i + bytes > text.size() || !base::IsUtf8(text.substr(i, bytes))) bytes = 0;
      if (bytes == 0) {
        out += fmt::format("\\x{:02x}", byte);
        ++i;
      } else {
        out += text.substr(i, bytes);
        i += bytes;
      }
    }
  }
  return out + '"';
}

std::optional<std::string> Unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back()) return std::nullopt;
  const char quote = text.front();
  text = text.substr(1, text.size() - 2);
  if (quote == '`') {
    if (text.find('`') != std::string_view::npos) return std::nullopt;
    return std::string(text);
  }
  if (quote != '"' && quote != '\'') return std::nullopt;
  std::string out;
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c == quote || c == '\n') return std::nullopt;
    if (c != '\\') {
      out += c;
    } else if (text.empty() || !TakeEscape(text, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

bool IsLegacyLabelName(std::string_view name) {
  return IsLegacyMetricName(name) && name.find(':') == std::string_view::npos;
}

bool IsLegacyMetricName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
    if (!allowed) return false;
  }
  return true;
}

}  // namespace clew::query::promql
