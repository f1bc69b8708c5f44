// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "clew/privacy/detect/values.h"

namespace clew::privacy {

using detect::kRedacted;  // what stands where a secret stood (OpenTelemetry semantic conventions, url.full)

// A URL, or a path with its query (RFC 3986): user and password before the host become REDACTED, and so do the values
// of telling keys (detect/keys.h) in the query and in a fragment that looks like one. The rest stays byte for byte.
// Applied twice it changes nothing more; each value grows to at most kRedacted's length.
std::string RedactUrl(std::string_view url);

// The same of a query alone, with or without its question mark.
std::string RedactQuery(std::string_view query);

}  // namespace clew::privacy
