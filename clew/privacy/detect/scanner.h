// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/privacy/detect/detector.h"
#include "clew/privacy/detect/rule.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {

// Puts findings in order and makes those that overlap one, which covers both. Of the same bytes the first detector
// names them, otherwise the one that found more.
void Settle(Findings& findings);

// Finds what rules are for, in one pass over a text. A table look-up a byte finds digits and marks that can be part of
// anything, and whether there are any at all; only then Vectorscan looks for the words that others begin with. Each
// anchor's rule confirms what stands there.
// Immutable: one serves all threads, each with a Pass of its own.
class Scanner {
 public:
  // What one thread needs to scan. Not thread-safe; made cheaply, since scanners keep what is returned to them.
  class Pass;

  using Enabled = std::array<bool, kDetectorCount>;

  // What is found for other detectors than those enabled is left out. INTERNAL where Vectorscan refuses the words.
  static base::Result<std::unique_ptr<const Scanner>> Make(std::vector<RulePtr> rules, const Enabled& enabled);
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

 private:
  struct State;
  explicit Scanner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Scanner::Pass {
 public:
  explicit Pass(const Scanner& scanner);
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // What is found, in order and without overlaps (Settle); nothing within what stands where a value was taken out.
  // Valid until the next Scan. `key_hints`: HintsOfName of the field that holds the text.
  const Findings& Scan(std::string_view text, HintSet key_hints = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clew::privacy::detect
