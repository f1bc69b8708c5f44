// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clew/auth/token_file.h"
#include "clew/net/http_router.h"

namespace clew::api::http {

// Asks every request for a token of `tokens`, but for those to `open_paths` (health checks, which are sent by what has
// none): 401 with WWW-Authenticate without one. What the token allows is noted as the request's principal, for
// ContextOf.
net::HttpRouter::Filter TokenFilter(std::shared_ptr<auth::TokenFile> tokens, std::vector<std::string> open_paths);

// For a server that asks nobody for a token: whoever shows `token` gets the role admin, which nobody has without it;
// others are let pass as before, whatever they show.
net::HttpRouter::Filter AdminTokenFilter(std::string token);

// The grant that TokenFilter noted; nullptr where no token was asked for nor shown.
const auth::Grant* GrantOf(const net::HttpRequest& request);

}  // namespace clew::api::http
