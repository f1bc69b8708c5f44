// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// United Kingdom: two letters of those in use (HMRC, NIM39110), six digits, A to D; in pairs or without spaces.
class UkNino final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = 1u << 6, .grouped_runs = 1u << 2}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    const Number number = ReadNumber(text, candidate.begin, " -", 6);
    if (number.size != 6 || !(number.group_count == 1 || number.IsGrouped({2, 2, 2}))) return;
    const auto is_gap = [](char c) { return c == ' ' || c == '-'; };
    const size_t prefix_end = candidate.begin - (is_gap(At(text, candidate.begin - 1)) ? 1 : 0);
    if (prefix_end < 2 || candidate.begin < 2) return;
    const size_t begin = prefix_end - 2;
    const size_t suffix = number.end + (is_gap(At(text, number.end)) ? 1 : 0);
    const char last = At(text, suffix);
    if (!IsLetter(last) || !BeginsWord(text, begin) || !EndsWord(text, suffix + 1)) return;
    if (!IsLetter(text[begin]) || !IsLetter(text[begin + 1])) return;
    const std::array<char, 2> prefix = {Upper(text[begin]), Upper(text[begin + 1])};
    const bool is_valid = IsPrefix(prefix) && Upper(last) <= 'D';
    const HintSet hints = HintsBefore(candidate, begin);
    const bool is_somebodys = (hints & Bit(Hint::kIdentity)) != 0;
    const bool is_upper = IsUpper(text[begin]) && IsUpper(text[begin + 1]) && IsUpper(last);
    if (!is_somebodys && (!is_valid || !is_upper || (hints & Bit(Hint::kPlainNumber)) != 0)) return;
    findings.push_back({begin, suffix + 1, Detector::kUkNino});
  }

 private:
  static bool IsPrefix(std::array<char, 2> prefix) {
    if (!IsUpper(prefix[0]) || !IsUpper(prefix[1])) return false;
    if (std::string_view("DFIQUV").contains(prefix[0]) || std::string_view("DFIOQUV").contains(prefix[1])) return false;
    const std::string_view both(prefix.data(), prefix.size());
    static constexpr std::array<std::string_view, 7> kUnused = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};
    return std::ranges::find(kUnused, both) == kUnused.end();
  }
};

}  // namespace

RulePtr UkNinoRule() { return std::make_unique<UkNino>(); }

}  // namespace clew::privacy::detect
