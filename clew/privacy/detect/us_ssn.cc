// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// Social security numbers have no check digit, but numbers that are never given (20 CFR 422.103, SSA randomization).
bool IsGiven(const Number& number) {
  const auto value = [&](size_t first, size_t count) {
    int sum = 0;
    for (size_t i = first; i < first + count; ++i) sum = 10 * sum + number.digits[i];
    return sum;
  };
  const int area = value(0, 3);
  return area != 0 && area != 666 && area < 900 && value(3, 2) != 0 && value(5, 4) != 0;
}

class UsSsn final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 9, .grouped_runs = 1u << 3}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const Number number = ReadNumber(candidate.text, candidate.begin, "- .", 9);
    const bool is_grouped = number.IsGrouped({3, 2, 4});
    if (number.size != 9 || (!is_grouped && number.group_count != 1) || !IsGiven(number)) return;
    if (!StandsAlone(candidate.text, candidate.begin, number.end)) return;
    const bool has_dashes = is_grouped && candidate.text[candidate.end] == '-';
    if (!has_dashes && (HintsBefore(candidate, candidate.begin) & Bit(Hint::kSsn)) == 0) return;
    findings.push_back({candidate.begin, number.end, Detector::kUsSsn});
  }
};

}  // namespace

RulePtr UsSsnRule() { return std::make_unique<UsSsn>(); }

}  // namespace clew::privacy::detect
