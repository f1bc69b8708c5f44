// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/result.h"

namespace clew::agent::drain {

using KeyValuePairs = std::vector<std::pair<std::string, std::string>>;

// The form of OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS: key=value, parted by commas, as in the W3C
// Baggage header without its properties (OpenTelemetry specification, "Environment variable specification" and
// "Protocol exporter"). Blanks around keys and values go, empty entries too; keys and values are percent-decoded and
// must then be UTF-8. An entry without '=' or key, or an ill-formed escape, makes the whole list INVALID_ARGUMENT (the
// specification: discard it all); the message quotes no value.
base::Result<KeyValuePairs> ParseKeyValueList(std::string_view text);

// The same for HTTP headers: names are RFC 9110 tokens in lower case, values hold no control characters.
base::Result<KeyValuePairs> ParseHeaderList(std::string_view text);

}  // namespace clew::agent::drain
