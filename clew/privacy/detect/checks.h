// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace clew::privacy::detect {

// The digits of a number that may be written in groups, and where it ends.
struct Number {
  static constexpr size_t kMost = 24;
  std::array<uint8_t, kMost> digits{};
  size_t size = 0;
  std::array<uint8_t, 12> groups{};  // digits of each group
  size_t group_count = 0;
  size_t end = 0;

  std::span<const uint8_t> all() const { return {digits.data(), size}; }
  // Whether it is written in groups of these sizes.
  bool IsGrouped(std::initializer_list<uint8_t> sizes) const;
};

// Reads groups of digits from `begin` on, each one byte of `separators` apart, the same one throughout, and stops once
// `most` digits are read. A separator that no digit follows is not part of the number.
Number ReadNumber(std::string_view text, size_t begin, std::string_view separators, size_t most);

// Whether no digit, letter or decimal places stand right before or behind [begin, end).
bool StandsAlone(std::string_view text, size_t begin, size_t end);

bool PassesLuhn(std::span<const uint8_t> digits);      // ISO/IEC 7812-1, annex B
bool PassesVerhoeff(std::span<const uint8_t> digits);  // Aadhaar
// Remainder of digits and letters (A is 10) by 97 (ISO 7064, MOD 97-10).
int Mod97(std::string_view alphanumeric, int so_far = 0);

// Bits a byte of what the text could have been drawn from (Shannon, over its own bytes).
double Entropy(std::string_view text);

// Whether year, month and day make a date of somebody alive.
bool IsBirthDate(int year, int month, int day);

}  // namespace clew::privacy::detect
