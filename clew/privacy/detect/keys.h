// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace clew::privacy::detect {

// Whether the name of a parameter, field or attribute tells that its value is a secret: password, token, api_key,
// Authorization, … in any case, alone or as a word of a longer name (db-password, accessToken, user[secret]). Names
// that go on to say something about the secret (token_type, password_length) tell of no secret.
bool IsTellingKey(std::string_view key);

// Whether the values of that name say who somebody is: user.id, enduser.id, username, client_address, firstName, …
bool IsPersonKey(std::string_view key);

// Whether addresses under that name are the service's own machines and not people's: server.address, host.ip, ….
bool IsMachineKey(std::string_view key);

}  // namespace clew::privacy::detect
