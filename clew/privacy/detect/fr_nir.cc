// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// France: sex, year, month, department (2A and 2B in Corsica), commune, order, and a key of two digits by 97.
class FrNir final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 6 | 1u << 13 | 1u << 15, .grouped_runs = 1u << 1}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (text[candidate.begin] != '1' && text[candidate.begin] != '2') return;
    std::array<char, 15> nir{};
    size_t size = 0;
    size_t at = candidate.begin;
    while (size < nir.size()) {
      const char c = At(text, at);
      const bool is_corsica = size == 6 && (c == 'A' || c == 'B' || c == 'a' || c == 'b');
      if (IsDigit(c) || is_corsica) {
        nir[size++] = Upper(c);
      } else if ((c != ' ' && c != '.' && c != '-') || !IsBetweenParts(size) || IsSpace(At(text, at - 1))) {
        return;
      }
      ++at;
    }
    if (!StandsAlone(text, candidate.begin, at) || !IsValid(nir)) return;
    findings.push_back({candidate.begin, at, Detector::kFrNir});
  }

 private:
  static bool IsBetweenParts(size_t size) {
    return size == 1 || size == 3 || size == 5 || size == 7 || size == 10 || size == 13;
  }
  static bool IsValid(const std::array<char, 15>& nir) {
    const int month = 10 * (nir[3] - '0') + (nir[4] - '0');
    if (month == 0 || (month > 12 && month < 20) || (month > 42 && month < 50)) return false;
    uint64_t number = 0;
    for (size_t i = 0; i < 13; ++i) number = 10 * number + (IsDigit(nir[i]) ? static_cast<uint64_t>(nir[i] - '0') : 0);
    // A and B stand for 0 of what is a million, or two, less.
    if (nir[6] == 'A') number -= 1000000;
    if (nir[6] == 'B') number -= 2000000;
    return 97 - number % 97 == static_cast<uint64_t>(10 * (nir[13] - '0') + (nir[14] - '0'));
  }
};

}  // namespace

RulePtr FrNirRule() { return std::make_unique<FrNir>(); }

}  // namespace clew::privacy::detect
