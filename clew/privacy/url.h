// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace clew::privacy {

// What stands where a secret stood in a URL (OpenTelemetry semantic conventions, url.full).
inline constexpr std::string_view kRedacted = "REDACTED";

// A URL, or a path with its query (RFC 3986): user and password before the host become REDACTED, and so do the values
// of telling keys (telling_keys.h) in the query and in a fragment that looks like one. The rest stays byte for byte.
// Applied twice it changes nothing more; each value grows to at most kRedacted's length.
std::string RedactUrl(std::string_view url);

// The same of a query alone, with or without its question mark.
std::string RedactQuery(std::string_view query);

}  // namespace clew::privacy
