// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "clew/agent/drain/key_value_list.h"
#include "clew/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto pairs = clew::agent::drain::ParseKeyValueList(text)) {
    for (const auto& [key, value] : *pairs) {
      if (key.empty() || !clew::base::IsUtf8(key) || !clew::base::IsUtf8(value)) std::abort();
    }
  }
  if (const auto headers = clew::agent::drain::ParseHeaderList(text)) {
    for (const auto& [name, value] : *headers) {
      // Whatever comes through must not be able to end a header line.
      if (name.find_first_of("\r\n: ") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) {
        std::abort();
      }
    }
  }
  return 0;
}
