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
  if (!is_hex) return false;
  return kind == "user" || DetectorOf(kind).has_value() ||
         (kind.starts_with(kOwnKind) && IsRuleName(kind.substr(kOwnKind.size())));
}

bool IsRuleName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestRuleName && IsLower(name[0]) &&
         std::ranges::all_of(name, [](char c) { return IsLower(c) || IsDigit(c) || c == '_' || c == '-'; });
}

bool IsTakenOut(std::string_view text, size_t begin, size_t end) {
  const std::string_view found = text.substr(begin, end - begin);
  if (kRedacted.contains(found)) {
    const size_t from = begin - std::min(begin, kRedacted.size() - 1);
    const size_t mask = text.substr(0, end + kRedacted.size()).find(kRedacted, from);
    if (mask != std::string_view::npos && mask <= begin && end <= mask + kRedacted.size()) return true;
  }
  constexpr size_t kLongest = kOwnKind.size() + kLongestRuleName + 1 + kPseudonymDigits;
  const auto may_be_part = [](char c) {
    return IsLower(c) || IsDigit(c) || c == '_' || c == '.' || c == '-' || c == ':';
  };
  if (found.size() > kLongest || !std::ranges::all_of(found, may_be_part)) return false;
  // The colon of a pseudonym stands within the finding, or before its digits, or behind its kind.
  const size_t last = std::min(text.size(), end + kLongest);
  for (size_t colon = text.find(':', begin - std::min(begin, kPseudonymDigits)); colon < last;
       colon = text.find(':', colon + 1)) {
    if (colon + 1 + kPseudonymDigits < end || colon + 1 + kPseudonymDigits > text.size()) continue;
    size_t kind = colon;
    while (kind > 0 && colon - kind < kLongest && may_be_part(text[kind - 1]) && text[kind - 1] != ':') --kind;
    // What stands before a kind may look like a part of it.
    for (; kind < colon && kind <= begin; ++kind) {
      if (IsPseudonym(text.substr(kind, colon - kind + 1 + kPseudonymDigits))) return true;
    }
  }
  return false;
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
