// SPDX-License-Identifier: Apache-2.0
// HTTP requests, twice: by the parser as the server uses it, whole and in pieces, which must come to the same; and by a
// running server over a socket pair, whose answers must be HTTP and must end.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "clew/base/result.h"
#include "clew/net/http_parser.h"
#include "clew/net/http_server.h"
#include "clew/net/raw_socket_testing.h"

namespace clew::net {
namespace {

constexpr size_t kHeaderLimit = 16384;
constexpr size_t kBodyLimit = 4096;

struct Parsed {
  int refusal = 0;
  bool complete = false;
  HttpRequest request;
};

// Feeds `bytes` in pieces of `piece` bytes and stops at the first refusal or the end of the message.
Parsed Parse(std::string_view bytes, size_t piece) {
  Parsed parsed;
  RequestParser parser(kHeaderLimit, parsed.request);
  ReadBuffer buffer(2 * kReadBufferBytes);
  bool head_done = false;
  const auto step = [&]() -> bool {
    ErrorCode error;
    if (!head_done) {
      head_done = parser.ParseHead(buffer, error);
      if (error) {
        parsed.refusal = RefusalOf(error).status;
        return true;
      }
      if (!head_done) return false;
      if (const auto refusal = CompleteHead(parser, parsed.request)) {
        parsed.refusal = refusal->status;
        return true;
      }
      parser.body_limit(kBodyLimit);
    }
    if (!parser.chunked()) {
      parsed.complete = true;
      return true;
    }
    parsed.complete = parser.ParseBody(buffer, error);
    if (error) parsed.refusal = RefusalOf(error).status;
    return parsed.complete || error;
  };
  while (!bytes.empty()) {
    const size_t size = std::min({piece, bytes.size(), buffer.max_size() - buffer.size()});
    if (size == 0) break;
    const auto space = buffer.prepare(size);
    std::copy_n(bytes.data(), size, static_cast<char*>(space.data()));
    buffer.commit(size);
    bytes.remove_prefix(size);
    if (step()) break;
  }
  return parsed;
}

void CompareWholeAndPieces(std::string_view bytes, size_t piece) {
  const Parsed whole = Parse(bytes, bytes.size());
  const Parsed pieces = Parse(bytes, piece);
  if (whole.complete != pieces.complete) std::abort();
  if (!whole.complete) return;
  const HttpRequest& left = whole.request;
  const HttpRequest& right = pieces.request;
  if (left.method != right.method || left.target != right.target || left.path != right.path ||
      left.query != right.query || left.body != right.body || left.body.size() > kBodyLimit ||
      !std::equal(left.headers.begin(), left.headers.end(), right.headers.begin(), right.headers.end())) {
    std::abort();
  }
}

HttpServer& Server() {
  static const std::unique_ptr<HttpServer> server = [] {
    auto router = std::make_shared<HttpRouter>();
    const auto echo = Synchronous([](const HttpRequest& request) {
      const auto form = request.Form();
      return HttpResponse::Text(200, request.body + (form ? std::string(form->Get("q")) : "malformed"));
    });
    router->Add("GET", "/", echo, {.run = Run::kOnIoThread});
    router->Add("POST", "/", echo, {.run = Run::kOnIoThread});
    router->Add("POST", "/{name}/pool", echo);
    router->Add("PUT", "/{rest...}", echo, {.run = Run::kOnShortPool});
    HttpServerOptions options;
    options.io_threads = 1;
    options.pool_threads = 1;
    options.short_pool_threads = 1;
    options.header_limit_bytes = kHeaderLimit;
    options.body_limit_bytes = kBodyLimit;
    auto started = HttpServer::Start(std::move(options), std::move(router));
    CLEW_CHECK(started.has_value());
    return *std::move(started);
  }();
  return *server;
}

void AskServer(std::string_view bytes) {
  int fds[2];
  CLEW_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  RawSocket client{base::Fd(fds[0])};
  Server().Adopt(base::Fd(fds[1]));
  // A server that has said its last word closes without reading on, so sending may fail; it must not hang.
  std::thread sender([&] {
    client.Send(bytes);
    client.ShutdownSend();
  });
  std::string answer = client.ReadAll();
  sender.join();
  if (answer.ends_with("<timeout>")) std::abort();
  if (answer.ends_with("<reset>")) answer.resize(answer.size() - std::string_view("<reset>").size());
  if (!answer.empty() && !answer.starts_with("HTTP/1.1 ")) std::abort();
}

}  // namespace
}  // namespace clew::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 60000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  clew::net::CompareWholeAndPieces(bytes, 1 + data[0] % 61);
  // A thread and two sockets a run, so only every other input.
  if (data[0] % 2 == 0) clew::net::AskServer(bytes);
  return 0;
}
