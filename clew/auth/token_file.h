// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/model/tenant.h"

namespace clew::auth {

// What the holder of one token may do.
struct Grant {
  std::string name;  // for people: who holds the token
  // Nothing: any tenant, as the request names it.
  std::optional<model::TenantId> tenant;
  // Bits by model::Role; admin may do everything.
  uint8_t roles = 0;

  bool Has(model::Role role) const;
  // PERMISSION_DENIED where the grant lacks `role`.
  base::Status Check(model::Role role) const;
  // The tenant that a request with this grant is about; `asked` is its X-Scope-OrgID. PERMISSION_DENIED for another's.
  base::Result<model::TenantId> TenantFor(const std::optional<model::TenantId>& asked) const;
};

// The tokens that a server takes, from a text file:
//
//   # name   tenant   roles        the token's SHA-256
//   ci       shop     write        sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//   grafana  shop     read         sha256:…
//   ops      *        admin        sha256:…
//
// Roles are read, write, admin, joined by commas. Tokens are random and long (MakeToken), so a plain hash keeps them.
// The file is read again when it has changed, which is looked for at most once a second; a file that has become wrong
// is reported in the log and the tokens read before stay in force. Any thread.
class TokenFile {
 public:
  // NOT_FOUND, or INVALID_ARGUMENT with the line and what was expected.
  static base::Result<std::unique_ptr<TokenFile>> Open(std::string path);
  virtual ~TokenFile() = default;

  // Of the value of an Authorization field; UNAUTHENTICATED where there is no such token.
  virtual base::Result<std::shared_ptr<const Grant>> Authenticate(std::string_view authorization) = 0;
};

struct NewToken {
  std::string token;  // "clew_" and 43 characters: 256 random bits
  std::string line;   // for the token file, without line end
};
// INVALID_ARGUMENT where a word does not fit in the file.
base::Result<NewToken> MakeToken(std::string_view name, std::string_view tenant, std::string_view roles);

}  // namespace clew::auth
