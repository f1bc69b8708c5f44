// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// India: twelve digits, the first 2 to 9, checked by Verhoeff's scheme. One number in ten passes, so it is written in
// groups of four; where a word says what it is, a number that was mistyped is somebody's too.
class InAadhaar final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 12, .grouped_runs = 1u << 4}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    const Number number = ReadNumber(text, candidate.begin, " -", 12);
    const bool is_grouped = number.IsGrouped({4, 4, 4});
    if (number.size != 12 || (!is_grouped && number.group_count != 1)) return;
    if (!StandsAlone(text, candidate.begin, number.end)) return;
    // The first three of four groups, or the last.
    if (is_grouped && (IsGroup(text, number.end) || IsGroupBefore(text, candidate.begin))) return;
    const HintSet hints = HintsBefore(candidate, candidate.begin);
    if ((hints & Bit(Hint::kAadhaar)) == 0) {
      const bool is_valid = text[candidate.begin] >= '2' && PassesVerhoeff(number.all());
      if (!is_grouped || !is_valid || (hints & Bit(Hint::kPlainNumber)) != 0) return;
    }
    findings.push_back({candidate.begin, number.end, Detector::kInAadhaar});
  }

 private:
  static bool IsGroup(std::string_view text, size_t at) {
    return (At(text, at) == ' ' || At(text, at) == '-') && IsDigit(At(text, at + 1)) && IsDigit(At(text, at + 2));
  }
  static bool IsGroupBefore(std::string_view text, size_t at) {
    return at > 2 && (text[at - 1] == ' ' || text[at - 1] == '-') && IsDigit(text[at - 2]) && IsDigit(text[at - 3]);
  }
};

}  // namespace

RulePtr InAadhaarRule() { return std::make_unique<InAadhaar>(); }

}  // namespace clew::privacy::detect
