// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"

namespace re2 {
class RE2;
}

namespace clew::store {

// A label matcher ready to be held against many values. Regular expressions are RE2, anchored at both ends, and `.`
// takes line ends, as in Prometheus. Views the matcher, which outlives it.
class LabelMatch {
 public:
  LabelMatch(LabelMatch&&) noexcept;
  LabelMatch& operator=(LabelMatch&&) noexcept;
  ~LabelMatch();

  // INVALID_ARGUMENT: a bad regular expression.
  static base::Result<LabelMatch> Compile(const model::LabelMatcher& matcher);
  static base::Result<std::vector<LabelMatch>> CompileAll(std::span<const model::LabelMatcher> matchers);

  // A missing label has the empty value.
  bool Matches(std::string_view value) const;
  bool matches_empty() const { return matches_empty_; }
  const model::LabelMatcher& matcher() const { return *matcher_; }

 private:
  explicit LabelMatch(const model::LabelMatcher& matcher);

  const model::LabelMatcher* matcher_;
  std::unique_ptr<re2::RE2> regex_;
  bool matches_empty_ = false;
};

}  // namespace clew::store
