// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::auth {

// The token in an Authorization field: "Bearer TOKEN" (RFC 6750), or the password of "Basic …" (RFC 7617), whatever the
// user's name, since browsers and Grafana's data sources offer that. Anything else is UNAUTHENTICATED, described and
// never quoted.
base::Result<std::string> TokenOf(std::string_view authorization);

}  // namespace clew::auth
