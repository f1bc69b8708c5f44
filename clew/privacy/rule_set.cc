// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/rule_set.h"

#include <utility>

#include "clew/privacy/detect/rules.h"

namespace clew::privacy {

RuleSet::RuleSet(std::shared_ptr<const Parts> parts, std::vector<PseudonymKey> keys)
    : parts_(std::move(parts)), pseudonyms_(std::move(keys)) {}

base::Result<std::shared_ptr<const RuleSet>> RuleSet::Make(Policy policy, std::vector<PseudonymKey> keys) {
  auto parts = std::make_shared<Parts>();
  CLEW_ASSIGN_OR_RETURN(parts->own, OwnRules::Make(policy.own_rules));
  parts->secrets = detect::OwnKeys(policy.secret_keys);
  parts->persons = detect::OwnKeys(policy.person_keys);
  CLEW_ASSIGN_OR_RETURN(parts->scanner,
                        detect::Scanner::Make(detect::AllRules(parts->secrets, parts->persons), policy.enabled));
  parts->policy = std::move(policy);
  if (keys.empty()) keys.push_back(PseudonymKey::Random(0));
  return std::shared_ptr<const RuleSet>(new RuleSet(std::move(parts), std::move(keys)));
}

std::shared_ptr<const RuleSet> RuleSet::With(std::vector<PseudonymKey> keys) const {
  return std::shared_ptr<const RuleSet>(new RuleSet(parts_, std::move(keys)));
}

}  // namespace clew::privacy
