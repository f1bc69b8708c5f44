// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// Brazil: nine digits and two that check them by 11.
bool IsCpf(const Number& number) {
  if (std::ranges::count(number.all(), number.digits[0]) == 11) return false;
  for (size_t check = 9; check <= 10; ++check) {
    size_t sum = 0;
    for (size_t i = 0; i < check; ++i) sum += (check + 1 - i) * number.digits[i];
    if (sum * 10 % 11 % 10 != number.digits[check]) return false;
  }
  return true;
}

class BrCpf final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 11, .grouped_runs = 1u << 9 | 1u << 3}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    Number number = ReadNumber(text, candidate.begin, ". ", 11);
    const bool is_grouped = number.IsGrouped({3, 3, 3}) || number.IsGrouped({9});
    if (is_grouped && (At(text, number.end) == '-' || At(text, number.end) == '/') &&
        IsDigit(At(text, number.end + 1)) && IsDigit(At(text, number.end + 2))) {
      number.digits[9] = static_cast<uint8_t>(text[number.end + 1] - '0');
      number.digits[10] = static_cast<uint8_t>(text[number.end + 2] - '0');
      number.size = 11;
      number.end += 3;
    } else if (number.group_count != 1) {
      return;
    }
    if (number.size != 11 || !IsCpf(number) || !StandsAlone(text, candidate.begin, number.end)) return;
    if (At(text, candidate.begin - 1) == '+') return;
    const HintSet hints = HintsBefore(candidate, candidate.begin);
    const bool is_somebodys = is_grouped || (hints & (Bit(Hint::kCpf) | Bit(Hint::kIdentity))) != 0;
    if (!is_somebodys && (hints & (Bit(Hint::kPlainNumber) | Bit(Hint::kPhone))) != 0) return;
    findings.push_back({candidate.begin, number.end, Detector::kBrCpf});
  }
};

}  // namespace

RulePtr BrCpfRule() { return std::make_unique<BrCpf>(); }

}  // namespace clew::privacy::detect
