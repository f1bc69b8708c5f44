// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "clew/auth/authorization.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto token = clew::auth::TokenOf({reinterpret_cast<const char*>(data), size});
  // A token is never empty, nor longer than what came.
  if (token && (token->empty() || token->size() > size)) std::abort();
  return 0;
}
