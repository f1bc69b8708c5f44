// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a request of one of the three signals (the first byte chooses): Clew accepts what protobuf
// accepts, refuses what it refuses, and what it understood is the same.
#include <cstdio>
#include <cstdlib>

#include "clew/wire/otlp_oracle_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using clew::wire::Signal;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto signal = static_cast<Signal>(data[0] % 3);
  const std::string difference = clew::wire::testing::CompareWithProtobuf(signal, bytes);
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  // Answers of servers are foreign bytes too.
  static_cast<void>(clew::wire::DecodeStatus(bytes));
  static_cast<void>(clew::wire::DecodePartialSuccess(signal, bytes));
  return 0;
}
