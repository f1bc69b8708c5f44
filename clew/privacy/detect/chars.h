// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// Bytes as the detectors see them; ASCII only, whatever the locale. Positions outside a text read as '\0', so that a
// detector may look around without asking where the text ends.
namespace clew::privacy::detect {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsLetter(char c) { return IsUpper(c) || IsLower(c); }
constexpr bool IsAlnum(char c) { return IsLetter(c) || IsDigit(c); }
constexpr bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }
// A letter of another alphabet, in UTF-8.
constexpr bool IsForeign(char c) { return static_cast<uint8_t>(c) >= 0x80; }
constexpr bool IsWordByte(char c) { return IsAlnum(c) || c == '_' || IsForeign(c); }
constexpr char Lower(char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char Upper(char c) { return IsLower(c) ? static_cast<char>(c - 'a' + 'A') : c; }

constexpr char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
// Whether a word could begin or end there.
constexpr bool BeginsWord(std::string_view text, size_t at) { return at == 0 || !IsWordByte(At(text, at - 1)); }
constexpr bool EndsWord(std::string_view text, size_t at) { return !IsWordByte(At(text, at)); }

constexpr bool EqualIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}
constexpr bool StartsIgnoringCase(std::string_view text, std::string_view lower) {
  return EqualIgnoringCase(text.substr(0, lower.size()), lower);
}

}  // namespace clew::privacy::detect
