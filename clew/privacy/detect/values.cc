// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/values.h"

#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/detector.h"

namespace clew::privacy::detect {

bool IsPseudonym(std::string_view value) {
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos || value.size() != colon + 1 + kPseudonymDigits) return false;
  const std::string_view kind = value.substr(0, colon);
  const bool is_hex =
      std::ranges::all_of(value.substr(colon + 1), [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); });
  return is_hex && (kind == "user" || DetectorOf(kind).has_value());
}

bool IsHarmless(std::string_view value) {
  static constexpr auto kWords = std::to_array<std::string_view>(
      {"",         "-",     "*",         "?",   "...", "[redacted]", "<redacted>", "[filtered]", "[hidden]",
       "[masked]", "false", "n/a",       "nil", "no",  "none",       "null",       "off",        "on",
       "redacted", "true",  "undefined", "yes", "nan", "bearer",     "basic",      "digest"});
  if (value.size() <= 10 && std::ranges::any_of(kWords, [&](auto word) { return EqualIgnoringCase(value, word); }))
    return true;
  // The same byte all over, as masks have it: ****, xxxxxx.
  if (value.size() > 1 && std::string_view("*xX.#-_").contains(value[0]) &&
      value.find_first_not_of(value[0]) == std::string_view::npos)
    return true;
  // Filled in later: ${TOKEN}, $TOKEN, {token}, <token>, %s.
  const char first = value[0];
  if (first == '$' && (At(value, 1) == '{' || IsUpper(At(value, 1)))) return true;
  if ((first == '{' && value.back() == '}') || (first == '<' && value.back() == '>') ||
      (first == '%' && value.size() <= 3))
    return true;
  return IsPseudonym(value);
}

bool IsCode(std::string_view value) {
  if (std::ranges::none_of(value, [](char c) { return IsWordByte(c); })) return true;
  if (!IsLetter(value[0]) && value[0] != '_') return false;
  const size_t end = std::min(
      value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), value.size());
  if (At(value, end) == '[') return true;
  if (At(value, end) != '.' || !(IsLetter(At(value, end + 1)) || At(value, end + 1) == '_')) return false;
  static constexpr auto kHolders = std::to_array<std::string_view>(
      {"app",   "args",     "cfg",     "cls",     "config",  "context",  "ctx",    "data",    "env", "event",
       "flask", "kwargs",   "obj",     "options", "opts",    "os",       "params", "process", "req", "request",
       "res",   "response", "secrets", "self",    "session", "settings", "signal", "sys",     "this"});
  return std::ranges::find(kHolders, value.substr(0, end)) != kHolders.end();
}

bool LooksDrawn(std::string_view word) {
  const bool has_digit = std::ranges::any_of(word, IsDigit);
  const bool has_letter = std::ranges::any_of(word, IsLetter);
  const bool has_upper = word.size() > 1 && std::ranges::any_of(word.substr(1), IsUpper);
  const bool has_lower = std::ranges::any_of(word, IsLower);
  if (has_digit && has_letter) return Entropy(word) >= 2.5;
  return word.size() >= 16 && has_upper && has_lower && Entropy(word) >= 3.5;
}

}  // namespace clew::privacy::detect
