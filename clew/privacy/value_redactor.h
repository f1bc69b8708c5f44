// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/time.h"
#include "clew/privacy/detect/context.h"
#include "clew/privacy/rule_set.h"
#include "clew/privacy/sql.h"
#include "clew/privacy/text_redactor.h"

namespace clew::privacy {

// How the values of a key are read.
enum class Reading : uint8_t { kText, kSql, kUrl, kQuery, kSecret, kPerson, kOwn };

// What a key says of its values.
struct KeyFacts {
  Reading reading = Reading::kText;
  detect::HintSet hints = 0;
  // Rules of the configuration that look at it; of kOwn the first takes the value whole.
  std::vector<uint16_t> own = {};
  bool operator==(const KeyFacts&) const = default;
};

KeyFacts FactsOf(std::string_view key, const RuleSet& rules);

// Writes values anew as their keys say. One thread at a time.
class ValueRedactor {
 public:
  ValueRedactor(std::shared_ptr<const RuleSet> rules, base::UnixNanos now)
      : rules_(*rules), redactor_(std::move(rules), now) {}

  // Whether the value is to change; then `redacted` is what it becomes. `dialect`: of statements.
  bool Redact(std::string_view text, const KeyFacts& facts, SqlDialect dialect, std::string& redacted);
  // Whether a number may be somebody's at all, so that Redact is to be asked.
  bool MayBeSomebodys(std::string_view number, const KeyFacts& facts) const;

  const TextRedactor::Counts& counts() const { return redactor_.counts(); }

 private:
  bool RedactByBoth(std::string_view text, const KeyFacts& facts, SqlDialect dialect, std::string& redacted);

  const RuleSet& rules_;
  TextRedactor redactor_;
};

}  // namespace clew::privacy
