// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/scanner.h"
#include "clew/privacy/own_rules.h"
#include "clew/privacy/policy.h"
#include "clew/privacy/pseudonyms.h"

namespace clew::privacy {

// A policy and keys made ready to be applied: what is in force at one moment. Immutable; any thread may call.
class RuleSet {
 public:
  // INVALID_ARGUMENT where a rule of the policy cannot be (OwnRules::Make). `keys`: see Pseudonyms.
  static base::Result<std::shared_ptr<const RuleSet>> Make(Policy policy, std::vector<PseudonymKey> keys);
  // The same policy under other keys.
  std::shared_ptr<const RuleSet> With(std::vector<PseudonymKey> keys) const;

  const Policy& policy() const { return parts_->policy; }
  const detect::Scanner& scanner() const { return *parts_->scanner; }
  const OwnRules& own() const { return parts_->own; }
  const Pseudonyms& pseudonyms() const { return pseudonyms_; }
  // Whether the values of that key are secrets; whether they name persons.
  bool IsSecretKey(std::string_view key) const { return detect::IsTellingKey(key) || parts_->secrets.Contains(key); }
  bool IsPersonKey(std::string_view key) const { return detect::IsPersonKey(key) || parts_->persons.Contains(key); }

  Action ActionOf(const detect::Finding& finding) const {
    return finding.detector == detect::Detector::kOwn ? policy().own_rules[finding.own].action
                                                      : policy().of(finding.detector);
  }
  // What is found is changed: the detector is on and its action is not to keep.
  bool Changes(detect::Detector detector) const {
    return policy().enabled[static_cast<size_t>(detector)] && policy().of(detector) != Action::kKeep;
  }
  // The name under which a finding is shown and counted.
  std::string_view NameOf(const detect::Finding& finding) const {
    return finding.detector == detect::Detector::kOwn ? std::string_view(policy().own_rules[finding.own].name)
                                                      : detect::DetectorName(finding.detector);
  }

 private:
  struct Parts {
    Policy policy;
    detect::OwnKeys secrets;
    detect::OwnKeys persons;
    OwnRules own;
    std::unique_ptr<const detect::Scanner> scanner;
  };
  RuleSet(std::shared_ptr<const Parts> parts, std::vector<PseudonymKey> keys);

  const std::shared_ptr<const Parts> parts_;
  const Pseudonyms pseudonyms_;
};

}  // namespace clew::privacy
