// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/rule.h"

namespace clew::privacy::detect {

using RulePtr = std::unique_ptr<const Rule>;

// One a file of its own name.
RulePtr ApiKeyRule();
RulePtr BirthDateRule();
RulePtr BrCpfRule();
RulePtr CardRule();
RulePtr CookieRule();
RulePtr CoordinatesRule();
RulePtr CredentialRule();
RulePtr DeTaxIdRule();
RulePtr EmailRule();
RulePtr EsIdRule();
// Also for keys that the configuration adds.
RulePtr FieldRule(OwnKeys secrets = {}, OwnKeys persons = {});
RulePtr FrNirRule();
RulePtr IbanRule();
RulePtr InAadhaarRule();
RulePtr IpRule();
RulePtr ItFiscalCodeRule();
RulePtr JwtRule();
RulePtr MacRule();
RulePtr NlBsnRule();
RulePtr PhoneRule();
RulePtr PrivateKeyRule();
RulePtr UkNinoRule();
RulePtr UrlPasswordRule();
RulePtr UsSsnRule();

std::vector<RulePtr> AllRules(const OwnKeys& secrets = {}, const OwnKeys& persons = {});

}  // namespace clew::privacy::detect
