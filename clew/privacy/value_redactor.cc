// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/value_redactor.h"

#include <algorithm>
#include <array>
#include <utility>

#include "clew/privacy/detect/keys.h"

namespace clew::privacy {

// Keys of OpenTelemetry's semantic conventions, today's and earlier ones.
KeyFacts FactsOf(std::string_view key, const RuleSet& rules) {
  static constexpr std::array<std::pair<std::string_view, Reading>, 9> kReadings = {{
      {"db.query.text", Reading::kSql},
      {"db.statement", Reading::kSql},
      {"url.full", Reading::kUrl},
      {"url.original", Reading::kUrl},
      {"url.query", Reading::kQuery},
      {"http.url", Reading::kUrl},
      {"http.target", Reading::kUrl},
      {"http.request.header.referer", Reading::kUrl},
      {"http.response.header.location", Reading::kUrl},
  }};
  std::vector<uint16_t> own;
  if (!rules.own().empty() && !key.empty()) own = rules.own().OfKey(key);
  if (!own.empty() && rules.own().rules()[own.front()].pattern.empty()) return {Reading::kOwn, 0, std::move(own)};
  // As a label of a series a key has underscores.
  const auto same = [](char a, char b) { return a == b || (a == '_' && b == '.'); };
  for (const auto& [name, reading] : kReadings) {
    if (std::ranges::equal(key, name, same)) return {reading, 0, std::move(own)};
  }
  KeyFacts facts{Reading::kText, detect::HintsOfName(key), std::move(own)};
  if (detect::IsMachineKey(key)) facts.hints |= detect::Bit(detect::Hint::kMachine);
  if (rules.IsPersonKey(key)) {
    facts.reading = Reading::kPerson;
  } else if (rules.IsSecretKey(key)) {
    facts.reading = Reading::kSecret;
  }
  return facts;
}

bool ValueRedactor::Redact(std::string_view text, const KeyFacts& facts, SqlDialect dialect, std::string& redacted) {
  if (facts.reading != Reading::kText && facts.reading != Reading::kOwn && !facts.own.empty()) {
    return RedactByBoth(text, facts, dialect, redacted);
  }
  switch (facts.reading) {
    case Reading::kText: return redactor_.Redact(text, facts.hints, facts.own, redacted);
    case Reading::kSecret: return redactor_.RedactSecret(text, redacted);
    case Reading::kPerson: return redactor_.RedactPerson(text, facts.hints, redacted);
    case Reading::kSql: return redactor_.RedactSql(text, dialect, redacted);
    case Reading::kUrl: return redactor_.RedactUrl(text, redacted);
    case Reading::kQuery: return redactor_.RedactQuery(text, redacted);
    case Reading::kOwn: return redactor_.RedactOwn(text, facts.own.front(), redacted);
  }
  return false;
}

// The key's own rules see the value first, then it is read as every value of such a key.
bool ValueRedactor::RedactByBoth(std::string_view text, const KeyFacts& facts, SqlDialect dialect,
                                 std::string& redacted) {
  const bool is_changed = redactor_.Redact(text, facts.hints, facts.own, redacted);
  const std::string between = is_changed ? redacted : std::string(text);
  if (!Redact(between, {facts.reading, facts.hints, {}}, dialect, redacted)) redacted = between;
  return redacted != text;
}

bool ValueRedactor::MayBeSomebodys(std::string_view number, const KeyFacts& facts) const {
  // Shorter ones are nobody's, unless a key or an own rule says so.
  static constexpr size_t kLeastDigits = 9;
  return number.size() >= kLeastDigits || facts != KeyFacts() || rules_.own().look_everywhere();
}

}  // namespace clew::privacy
