// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr size_t kLongestLabel = 40;

// RFC 7468: a private key of any kind, PGP's too, from its first line to its last, or to the end of a text that was cut
// off before. Certificates and public keys are meant to be seen.
class PrivateKey final : public Rule {
 public:
  Anchors anchors() const override { return {.literals = {kBegin}}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view rest = candidate.text.substr(candidate.end);
    const std::string_view line = rest.substr(0, kLongestLabel);
    if (!line.substr(0, line.find("-----")).contains("PRIVATE KEY")) return;
    size_t end = candidate.text.size();
    const size_t last = rest.find(kEnd);
    if (last != std::string_view::npos) {
      const size_t dashes = rest.find("-----", last + kEnd.size());
      if (dashes != std::string_view::npos) end = candidate.end + dashes + 5;
    } else {
      // Cut off: what stands behind the quotes that hold it is no part of it.
      const size_t quote = rest.find_first_of("\"'");
      if (quote != std::string_view::npos) end = candidate.end + quote;
    }
    findings.push_back({candidate.begin, end, Detector::kPrivateKey});
  }
};

}  // namespace

RulePtr PrivateKeyRule() { return std::make_unique<PrivateKey>(); }

}  // namespace clew::privacy::detect
