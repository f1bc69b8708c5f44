// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/privacy/detect/rule.h"
#include "clew/privacy/policy.h"

namespace clew::privacy {

// Rules of a configuration, made ready. All patterns are looked for together in one pass; only those that stand in a
// text are then looked for one by one. RE2 takes linear time for whatever pattern and text. Immutable; any thread may
// call.
class OwnRules {
 public:
  // The most rules there may be, and bytes of a pattern.
  static constexpr size_t kMost = 500;
  static constexpr size_t kLongestPattern = 4096;
  // After so many matches of one rule in one text all that follows is taken as one more, since each may look at all of
  // the text.
  static constexpr size_t kMostMatches = 4096;

  OwnRules();
  ~OwnRules();
  OwnRules(OwnRules&&) noexcept;
  OwnRules& operator=(OwnRules&&) noexcept;

  // Why one rule cannot be, apart from the others: INVALID_ARGUMENT with the reason, which quotes no value.
  static base::Status Check(const OwnRule& rule);
  // The error of the first that Check refuses, with its name, or of two with one name.
  static base::Result<OwnRules> Make(const std::vector<OwnRule>& rules);

  bool empty() const { return rules_.empty(); }
  const std::vector<OwnRule>& rules() const { return rules_; }
  // Whether there are any that look at every text.
  bool look_everywhere() const { return look_everywhere_; }

  // The rules that look at the values of `key` only; of them those without a pattern first.
  std::vector<uint16_t> OfKey(std::string_view key) const;

  // Appends what the rules for every text, and `of_key`, find. A finding is what the pattern's first group took, where
  // it has one; findings of one rule that touch are one; none lies within what was taken out before.
  void Find(std::string_view text, const std::vector<uint16_t>& of_key, detect::Findings& findings) const;

 private:
  struct Compiled;
  void FindOne(uint16_t rule, std::string_view text, detect::Findings& findings) const;

  std::vector<OwnRule> rules_;
  std::unique_ptr<Compiled> compiled_;
  bool look_everywhere_ = false;
};

}  // namespace clew::privacy
