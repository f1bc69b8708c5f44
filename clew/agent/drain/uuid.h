// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace clew::agent::drain {

// SHA-1 (FIPS 180-4), for name-based UUIDs only.
std::array<uint8_t, 20> Sha1(std::string_view bytes);

// A UUID of version 5 (RFC 9562 section 5.5) in the namespace of service.instance.id (OpenTelemetry's semantic
// conventions, "Service"), in its usual spelling.
std::string InstanceUuid(std::string_view name);
// A random UUID (version 4).
std::string RandomUuid();

}  // namespace clew::agent::drain
