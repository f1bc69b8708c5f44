// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace clew::privacy::detect {

// What stands where a value was taken out.
inline constexpr std::string_view kRedacted = "REDACTED";

// Whether a value is a pseudonym that this program made: the name of a kind, a colon, kPseudonymDigits digits of hex.
// A kind is "user", a detector, or kOwnKind and the name of a rule of the configuration.
inline constexpr size_t kPseudonymDigits = 16;
inline constexpr std::string_view kOwnKind = "rule.";
inline constexpr size_t kLongestRuleName = 40;
bool IsPseudonym(std::string_view value);

// What such a rule may be called: a small letter, then small letters, digits, `_` and `-`.
bool IsRuleName(std::string_view name);

// Whether [begin, end) lies within what stands where a value was taken out.
bool IsTakenOut(std::string_view text, size_t begin, size_t end);

// Whether a value under a telling key is none: empty, a word of a program (true, null), a placeholder, taken out
// already.
bool IsHarmless(std::string_view value);

// Whether an unquoted value is code: a member of something, an element, no letter or digit at all.
bool IsCode(std::string_view value);

// Whether a word looks drawn by chance rather than chosen by a writer: digits among letters, or many different bytes.
bool LooksDrawn(std::string_view word);

}  // namespace clew::privacy::detect
