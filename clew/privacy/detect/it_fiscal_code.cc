// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

constexpr size_t kSize = 16;

// Italy: surname and name (six letters), year, month (a letter), day, municipality, check letter. Where two people
// would have the same code, digits behind the year become letters.
class ItFiscalCode final : public Rule {
 public:
  Anchors anchors() const override { return {.lettered_runs = 1u << 2}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (candidate.begin < 6) return;
    const size_t begin = candidate.begin - 6;
    if (begin + kSize > text.size() || !BeginsWord(text, begin) || !EndsWord(text, begin + kSize)) return;
    std::array<char, kSize> code{};
    for (size_t i = 0; i < kSize; ++i) code[i] = Upper(text[begin + i]);
    static constexpr std::string_view kShape = "LLLLLLDDMDDLDDDL";
    for (size_t i = 0; i < kSize; ++i) {
      const char c = code[i];
      const bool is_digit = IsDigit(c) || (i > 7 && std::string_view("LMNPQRSTUV").contains(c));
      if (kShape[i] == 'D' ? !is_digit : !IsUpper(c)) return;
      if (kShape[i] == 'M' && !std::string_view("ABCDEHLMPRST").contains(c)) return;
    }
    if (CheckLetter(code) != code[kSize - 1]) return;
    findings.push_back({begin, begin + kSize, Detector::kItFiscalCode});
  }

 private:
  static char CheckLetter(const std::array<char, kSize>& code) {
    static constexpr std::array<int, 26> kOdd = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                                 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    int sum = 0;
    for (size_t i = 0; i + 1 < kSize; ++i) {
      const int value = IsDigit(code[i]) ? code[i] - '0' : code[i] - 'A';
      sum += i % 2 == 0 ? kOdd[static_cast<size_t>(value)] : value;
    }
    return static_cast<char>('A' + sum % 26);
  }
};

}  // namespace

RulePtr ItFiscalCodeRule() { return std::make_unique<ItFiscalCode>(); }

}  // namespace clew::privacy::detect
