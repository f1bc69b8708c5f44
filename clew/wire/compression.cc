// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/compression.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>

namespace clew::wire {
namespace {

base::Error TooLong(size_t limit_bytes) {
  return {base::Code::kOutOfRange, fmt::format("the body is over {} bytes when decompressed", limit_bytes), {}};
}
base::Error Broken(std::string_view what) {
  return {base::Code::kInvalidArgument, fmt::format("the body cannot be decompressed: {}", what), {}};
}
base::Error NoMemory() { return {base::Code::kResourceExhausted, "not enough memory to decompress the body", {}}; }

// Output that grows up to a limit. One byte more than the limit is room to notice that it is passed.
class Output {
 public:
  explicit Output(size_t limit) : limit_(limit) {}

  bool Full() const { return size_ == bytes_.size(); }
  bool OverLimit() const { return size_ > limit_; }
  void Grow(size_t wanted) {
    const size_t most = limit_ < SIZE_MAX ? limit_ + 1 : limit_;
    bytes_.resize(std::min(std::max({wanted, bytes_.size() * 2, size_t{4096}}), most));
  }
  char* at() { return bytes_.data() + size_; }
  size_t room() const { return bytes_.size() - size_; }
  void Used(size_t count) { size_ += count; }
  std::string Take() {
    bytes_.resize(size_);
    return std::move(bytes_);
  }

 private:
  size_t limit_;
  size_t size_ = 0;
  std::string bytes_;
};

// zlib counts in 32 bits: input is handed over in pieces.
constexpr size_t kPiece = size_t{1} << 30;

struct InflateStream {
  z_stream stream{};
  bool open = false;
  ~InflateStream() {
    if (open) inflateEnd(&stream);
  }
};

// `window_bits` as inflateInit2 takes them: 15 + 16 gzip, 15 zlib, -15 raw.
base::Result<std::string> Inflate(std::string_view bytes, size_t limit_bytes, int window_bits, bool members) {
  InflateStream inflater;
  z_stream& stream = inflater.stream;
  if (inflateInit2(&stream, window_bits) != Z_OK) return std::unexpected(NoMemory());
  inflater.open = true;
  Output output(limit_bytes);
  output.Grow(bytes.size() * 4);
  std::string_view left = bytes;
  while (true) {
    if (output.Full()) {
      if (output.OverLimit()) return std::unexpected(TooLong(limit_bytes));
      output.Grow(0);
    }
    // zlib does not write to its input; its interface only lacks the const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left.data()));
    stream.avail_in = static_cast<uInt>(std::min(left.size(), kPiece));
    stream.next_out = reinterpret_cast<Bytef*>(output.at());
    stream.avail_out = static_cast<uInt>(std::min(output.room(), kPiece));
    const uInt in_before = stream.avail_in;
    const uInt out_before = stream.avail_out;
    const int result = inflate(&stream, Z_NO_FLUSH);
    left.remove_prefix(in_before - stream.avail_in);
    output.Used(out_before - stream.avail_out);
    if (output.OverLimit()) return std::unexpected(TooLong(limit_bytes));
    if (result == Z_STREAM_END) {
      if (left.empty()) return output.Take();
      if (!members) return std::unexpected(Broken("something follows its end"));
      if (inflateReset(&stream) != Z_OK) return std::unexpected(NoMemory());
    } else if (result == Z_MEM_ERROR) {
      return std::unexpected(NoMemory());
    } else if (result == Z_BUF_ERROR && left.empty()) {
      return std::unexpected(Broken("it is cut off"));
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return std::unexpected(Broken("its data is broken"));
    } else if (left.empty() && !output.Full()) {
      return std::unexpected(Broken("it is cut off"));
    }
  }
}

// RFC 1950 section 2.2: compression method 8, a window of at most 32 KiB, a checksum over the first two bytes.
bool LooksLikeZlib(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const unsigned first = static_cast<uint8_t>(bytes[0]);
  const unsigned second = static_cast<uint8_t>(bytes[1]);
  return (first & 0x0F) == 8 && first >> 4 <= 7 && (first * 256 + second) % 31 == 0;
}

base::Result<std::string> Unzstd(std::string_view bytes, size_t limit_bytes) {
  if (bytes.empty()) return std::unexpected(Broken("it is empty"));
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) return std::unexpected(NoMemory());
  // No frame may ask for a window much larger than what it may unpack to. RFC 8878 section 3.1.1.1.2 recommends to
  // support 8 MiB at least; 128 MiB is the library's own bound.
  const int window_log = std::clamp(static_cast<int>(std::bit_width(limit_bytes)), 23, 27);
  if (ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log))) {
    return std::unexpected(NoMemory());
  }
  const unsigned long long content = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  const bool says_size = content != ZSTD_CONTENTSIZE_UNKNOWN && content != ZSTD_CONTENTSIZE_ERROR;
  if (says_size && content > limit_bytes) return std::unexpected(TooLong(limit_bytes));
  Output output(limit_bytes);
  // What the frame promises is believed only up to what its size makes likely.
  output.Grow(says_size ? std::min<size_t>(content + 1, bytes.size() * 64) : bytes.size() * 4);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    if (output.Full()) output.Grow(0);
    ZSTD_outBuffer out{output.at(), output.room(), 0};
    const size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    output.Used(out.pos);
    if (ZSTD_isError(result)) return std::unexpected(Broken(ZSTD_getErrorName(result)));
    if (output.OverLimit()) return std::unexpected(TooLong(limit_bytes));
    if (in.pos < in.size) continue;
    if (result == 0) return output.Take();
    if (!output.Full()) return std::unexpected(Broken("it is cut off"));
  }
}

