// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace clew::privacy {

// Whether the name of a parameter, field or attribute tells that its value is a secret: password, token, api_key,
// Authorization, … in any case, alone or as a word of a longer name (db-password, accessToken, user[secret]).
bool IsTellingKey(std::string_view key);

}  // namespace clew::privacy
