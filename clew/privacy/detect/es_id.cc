// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// Spain: DNI (eight digits) and NIE (X, Y or Z and seven digits), each with the letter that the number has by 23.
class EsId final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 8 | 1u << 7, .grouped_runs = 1u << 2 | 1u << 1}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    const Number number = ReadNumber(text, candidate.begin, ".", 8);
    size_t begin = candidate.begin;
    unsigned value = 0;
    if (number.size == 7) {
      if (At(text, begin - 1) == '-') --begin;
      const char first = Upper(At(text, begin - 1));
      if (first < 'X' || first > 'Z') return;
      --begin;
      value = static_cast<unsigned>(first - 'X');
    } else if (number.size != 8 || !(number.group_count == 1 || number.IsGrouped({2, 3, 3}))) {
      return;
    }
    for (const uint8_t digit : number.all()) value = 10 * value + digit;
    size_t end = number.end;
    if (At(text, end) == '-') ++end;
    const char letter = At(text, end++);
    if (Upper(letter) != "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23] || !StandsAlone(text, begin, end)) return;
    const HintSet hints = HintsBefore(candidate, begin);
    const bool is_somebodys = (hints & Bit(Hint::kIdentity)) != 0;
    // In lower case it may be a piece of a hash.
    if (!is_somebodys && (IsLower(letter) || (hints & Bit(Hint::kPlainNumber)) != 0)) return;
    findings.push_back({begin, end, Detector::kEsId});
  }
};

}  // namespace

RulePtr EsIdRule() { return std::make_unique<EsId>(); }

}  // namespace clew::privacy::detect
