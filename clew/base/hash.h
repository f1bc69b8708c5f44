// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace clew::base {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  auto operator<=>(const Hash128&) const = default;
};

// XXH3; its values are kept on disk (series ids, template ids, deduplication), so they never change.
uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);
Hash128 HashBytes128(std::string_view bytes);

// CRC-32C, for records on disk and in shared files.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace clew::base
