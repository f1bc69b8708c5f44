// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/own_rules.h"

#include <fmt/format.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>
#include <utility>

#include "clew/privacy/detect/detector.h"
#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy {
namespace {

RE2::Options PatternOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  // Texts may be cut anywhere, also within a letter; such bytes only fail to be part of a match.
  options.set_encoding(RE2::Options::EncodingUTF8);
  return options;
}

}  // namespace

struct OwnRules::Compiled {
  std::vector<std::unique_ptr<const RE2>> patterns;  // by rule; null: a whole value
  std::vector<detect::OwnKeys> keys;                 // by rule
  std::unique_ptr<RE2::Set> everywhere;              // the patterns that look at every text
  std::vector<uint16_t> of_set;                      // its indexes as rules
};

OwnRules::OwnRules() = default;
OwnRules::~OwnRules() = default;
OwnRules::OwnRules(OwnRules&&) noexcept = default;
OwnRules& OwnRules::operator=(OwnRules&&) noexcept = default;

base::Status OwnRules::Check(const OwnRule& rule) {
  if (!detect::IsRuleName(rule.name)) {
    return base::InvalidArgument(
        fmt::format("name: expected a small letter, then small letters, digits, _ or -, at most {} together",
                    detect::kLongestRuleName));
  }
  if (rule.name == "user" || detect::DetectorOf(rule.name)) {
    return base::InvalidArgument("name: a detector has this name; take another");
  }
  if (rule.pattern.empty() && rule.keys.empty()) return base::InvalidArgument("pattern: expected one, or keys");
  if (rule.pattern.empty()) return {};
  if (rule.pattern.size() > kLongestPattern) {
    return base::InvalidArgument(fmt::format("pattern: longer than {} bytes", kLongestPattern));
  }
  const RE2 pattern(rule.pattern, PatternOptions());
  // The library's words quote the pattern, which is the configuration's own.
  if (!pattern.ok()) return base::InvalidArgument("pattern: " + pattern.error());
  if (RE2::FullMatch("", pattern)) {
    return base::InvalidArgument("pattern: it matches the empty text, and so everywhere");
  }
  return {};
}

base::Result<OwnRules> OwnRules::Make(const std::vector<OwnRule>& rules) {
  OwnRules made;
  if (rules.empty()) return made;
  if (rules.size() > kMost) return base::InvalidArgument(fmt::format("more than {} rules", kMost));
  made.compiled_ = std::make_unique<Compiled>();
  Compiled& compiled = *made.compiled_;
  const RE2::Options options = PatternOptions();
  compiled.everywhere = std::make_unique<RE2::Set>(options, RE2::UNANCHORED);
  for (const OwnRule& rule : rules) {
    if (base::Status status = Check(rule); !status) {
      return base::InvalidArgument(fmt::format("rule {}: {}", rule.name, status.error().message));
    }
    if (std::ranges::find(made.rules_, rule.name, &OwnRule::name) != made.rules_.end()) {
      return base::InvalidArgument(fmt::format("rule {}: there is another one of that name", rule.name));
    }
    const auto number = static_cast<uint16_t>(made.rules_.size());
    made.rules_.push_back(rule);
    compiled.keys.emplace_back(rule.keys);
    compiled.patterns.push_back(rule.pattern.empty() ? nullptr : std::make_unique<const RE2>(rule.pattern, options));
    if (!rule.keys.empty()) continue;
    std::string error;
    if (compiled.everywhere->Add(rule.pattern, &error) < 0) {
      return base::InvalidArgument(fmt::format("rule {}: pattern: {}", rule.name, error));
    }
    compiled.of_set.push_back(number);
  }
  if (!compiled.everywhere->Compile()) return base::InvalidArgument("the patterns are too large together");
  made.look_everywhere_ = !compiled.of_set.empty();
  return made;
}

std::vector<uint16_t> OwnRules::OfKey(std::string_view key) const {
  std::vector<uint16_t> found;
  for (uint16_t rule = 0; rule < rules_.size(); ++rule) {
    if (compiled_->keys[rule].Contains(key)) found.push_back(rule);
  }
  std::ranges::stable_partition(found, [&](uint16_t rule) { return rules_[rule].pattern.empty(); });
  return found;
}

void OwnRules::Find(std::string_view text, const std::vector<uint16_t>& of_key, detect::Findings& findings) const {
  if (rules_.empty() || text.empty()) return;
  for (const uint16_t rule : of_key) FindOne(rule, text, findings);
  if (!look_everywhere_) return;
  std::vector<int> matching;
  RE2::Set::ErrorInfo error{};
  if (!compiled_->everywhere->Match({text.data(), text.size()}, &matching, &error)) {
    if (error.kind == RE2::Set::kNoError) return;
    // No room to look for all at once: each by itself.
    for (const uint16_t rule : compiled_->of_set) FindOne(rule, text, findings);
    return;
  }
  for (const int index : matching) FindOne(compiled_->of_set[static_cast<size_t>(index)], text, findings);
}

void OwnRules::FindOne(uint16_t rule, std::string_view text, detect::Findings& findings) const {
  const size_t first = findings.size();
  const auto add = [&](size_t begin, size_t end) {
    if (findings.size() > first && begin <= findings.back().end) {
      findings.back().end = std::max(findings.back().end, end);
    } else if (!detect::IsTakenOut(text, begin, end)) {
      findings.push_back({begin, end, detect::Detector::kOwn, rule});
    }
  };
  const RE2* const pattern = compiled_->patterns[rule].get();
  if (pattern == nullptr) return add(0, text.size());
  std::array<re2::StringPiece, 2> groups;
  const int wanted = std::min(pattern->NumberOfCapturingGroups(), 1) + 1;
  const re2::StringPiece whole(text.data(), text.size());
  size_t matches = 0;
  for (size_t at = 0; at < text.size();) {
    if (!pattern->Match(whole, at, text.size(), RE2::UNANCHORED, groups.data(), wanted)) return;
    const re2::StringPiece& taken = wanted > 1 && groups[1].data() != nullptr ? groups[1] : groups[0];
    const auto begin = static_cast<size_t>(taken.data() - text.data());
    const auto match_end = static_cast<size_t>(groups[0].data() - text.data()) + groups[0].size();
    if (!taken.empty()) add(begin, begin + taken.size());
    // The next one may need what stands behind the group; an empty match is no step.
    at = std::max(taken.empty() ? match_end : begin + taken.size(), at + 1);
    if (++matches >= kMostMatches) return add(std::min(at, text.size()), text.size());
  }
}

}  // namespace clew::privacy
