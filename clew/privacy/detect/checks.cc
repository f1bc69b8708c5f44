// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/checks.h"

#include <algorithm>
#include <cmath>

#include "clew/privacy/detect/chars.h"

namespace clew::privacy::detect {

bool Number::IsGrouped(std::initializer_list<uint8_t> sizes) const {
  return std::ranges::equal(std::span(groups.data(), group_count), sizes);
}

Number ReadNumber(std::string_view text, size_t begin, std::string_view separators, size_t most) {
  Number number;
  char separator = '\0';
  size_t at = begin;
  most = std::min(most, Number::kMost);
  while (number.group_count < number.groups.size()) {
    const size_t first = at;
    while (IsDigit(At(text, at)) && number.size < most)
      number.digits[number.size++] = static_cast<uint8_t>(text[at++] - '0');
    number.groups[number.group_count++] = static_cast<uint8_t>(at - first);
    number.end = at;
    const char c = At(text, at);
    if (number.size >= most || c == '\0' || !separators.contains(c) || !IsDigit(At(text, at + 1))) break;
    if (separator == '\0') separator = c;
    if (c != separator) break;
    ++at;
  }
  return number;
}

bool StandsAlone(std::string_view text, size_t begin, size_t end) {
  if (!BeginsWord(text, begin) || !EndsWord(text, end)) return false;
  const char before = At(text, begin - 1);
  const bool goes_on_before = (before == '.' || before == '-' || before == '/') && IsDigit(At(text, begin - 2));
  const char after = At(text, end);
  return !goes_on_before && !((after == '.' || after == '-') && IsDigit(At(text, end + 1)));
}

bool PassesLuhn(std::span<const uint8_t> digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i];
    if (i % 2 == 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return sum % 10 == 0;
}

bool PassesVerhoeff(std::span<const uint8_t> digits) {
  static constexpr uint8_t kMultiply[10][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
                                                {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
                                                {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                                {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
                                                {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
  static constexpr uint8_t kPermute[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
                                              {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
                                              {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
                                              {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
  uint8_t check = 0;
  for (size_t i = 0; i < digits.size(); ++i) check = kMultiply[check][kPermute[i % 8][digits[digits.size() - 1 - i]]];
  return check == 0;
}

int Mod97(std::string_view alphanumeric, int so_far) {
  for (const char c : alphanumeric) {
    if (IsDigit(c)) {
      so_far = (so_far * 10 + (c - '0')) % 97;
    } else if (IsLetter(c)) {
      so_far = (so_far * 100 + (Upper(c) - 'A' + 10)) % 97;
    }
  }
  return so_far;
}

double Entropy(std::string_view text) {
  std::array<uint32_t, 256> counts{};
  for (const char c : text) ++counts[static_cast<uint8_t>(c)];
  double bits = 0;
  const auto size = static_cast<double>(text.size());
  for (const uint32_t count : counts) {
    if (count > 0) bits -= count / size * std::log2(count / size);
  }
  return bits;
}

bool IsBirthDate(int year, int month, int day) {
  static constexpr std::array<int, 12> kDays = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return year >= 1890 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 &&
         day <= kDays[static_cast<size_t>(month - 1)];
}

}  // namespace clew::privacy::detect
