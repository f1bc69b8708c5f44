// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "clew/base/file.h"
#include "clew/base/result.h"
#include "clew/net/address.h"
#include "clew/net/http_router.h"

namespace clew::net {

struct HttpServerOptions {
  Address listen{"127.0.0.1", 0};
  // Named in messages, and the option that the message about a busy port tells to change: "--otlp-http".
  std::string listen_option = "--listen";

  int io_threads = 2;
  // For Run::kOnPool and Run::kOnShortPool; requests wait in a queue of that length, further ones get 503.
  int pool_threads = 8;
  size_t pool_queue = 128;
  int short_pool_threads = 2;
  size_t short_pool_queue = 1024;

  size_t header_limit_bytes = 64u << 10;  // request line and all fields; over it 431
  size_t body_limit_bytes = 64u << 20;    // where a route says nothing else; over it 413
  // All bodies that are being read or worked on; over it 503.
  size_t body_memory_bytes = 512u << 20;
  size_t max_connections = 4096;  // over it 503

  std::chrono::milliseconds idle_timeout{75'000};    // between requests; ends in silence
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a head to its last; 408
  std::chrono::milliseconds body_timeout{30'000};    // for each 64 KiB of body, in either direction; 408
  std::chrono::seconds retry_after{1};               // said with 503

  // TLS where both are given: PEM files, the certificate with its chain; read again when they change.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
};

// HTTP/1.1 (RFC 9110, RFC 9112) and 1.0: keep-alive, pipelining, chunked bodies, Expect: 100-continue, TLS 1.2 and up.
// Not there: HTTP/2, upgrades (WebSocket), trailers (read and dropped).
class HttpServer {
 public:
  struct Counters {
    uint64_t connections = 0;          // accepted since the start
    uint64_t open_connections = 0;     // now
    uint64_t requests = 0;             // answered by a handler
    uint64_t refused_requests = 0;     // answered by the server itself: 4xx, 5xx
    uint64_t overloaded = 0;           // of these: 503 for a full pool, full memory, too many connections
    uint64_t cancelled = 0;            // whose client went away first
    uint64_t received_body_bytes = 0;  // as sent
    uint64_t sent_body_bytes = 0;
  };

  // Binds, listens and starts to accept. A busy port is UNAVAILABLE, a privileged one PERMISSION_DENIED, each with the
  // address and what to do.
  static base::Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                         std::shared_ptr<const HttpRouter> router);
  // Stop() with no time to spare.
  virtual ~HttpServer() = default;

  // Where it listens, with the port taken.
  virtual Address address() const = 0;
  virtual Counters counters() const = 0;

  // Serves a stream socket that is connected already (socket activation, socketpair), as if accepted.
  virtual void Adopt(base::Fd connection) = 0;

  // Accepts no more, closes idle connections, lets running requests end until `deadline`; then sets their `cancelled`
  // and closes their connections. Returns once no handler runs any more, so a handler that ignores `cancelled` holds it
  // up. Replies that come later do nothing. Repeatable; not from a handler.
  virtual void Stop(std::chrono::steady_clock::time_point deadline) = 0;
  void Stop() { Stop(std::chrono::steady_clock::now()); }
};

}  // namespace clew::net
