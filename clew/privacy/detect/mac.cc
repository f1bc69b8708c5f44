// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// IEEE 802: six pairs of hexadecimal digits joined by colons or dashes, or three groups of four joined by dots.
class Mac final : public Rule {
 public:
  Anchors anchors() const override { return {.characters = ":-."}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const char separator = candidate.text[candidate.begin];
    const size_t group = separator == '.' ? 4 : 2;
    if (candidate.begin < group || At(candidate.text, candidate.end + group) != separator) return;
    const size_t begin = candidate.begin - group;
    const size_t groups = 12 / group;
    const size_t end = begin + 12 + groups - 1;
    if (end > candidate.text.size()) return;
    const std::string_view text = candidate.text;
    for (size_t i = 0; begin + i < end; ++i) {
      const bool is_separator = i % (group + 1) == group;
      if (is_separator ? text[begin + i] != separator : !IsHex(text[begin + i])) return;
    }
    if (!BeginsWord(text, begin) || !EndsWord(text, end)) return;
    if (GoesOn(text, begin - 1, begin - 2, separator) || GoesOn(text, end, end + 1, separator)) return;
    const std::string_view mac = text.substr(begin, end - begin);
    // Nobody's: none at all, everybody, and six numbers that look like a time or a version.
    const auto only = [&](auto is) {
      return std::ranges::all_of(mac, [&](char c) { return c == separator || is(c); });
    };
    if (only([](char c) { return c == '0'; }) || only([](char c) { return c == 'f' || c == 'F'; })) return;
    if (separator != ':' && only(IsDigit)) return;
    findings.push_back({begin, end, Detector::kMac});
  }

 private:
  // A fingerprint has more groups.
  static bool GoesOn(std::string_view text, size_t at, size_t next, char separator) {
    return At(text, at) == separator && IsHex(At(text, next));
  }
};

}  // namespace

RulePtr MacRule() { return std::make_unique<Mac>(); }

}  // namespace clew::privacy::detect
