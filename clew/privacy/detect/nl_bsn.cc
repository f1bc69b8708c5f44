// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// Netherlands: eight or nine digits that pass the test by 11. One number in eleven does, so a word must say what it is.
class NlBsn final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 9 | 1u << 8, .grouped_runs = 1u << 3 | 1u << 4}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const Number number = ReadNumber(candidate.text, candidate.begin, ". -", 9);
    if (number.size < 8 || number.size > 9 || number.group_count > 3) return;
    if (!StandsAlone(candidate.text, candidate.begin, number.end)) return;
    int sum = 0;
    int weight = static_cast<int>(number.size);
    for (const uint8_t digit : number.all()) {
      sum += (weight == 1 ? -1 : weight) * digit;
      --weight;
    }
    if (sum % 11 != 0 || sum == 0) return;
    if ((HintsBefore(candidate, candidate.begin) & Bit(Hint::kBsn)) == 0) return;
    findings.push_back({candidate.begin, number.end, Detector::kNlBsn});
  }
};

}  // namespace

RulePtr NlBsnRule() { return std::make_unique<NlBsn>(); }

}  // namespace clew::privacy::detect
