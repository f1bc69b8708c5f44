// SPDX-License-Identifier: Apache-2.0
#include "clew/store/person_pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "clew/base/result.h"

namespace clew::store {
namespace {

RE2::Options ByteOptions() {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  // Hundreds of needles over gigabytes of files.
  options.set_max_mem(64 << 20);
  return options;
}

std::string AnyOf(const std::vector<std::string>& texts) {
  std::string regex;
  for (const std::string& text : texts) regex += (regex.empty() ? "" : "|") + RE2::QuoteMeta(text);
  return regex;
}

}  // namespace

PersonPattern::PersonPattern(PersonNeedles needles) : needles_(std::move(needles)) {
  // What is looked at around a word, and what a word grows by where it is quoted.
  constexpr size_t kAround = 8;
  for (const auto* list : {&needles_.exact, &needles_.words}) {
    for (const std::string& needle : *list) longest_bytes_ = std::max(longest_bytes_, needle.size() + kAround);
  }
  std::string any = AnyOf(needles_.exact);
  if (!needles_.words.empty()) {
    // An escape may stand in front: %3D, \n. A point or hyphen behind ends a sentence where nothing follows it.
    words_regex_ = "(?i)((?:^|[^0-9a-z_.+-]|%[0-9a-f]{2}|\\\\[nrt]))(?:" + AnyOf(needles_.words) +
                   ")((?:[^0-9a-z_.-]|[.-](?:[^0-9a-z]|$)|$))";
    any += (any.empty() ? "" : "|") + ("(?:" + words_regex_ + ")");
    words_ = std::make_unique<const RE2>(words_regex_, ByteOptions());
    CLEW_CHECK(words_->ok());
  }
  if (!any.empty()) {
    any_ = std::make_unique<const RE2>(any, ByteOptions());
    CLEW_CHECK(any_->ok());
  }
}

PersonPattern::~PersonPattern() = default;

std::string_view PersonPattern::keys_regex() {
  return "(?i)(^|[^a-z])(user|enduser|client|customer|member|login|account|person|owner|name|id)([^a-z]|$)|"
         "(?i)(user|client|customer|member|account|login)_?(id|name|nr|no|ip)$";
}

bool PersonPattern::IsIn(std::string_view bytes) const {
  return any_ != nullptr && RE2::PartialMatch(re2::StringPiece(bytes.data(), bytes.size()), *any_);
}

bool PersonPattern::Erase(std::string& text) const {
  bool erased = false;
  for (const std::string& needle : needles_.exact) {
    for (size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + kErased.size())) {
      text.replace(at, needle.size(), kErased);
      erased = true;
    }
  }
  // One match may take what must stand in front of the next, which the second round finds.
  for (int round = 0; round < 2 && words_ != nullptr; ++round) {
    erased |= RE2::GlobalReplace(&text, *words_, "\\1" + std::string(kErased) + "\\2") > 0;
  }
  return erased;
}

}  // namespace clew::store
