// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// Germany: of the first ten digits one comes two or three times and no other twice; the last one checks them by ISO
// 7064, MOD 11,10.
bool IsTaxId(const Number& number) {
  if (number.digits[0] == 0) return false;
  std::array<int, 10> counts{};
  int product = 10;
  for (size_t i = 0; i < 10; ++i) {
    ++counts[number.digits[i]];
    const int sum = (number.digits[i] + product) % 10;
    product = 2 * (sum == 0 ? 10 : sum) % 11;
  }
  if ((11 - product) % 10 != number.digits[10]) return false;
  return std::ranges::count_if(counts, [](int count) { return count > 1; }) == 1 && std::ranges::max(counts) <= 3;
}

class DeTaxId final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 11, .grouped_runs = 1u << 2}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const Number number = ReadNumber(candidate.text, candidate.begin, " /", 11);
    if (number.size != 11 || !(number.group_count == 1 || number.IsGrouped({2, 3, 3, 3})) || !IsTaxId(number)) return;
    if (!StandsAlone(candidate.text, candidate.begin, number.end) || At(candidate.text, candidate.begin - 1) == '+')
      return;
    const HintSet hints = HintsBefore(candidate, candidate.begin);
    const bool is_somebodys = (hints & (Bit(Hint::kTaxId) | Bit(Hint::kIdentity))) != 0;
    if (!is_somebodys && (hints & Bit(Hint::kPlainNumber)) != 0) return;
    findings.push_back({candidate.begin, number.end, Detector::kDeTaxId});
  }
};

}  // namespace

RulePtr DeTaxIdRule() { return std::make_unique<DeTaxId>(); }

}  // namespace clew::privacy::detect
