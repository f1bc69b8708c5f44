// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a packed body (the first byte chooses the algorithm) and as one to pack: output stays within its
// limit, and what was packed comes back.
#include "clew/wire/compression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::wire;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto compression = static_cast<Compression>(data[0] % 4);
  const size_t limit = data[0] < 128 ? size_t{1} << 20 : 100;
  const auto unpacked = Decompress(compression, bytes, limit);
  if (unpacked) {
    CLEW_CHECK(unpacked->size() <= limit);
  } else {
    const clew::base::Code code = unpacked.error().code;
    CLEW_CHECK(code == clew::base::Code::kOutOfRange || code == clew::base::Code::kInvalidArgument);
  }
  const auto packed = Compress(compression, bytes);
  CLEW_CHECK(packed);
  const auto again = Decompress(compression, *packed, bytes.size());
  CLEW_CHECK(again && *again == bytes);
  if (!bytes.empty()) CLEW_CHECK(!Decompress(compression, *packed, bytes.size() - 1));
  if (compression != Compression::kNone) CLEW_CHECK(DetectCompression(*packed) == compression);
  return 0;
}
