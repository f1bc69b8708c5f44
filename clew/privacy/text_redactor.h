// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/time.h"
#include "clew/privacy/detect/scanner.h"
#include "clew/privacy/policy.h"
#include "clew/privacy/pseudonyms.h"

namespace clew::privacy {

// Writes texts anew without what the scanner finds in them. One thread at a time; what it is made of outlives it.
class TextRedactor {
 public:
  struct Found {
    detect::Finding finding;
    Action action = Action::kMask;
  };
  using Counts = std::array<uint64_t, detect::kDetectorCount>;

  TextRedactor(const detect::Scanner& scanner, const Policy& policy, const Pseudonyms& pseudonyms, base::UnixNanos now);

  // Whether anything in `text` is to change; then `redacted` is the text as it may leave. A finding grows by at most 32
  // bytes; what is redacted already stays as it is.
  bool Redact(std::string_view text, detect::HintSet key_hints, std::string& redacted);
  // What the last Redact found, in order, with what was done.
  const std::vector<Found>& found() const { return found_; }

  // A whole value under a key that tells of a secret, or of a person; false where it may stay.
  bool RedactSecret(std::string_view value, std::string& redacted);
  bool RedactPerson(std::string_view value, detect::HintSet key_hints, std::string& redacted);

  // How many findings were changed since the start, by detector.
  const Counts& counts() const { return counts_; }

 private:
  bool RedactOnce(std::string_view text, detect::HintSet key_hints, std::string& redacted);
  void AppendReplacement(std::string_view text, const Found& found, std::string& out);
  std::string PseudonymOf(std::string_view value, detect::Detector detector) const;
  bool RedactWhole(std::string_view value, detect::Detector detector, std::string& redacted);

  detect::Scanner::Pass pass_;
  const Policy& policy_;
  const Pseudonyms& pseudonyms_;
  const base::UnixNanos now_;
  std::vector<Found> found_;
  std::string next_;
  Counts counts_{};
};

// A value as it is written in one way only, so that the same e-mail or telephone number has the same pseudonym however
// it was written.
std::string Canonical(detect::Detector detector, std::string_view value);
// What pseudonyms of that detector begin with.
std::string_view PseudonymKind(detect::Detector detector);

}  // namespace clew::privacy
