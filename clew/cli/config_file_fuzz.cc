// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "clew/cli/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  clew::cli::ServerConfig config;
  for (const auto& mistake : clew::cli::ReadConfigText({reinterpret_cast<const char*>(data), size}, config)) {
    if (mistake.text.empty()) std::abort();
  }
  return 0;
}
