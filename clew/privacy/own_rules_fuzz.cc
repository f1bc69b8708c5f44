// SPDX-License-Identifier: Apache-2.0
// A rule of the configuration over a text: the action (a byte), the pattern (up to a line feed), the text. Whatever
// both are, nothing outside is read, a text grows within its bound, and applied once more nothing changes.
#include <memory>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/privacy/own_rules.h"
#include "clew/privacy/text_redactor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::privacy;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t end = input.find('\n');
  if (end == std::string_view::npos || end > 64) return 0;
  OwnRule rule{.name = "fuzz", .pattern = std::string(input.substr(0, end)), .keys = {}};
  rule.action = static_cast<Action>(data[0] % 4);
  if (!OwnRules::Check(rule)) return 0;
  Policy policy;
  policy.enabled.fill(data[0] < 128);
  policy.own_rules = {rule};
  const auto rules = RuleSet::Make(policy, {PseudonymKey{}});
  if (!rules) return 0;
  TextRedactor texts(*rules, 0);
  // Its own allocation, so that a byte too far is seen.
  const std::string_view text = input.substr(end + 1);
  const std::unique_ptr<char[]> exact(new char[text.size() + 1]);
  text.copy(exact.get(), text.size());
  std::string once;
  if (!texts.Redact({exact.get(), text.size()}, 0, once)) once = text;
  CLEW_CHECK(once.size() <= TextRedactor::kMostGrowth * (text.size() + 1));
  std::string twice;
  CLEW_CHECK(!texts.Redact(once, 0, twice) || twice == once);
  return 0;
}
