// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "clew/privacy/detect/context.h"
#include "clew/privacy/detect/detector.h"

namespace clew::privacy::detect {

// Where a rule wants to look. The scanner finds all anchors of all rules in one pass; a rule sees a text only where one
// of its own stands.
struct Anchors {
  std::vector<std::string_view> literals = {};           // in this case only
  std::vector<std::string_view> any_case_literals = {};  // written in lower case
  std::string_view characters = {};                      // of kAnchorCharacters
  // Runs of digits: bit n for exactly n of them, bit kLongRun for as many or more. Anywhere; only where groups of
  // digits with gaps follow that make six at least; only where a point and another digit follow; only where a letter
  // stands right before.
  uint32_t digit_runs = 0;
  uint32_t grouped_runs = 0;
  uint32_t dotted_runs = 0;
  uint32_t lettered_runs = 0;
};
inline constexpr std::string_view kAnchorCharacters = "@:.-";
inline constexpr uint32_t kLongRun = 20;
constexpr uint32_t DigitRuns(uint32_t from, uint32_t to) { return ((1u << (to - from + 1)) - 1) << from; }

// An anchor, and the text around it.
struct Candidate {
  std::string_view text;
  size_t begin = 0;  // of the anchor
  size_t end = 0;
  uint32_t literal = 0;   // which one of the rule's literals, then of those in any case
  HintSet key_hints = 0;  // what the name of the field says that holds the text

  // What HintsBefore said last, since several rules ask for the same place.
  mutable size_t hinted_at = SIZE_MAX;
  mutable HintSet hints = 0;
};

using Findings = std::vector<Finding>;

// One detector: says where to look, and whether what stands there is what it is for. Immutable; any thread may call.
class Rule {
 public:
  virtual ~Rule() = default;
  virtual Anchors anchors() const = 0;
  // Appends what it is sure of; a finding may begin before the anchor.
  virtual void Confirm(const Candidate& candidate, Findings& findings) const = 0;
};

}  // namespace clew::privacy::detect
