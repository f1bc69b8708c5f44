// SPDX-License-Identifier: Apache-2.0
#include "clew/store/label_match.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <utility>

namespace clew::store {

LabelMatch::LabelMatch(const model::LabelMatcher& matcher) : matcher_(&matcher) {}
LabelMatch::LabelMatch(LabelMatch&&) noexcept = default;
LabelMatch& LabelMatch::operator=(LabelMatch&&) noexcept = default;
LabelMatch::~LabelMatch() = default;

bool LabelMatch::Matches(std::string_view value) const {
  switch (matcher_->type) {
    case model::MatchType::kEqual: return value == matcher_->value;
    case model::MatchType::kNotEqual: return value != matcher_->value;
    case model::MatchType::kRegex: return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    default: return !RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
  }
}

base::Result<LabelMatch> LabelMatch::Compile(const model::LabelMatcher& matcher) {
  LabelMatch match(matcher);
  if (matcher.type == model::MatchType::kRegex || matcher.type == model::MatchType::kNotRegex) {
    RE2::Options options(RE2::Quiet);
    options.set_dot_nl(true);
    match.regex_ = std::make_unique<RE2>(matcher.value, options);
    if (!match.regex_->ok()) {
      return base::InvalidArgument(
          fmt::format("label {}: bad regular expression: {}", matcher.name, match.regex_->error()));
    }
  }
  match.matches_empty_ = match.Matches("");
  return match;
}

base::Result<std::vector<LabelMatch>> LabelMatch::CompileAll(std::span<const model::LabelMatcher> matchers) {
  std::vector<LabelMatch> compiled;
  compiled.reserve(matchers.size());
  for (const model::LabelMatcher& matcher : matchers) {
    CLEW_ASSIGN_OR_RETURN(LabelMatch match, Compile(matcher));
    compiled.push_back(std::move(match));
  }
  return compiled;
}

}  // namespace clew::store
