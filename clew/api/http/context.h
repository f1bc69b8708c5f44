// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/net/http_message.h"

namespace clew::api::http {

inline constexpr std::chrono::seconds kDefaultTimeout{30};
// What ?timeout= can ask for at most (Prometheus' own default limit of a query).
inline constexpr std::chrono::minutes kMaxTimeout{2};

// The tenant of one X-Scope-OrgID; several or a malformed one are INVALID_ARGUMENT.
base::Result<std::optional<model::TenantId>> AskedTenant(const net::HttpHeaders& headers);

// Who asks and for how long: tenant from X-Scope-OrgID (default "anonymous") or from the token that TokenFilter has
// seen, which must allow `role` (PERMISSION_DENIED); deadline from `timeout=` in `parameters` (a duration, cut to
// kMaxTimeout) or kDefaultTimeout, cancellation tied to the request's connection. `role` is what the route needs.
// Anything malformed is INVALID_ARGUMENT.
base::Result<model::RequestContext> ContextOf(const net::HttpRequest& request, const net::Parameters& parameters,
                                              model::Role role = model::Role::kRead);
// The same with the parameters of the query string.
base::Result<model::RequestContext> ContextOf(const net::HttpRequest& request, model::Role role = model::Role::kRead);

}  // namespace clew::api::http
