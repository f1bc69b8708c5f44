// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/time.h"
#include "clew/privacy/detect/scanner.h"
#include "clew/privacy/rule_set.h"
#include "clew/privacy/sql.h"
#include "clew/privacy/url.h"

namespace clew::privacy {

// Writes texts anew without what rules find in them. One thread at a time.
class TextRedactor {
 public:
  struct Found {
    detect::Finding finding;
    Action action = Action::kMask;
  };
  struct Counts {
    std::array<uint64_t, detect::kDetectorCount> detectors{};
    std::vector<uint64_t> own;  // by rule of the configuration
  };
  // What an own rule may add to a finding at most, and all rules together to a text.
  static constexpr size_t kMostGrowth = 64;

  TextRedactor(std::shared_ptr<const RuleSet> rules, base::UnixNanos now);

  // Whether anything in `text` is to change; then `redacted` is the text as it may leave. A finding grows by at most 32
  // bytes, one of an own rule by kMostGrowth; what is redacted already stays as it is. `own_of_key`: the own rules that
  // look at values of the text's key only.
  bool Redact(std::string_view text, detect::HintSet key_hints, std::string& redacted) {
    return Redact(text, key_hints, {}, redacted);
  }
  bool Redact(std::string_view text, detect::HintSet key_hints, const std::vector<uint16_t>& own_of_key,
              std::string& redacted);
  // What the last Redact found, in order, with what was done.
  const std::vector<Found>& found() const { return found_; }

  // A whole value under a key that tells of a secret, or of a person, or that an own rule takes whole; false where it
  // may stay.
  bool RedactSecret(std::string_view value, std::string& redacted);
  bool RedactPerson(std::string_view value, detect::HintSet key_hints, std::string& redacted);
  bool RedactOwn(std::string_view value, uint16_t rule, std::string& redacted);
  // A URL or a query (url.h), by what is done with parameters and passwords; then all else that is in it.
  bool RedactUrl(std::string_view url, std::string& redacted);
  bool RedactQuery(std::string_view query, std::string& redacted);
  // A statement's literals (sql.h), or what is found in it where these may stay.
  bool RedactSql(std::string_view sql, SqlDialect dialect, std::string& redacted);

  // How many findings were changed since the start.
  const Counts& counts() const { return counts_; }

 private:
  bool RedactOnce(std::string_view text, detect::HintSet key_hints, const std::vector<uint16_t>& own_of_key,
                  std::string& redacted);
  const detect::Findings& Find(std::string_view text, detect::HintSet key_hints,
                               const std::vector<uint16_t>& own_of_key);
  void Count(const detect::Finding& finding);
  void AppendReplacement(std::string_view text, const Found& found, std::string& out);
  void AppendWhole(std::string_view value, const Found& found, std::string& out);
  std::string PseudonymOf(std::string_view value, const detect::Finding& finding) const;
  bool RedactWhole(std::string_view value, detect::Detector detector, std::string& redacted);
  bool RedactRest(std::string_view url, std::string rewritten, std::string& redacted);
  UrlRules RulesOfUrls();

  const std::shared_ptr<const RuleSet> rules_;
  detect::Scanner::Pass pass_;
  const base::UnixNanos now_;
  detect::Findings all_;  // with those of own rules
  std::vector<Found> found_;
  std::string next_;
  Counts counts_{};
};

// A value as it is written in one way only, so that the same e-mail or telephone number has the same pseudonym however
// it was written.
std::string Canonical(detect::Detector detector, std::string_view value);
// What pseudonyms of that detector, and of an own rule, begin with.
std::string_view PseudonymKind(detect::Detector detector);
std::string OwnPseudonymKind(std::string_view rule_name);

}  // namespace clew::privacy
