// SPDX-License-Identifier: Apache-2.0
#include "clew/govern/person.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "clew/base/bytes.h"
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/text_redactor.h"

namespace clew::govern {
namespace {

using privacy::detect::Detector;

constexpr size_t kMostIdentifiers = 20;
constexpr size_t kLongestIdentifier = 256;
// What is shorter, or a shorter number, stands everywhere.
constexpr size_t kLeastWord = 6;
constexpr size_t kLeastNumber = 9;

std::string Lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), privacy::detect::Lower);
  return lower;
}

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size())) {
    out.replace(at, from.size(), to);
  }
  return out;
}

// The characters that Base64 has of `text` alone, wherever in a longer value it stands (three ways to fall into
// groups).
void AddBase64(std::string_view text, std::set<std::string>& to) {
  // Of less little is left.
  if (text.size() < kLeastWord + 3) return;
  for (size_t before = 0; before < 3; ++before) {
    const std::string padded = std::string(before, 'x') + std::string(text);
    const size_t first = (before * 8 + 5) / 6;
    const size_t last = padded.size() * 8 / 6;
    to.insert(base::ToBase64(padded).substr(first, last - first));
  }
}

// What found the identifier has a pseudonym of its own where somebody's policy says so.
std::set<Detector> DetectorsOf(const privacy::RuleSet& rules, std::string_view identifier) {
  std::set<Detector> detectors = {Detector::kEmail, Detector::kPhone, Detector::kIp, Detector::kMac, Detector::kPerson};
  for (size_t i = 0; i < privacy::detect::kDetectorCount; ++i) {
    if (rules.policy().actions[i] == privacy::Action::kPseudonym) detectors.insert(static_cast<Detector>(i));
  }
  privacy::detect::Scanner::Pass pass(rules.scanner());
  for (const privacy::detect::Finding& finding : pass.Scan(identifier)) detectors.insert(finding.detector);
  detectors.erase(Detector::kOwn);
  return detectors;
}

void AddPseudonyms(const privacy::RuleSet& rules, std::string_view identifier, std::set<std::string>& to) {
  const auto add = [&](std::string_view kind, std::string_view value) {
    for (std::string& pseudonym : rules.pseudonyms().AllOf(kind, value)) to.insert(std::move(pseudonym));
  };
  for (const Detector detector : DetectorsOf(rules, identifier)) {
    const std::string value = privacy::Canonical(detector, identifier);
    if (!value.empty()) add(privacy::PseudonymKind(detector), value);
  }
  // Under a key that names persons a value is taken as it stands there.
  add(privacy::PseudonymKind(Detector::kPerson), Lowered(identifier));
  for (const privacy::OwnRule& rule : rules.policy().own_rules) {
    add(privacy::OwnPseudonymKind(rule.name), identifier);
    add(privacy::OwnPseudonymKind(rule.name), Lowered(identifier));
  }
}

bool IsNumber(std::string_view text) { return std::ranges::all_of(text, privacy::detect::IsDigit); }

}  // namespace

base::Status CheckIdentifiers(const Identifiers& identifiers) {
  if (identifiers.empty()) return base::InvalidArgument("user: expected an identifier, such as an e-mail address");
  if (identifiers.size() > kMostIdentifiers) {
    return base::InvalidArgument(fmt::format("expected at most {} identifiers of one person", kMostIdentifiers));
  }
  for (const std::string& identifier : identifiers) {
    if (identifier.size() < 2 || identifier.size() > kLongestIdentifier) {
      return base::InvalidArgument(fmt::format("an identifier has 2 to {} bytes", kLongestIdentifier));
    }
  }
  return {};
}

store::PersonNeedles NeedlesOf(const privacy::RuleSet& rules, const Identifiers& identifiers) {
  std::set<std::string> exact;
  std::set<std::string> words;
  std::set<std::string> values;
  for (const std::string& identifier : identifiers) {
    AddPseudonyms(rules, identifier, exact);
    const std::string lower = Lowered(identifier);
    if (identifier.size() < (IsNumber(identifier) ? kLeastNumber : kLeastWord)) {
      values.insert(lower);
      continue;
    }
    words.insert(lower);
    words.insert(Replaced(lower, "@", "%40"));
    words.insert(Replaced(lower, "@", "\\u0040"));
  }
  std::set<std::string> encoded;
  for (const std::string& pseudonym : exact) AddBase64(pseudonym, encoded);
  for (const std::string& identifier : identifiers) {
    AddBase64(identifier, encoded);
    AddBase64(Lowered(identifier), encoded);
  }
  exact.merge(encoded);
  return {{exact.begin(), exact.end()}, {words.begin(), words.end()}, {values.begin(), values.end()}};
}

std::vector<std::string> DigestsOf(const privacy::RuleSet& rules, const Identifiers& identifiers) {
  std::set<std::string> sorted;
  for (const std::string& identifier : identifiers) sorted.insert(Lowered(identifier));
  std::string all;
  for (const std::string& identifier : sorted) all += identifier + '\n';
  std::vector<std::string> digests;
  for (const std::string& digest : rules.pseudonyms().AllOf("erasure", all)) {
    digests.push_back(digest.substr(digest.find(':') + 1));
  }
  return digests;
}

}  // namespace clew::govern
