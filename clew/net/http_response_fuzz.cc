// SPDX-License-Identifier: Apache-2.0
// HTTP responses by the parser as the client uses it, whole and in pieces, which must come to the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "clew/net/http_parser.h"

namespace clew::net {
namespace {

constexpr size_t kHeaderLimit = 16384;
constexpr size_t kBodyLimit = 4096;

struct Parsed {
  bool complete = false;
  int status = 0;
  HttpHeaders headers;
  std::string body;
};

Parsed Parse(std::string_view bytes, size_t piece, bool is_head) {
  Parsed parsed;
  ResponseParser parser(kHeaderLimit, parsed.headers, parsed.body);
  parser.skip(is_head);
  ReadBuffer buffer(2 * kReadBufferBytes);
  bool head_done = false;
  bool failed = false;
  while (!bytes.empty() && !failed && !parser.is_done()) {
    const size_t size = std::min({piece, bytes.size(), buffer.max_size() - buffer.size()});
    if (size == 0) break;
    std::copy_n(bytes.data(), size, static_cast<char*>(buffer.prepare(size).data()));
    buffer.commit(size);
    bytes.remove_prefix(size);
    ErrorCode error;
    if (!head_done) {
      head_done = parser.ParseHead(buffer, error);
      if (head_done) parser.body_limit(kBodyLimit);
    }
    if (head_done && !error) parser.ParseBody(buffer, error);
    failed = static_cast<bool>(error);
  }
  if (!failed && parser.got_some() && !parser.is_done()) {
    ErrorCode error;
    parser.put_eof(error);
  }
  parsed.complete = parser.is_done() && !failed;
  parsed.status = parser.status();
  return parsed;
}

}  // namespace
}  // namespace clew::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 60000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const bool is_head = data[0] >= 128;
  const auto whole = clew::net::Parse(bytes, bytes.size(), is_head);
  const auto pieces = clew::net::Parse(bytes, 1 + data[0] % 61, is_head);
  if (whole.complete != pieces.complete) std::abort();
  if (whole.complete && (whole.status != pieces.status || whole.body != pieces.body ||
                         whole.body.size() > clew::net::kBodyLimit || whole.headers.size() != pieces.headers.size())) {
    std::abort();
  }
  return 0;
}