base::Result<std::string> Deflate(std::string_view bytes, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::Internal("not enough memory to compress the body");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  size_t used = 0;
  std::string_view left = bytes;
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left.data()));
    stream.avail_in = static_cast<uInt>(std::min(left.size(), kPiece));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(std::min(out.size() - used, kPiece));
    const uInt in_before = stream.avail_in;
    const uInt out_before = stream.avail_out;
    result = deflate(&stream, left.size() <= kPiece ? Z_FINISH : Z_NO_FLUSH);
    left.remove_prefix(in_before - stream.avail_in);
    used += out_before - stream.avail_out;
    if (result != Z_OK && result != Z_STREAM_END) break;
  }
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return base::Internal("the body could not be compressed");
  out.resize(used);
  return out;
}

base::Result<std::string> Zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) return base::Internal("the body could not be compressed");
  out.resize(size);
  return out;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::optional<Compression> CompressionOf(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Compression>, 7> kNames = {{
      {"", Compression::kNone},
      {"identity", Compression::kNone},
      {"none", Compression::kNone},
      {"gzip", Compression::kGzip},
      {"x-gzip", Compression::kGzip},
      {"zstd", Compression::kZstd},
      {"deflate", Compression::kDeflate},
  }};
  for (const auto& [known, compression] : kNames) {
    if (EqualIgnoringCase(name, known)) return compression;
  }
  return std::nullopt;
}

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "identity";
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
    case Compression::kDeflate: return "deflate";
  }
  return "identity";
}

Compression DetectCompression(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  if (LooksLikeZlib(bytes)) return Compression::kDeflate;
  return Compression::kNone;
}

base::Result<std::string> Decompress(Compression compression, std::string_view bytes, size_t limit_bytes) {
  try {
    switch (compression) {
      case Compression::kNone:
        if (bytes.size() > limit_bytes) return std::unexpected(TooLong(limit_bytes));
        return std::string(bytes);
      case Compression::kGzip: return Inflate(bytes, limit_bytes, MAX_WBITS + 16, true);
      case Compression::kZstd: return Unzstd(bytes, limit_bytes);
      case Compression::kDeflate: {
        if (!LooksLikeZlib(bytes)) return Inflate(bytes, limit_bytes, -MAX_WBITS, false);
        auto zlib = Inflate(bytes, limit_bytes, MAX_WBITS, false);
        if (zlib || zlib.error().code != base::Code::kInvalidArgument) return zlib;
        // A bare stream may begin like a zlib header; it is the whole that tells.
        auto raw = Inflate(bytes, limit_bytes, -MAX_WBITS, false);
        return raw ? std::move(raw) : std::move(zlib);
      }
    }
  } catch (const std::bad_alloc&) {
    return std::unexpected(NoMemory());
  }
  return base::InvalidArgument("an unknown compression");
}

base::Result<std::string> Compress(Compression compression, std::string_view bytes) {
  try {
    switch (compression) {
      case Compression::kNone: return std::string(bytes);
      case Compression::kGzip: return Deflate(bytes, MAX_WBITS + 16);
      case Compression::kZstd: return Zstd(bytes);
      case Compression::kDeflate: return Deflate(bytes, MAX_WBITS);
    }
  } catch (const std::bad_alloc&) {
    return base::Internal("not enough memory to compress the body");
  }
  return base::InvalidArgument("an unknown compression");
}

}  // namespace clew::wire
