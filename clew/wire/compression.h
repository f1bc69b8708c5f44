// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::wire {

enum class Compression : uint8_t { kNone, kGzip, kZstd, kDeflate };

// The compression that a Content-Encoding, grpc-encoding or OTEL_EXPORTER_OTLP_COMPRESSION names, of any case
// ("" and "identity" are none); nothing where it is not one of ours.
std::optional<Compression> CompressionOf(std::string_view name);
// Its name as a Content-Encoding; "identity" for none.
std::string_view CompressionName(Compression compression);

// What the first bytes of an OTLP protobuf message say it is packed with, for gRPC peers that name an encoding this
// side does not know. Unpacked messages begin with a field tag, which none of the magic numbers is.
Compression DetectCompression(std::string_view bytes);

// Unpacks a whole body: gzip (RFC 1952, members one after another), deflate (RFC 9110 section 8.4.1.2: zlib, RFC 1950;
// also the bare RFC 1951 stream that many send), zstd (RFC 8878, frames one after another). Never holds more than
// `limit_bytes` of output and the algorithm's window, which is bounded by the limit too.
// Errors: OUT_OF_RANGE where the output would be longer than `limit_bytes`, INVALID_ARGUMENT where the body is cut
// off, broken, or followed by something else.
base::Result<std::string> Decompress(Compression compression, std::string_view bytes, size_t limit_bytes);

// Packs a whole body; deflate in its zlib form. Errors: INTERNAL (out of memory).
base::Result<std::string> Compress(Compression compression, std::string_view bytes);

}  // namespace clew::wire
