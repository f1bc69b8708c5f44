// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/privacy/rule_set.h"
#include "clew/store/person_pattern.h"

namespace clew::govern {

// How a person is named: by one identifier or several (an e-mail address, a user id, a telephone number, …).
using Identifiers = std::vector<std::string>;

// INVALID_ARGUMENT, without quoting any, where there is none, more than 20, or one is shorter than 2 bytes or longer
// than 256.
base::Status CheckIdentifiers(const Identifiers& identifiers);

// All that the redactor may have put in an identifier's place, under every key that `rules` has, and the identifier
// itself as it may stand in data that was not redacted. Bytes values stand in Base64 in the tables, so everything is
// looked for in that too.
store::PersonNeedles NeedlesOf(const privacy::RuleSet& rules, const Identifiers& identifiers);

// An HMAC of all identifiers, in whatever order and case; under every key, the oldest first. Two acts with a digest in
// common were about the same identifiers.
std::vector<std::string> DigestsOf(const privacy::RuleSet& rules, const Identifiers& identifiers);

}  // namespace clew::govern
