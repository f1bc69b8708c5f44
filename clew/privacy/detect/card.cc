// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

constexpr HintSet kNobodys = Bit(Hint::kPlainNumber);

int Prefix(const Number& number, size_t digits) {
  int prefix = 0;
  for (size_t i = 0; i < digits; ++i) prefix = 10 * prefix + number.digits[i];
  return prefix;
}

// The ranges of issuers that are in use (ISO/IEC 7812) with the lengths of their numbers.
bool IsIssued(const Number& number) {
  const int two = Prefix(number, 2);
  const int three = Prefix(number, 3);
  const int four = Prefix(number, 4);
  const size_t size = number.size;
  if (number.digits[0] == 4) return size == 13 || size == 16 || size == 19;                          // Visa
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return size == 16;                 // Mastercard
  if (two == 34 || two == 37) return size == 15;                                                     // Amex
  if (three >= 300 && three <= 305) return size == 14 || size == 16;                                 // Diners
  if (two == 36 || two == 38 || two == 39) return size == 14 || size == 16;                          // Diners
  if (four == 6011 || two == 65 || (three >= 644 && three <= 649)) return size == 16 || size == 19;  // Discover
  if (two == 35) return size >= 16 && size <= 19;                                                    // JCB
  if (four == 2131 || four == 1800) return size == 15;                                               // JCB
  if (two == 62 || two == 81) return size >= 16 && size <= 19;                                       // UnionPay
  if (four >= 2200 && four <= 2204) return size == 16;                                               // Mir
  if (two == 50 || (two >= 56 && two <= 58) || two == 63 || two == 67 || two == 60 || four == 604)
    return size >= 12 && size <= 19;  // Maestro and others
  return false;
}

bool IsUsuallyGrouped(const Number& number) {
  return number.group_count == 1 || number.IsGrouped({4, 4, 4, 4}) || number.IsGrouped({4, 6, 5}) ||
         number.IsGrouped({4, 6, 4}) || number.IsGrouped({4, 4, 5}) || number.IsGrouped({4, 4, 4, 4, 3}) ||
         number.IsGrouped({4, 4, 4, 1}) || number.IsGrouped({4, 4, 4, 3}) || number.IsGrouped({4, 4, 4, 2}) ||
         number.IsGrouped({6, 13});
}

class Card final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = DigitRuns(12, 19), .grouped_runs = 1u << 4 | 1u << 6}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    // In groups of four a number may be followed by others, a date for one.
    for (const size_t most : {size_t{19}, size_t{16}, size_t{15}, size_t{14}}) {
      const Number number = ReadNumber(candidate.text, candidate.begin, " -.", most);
      if (number.size > most || !IsCard(candidate, number)) {
        if (number.group_count == 1) return;
        continue;
      }
      findings.push_back({candidate.begin, number.end, Detector::kCard});
      return;
    }
  }

 private:
  static bool IsCard(const Candidate& candidate, const Number& number) {
    if (number.size < 12 || !IsUsuallyGrouped(number) || IsDigit(At(candidate.text, number.end))) return false;
    if (!IsIssued(number) || !PassesLuhn(number.all())) return false;
    if (!StandsAlone(candidate.text, candidate.begin, number.end)) return false;
    if (number.group_count > 1) return true;
    const HintSet hints = HintsBefore(candidate, candidate.begin);
    return (hints & kNobodys) == 0 || (hints & Bit(Hint::kCard)) != 0;
  }
};

}  // namespace

RulePtr CardRule() { return std::make_unique<Card>(); }

}  // namespace clew::privacy::detect
