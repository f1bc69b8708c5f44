// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clew::privacy::detect {

// Whether the name of a parameter, field or attribute tells that its value is a secret: password, token, api_key,
// Authorization, … in any case, alone or as a word of a longer name (db-password, accessToken, user[secret]). Names
// that go on to say something about the secret (token_type, password_length) tell of no secret.
bool IsTellingKey(std::string_view key);

// Whether the values of that name say who somebody is: user.id, enduser.id, username, client_address, firstName, …
bool IsPersonKey(std::string_view key);

// Keys that a configuration names, beside those above: in any case and joining, alone or as the end of a longer name
// (customer_nr: customerNr, customer.nr, http.request.header.customer-nr). A plain value.
class OwnKeys {
 public:
  OwnKeys() = default;
  explicit OwnKeys(const std::vector<std::string>& keys);

  bool Contains(std::string_view key) const;
  // How texts may write them, in lower case.
  const std::vector<std::string>& spellings() const { return spellings_; }

 private:
  std::vector<std::string> names_;  // their words, one space between them
  std::vector<std::string> spellings_;
};

// Whether addresses under that name are the service's own machines and not people's: server.address, host.ip, ….
bool IsMachineKey(std::string_view key);

}  // namespace clew::privacy::detect
