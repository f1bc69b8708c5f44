// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {

std::vector<RulePtr> AllRules(const OwnKeys& secrets, const OwnKeys& persons) {
  std::vector<RulePtr> rules;
  rules.push_back(FieldRule(secrets, persons));
  for (RulePtr (*make)() :
       {ApiKeyRule,     BirthDateRule,  BrCpfRule,        CardRule,        CookieRule, CoordinatesRule,
        CredentialRule, DeTaxIdRule,    EmailRule,        EsIdRule,        FrNirRule,  IbanRule,
        InAadhaarRule,  IpRule,         ItFiscalCodeRule, JwtRule,         MacRule,    NlBsnRule,
        PhoneRule,      PrivateKeyRule, UkNinoRule,       UrlPasswordRule, UsSsnRule}) {
    rules.push_back(make());
  }
  return rules;
}

}  // namespace clew::privacy::detect
