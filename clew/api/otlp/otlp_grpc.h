// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "clew/api/otlp/batch_sink.h"
#include "clew/auth/token_file.h"
#include "clew/base/result.h"
#include "clew/ingest/memory_budget.h"
#include "clew/net/address.h"

namespace clew::api::otlp {

struct OtlpGrpcOptions {
  net::Address listen = {"127.0.0.1", 0};
  // Named in messages, and the option that the message about a busy port tells to change.
  std::string listen_option = "--otlp-grpc";
  // Of a message, as sent and decompressed; over it RESOURCE_EXHAUSTED.
  size_t message_limit_bytes = 64u << 20;
  // All messages that are in work, as sent; over it RESOURCE_EXHAUSTED with RetryInfo.
  size_t memory_bytes = 160u << 20;
  // What messages hold while they are decoded, shared with the other doors; null: one of its own.
  std::shared_ptr<ingest::MemoryBudget> memory = {};
  // TLS where both are given: PEM files, the certificate with its chain; read again when they change.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  // Asks every call for a token (metadata authorization) with the role write; without one UNAUTHENTICATED.
  std::shared_ptr<auth::TokenFile> tokens = {};
};

// OTLP/gRPC: the Export methods of TraceService, LogsService and MetricsService. Messages may be packed with gzip,
// deflate or zstd. Errors carry canonical codes, RESOURCE_EXHAUSTED with a RetryInfo where trying again makes sense;
// any other method is UNIMPLEMENTED. The tenant is the metadata x-scope-orgid, or the token's own.
class OtlpGrpcServer {
 public:
  // Binds and starts to accept. A busy port is UNAVAILABLE with the address and what to do. `ingest` outlives the
  // server.
  static base::Result<std::unique_ptr<OtlpGrpcServer>> Start(OtlpGrpcOptions options, ingest::Ingest& ingest) {
    return Start(std::move(options), SinkOf(ingest));
  }
  static base::Result<std::unique_ptr<OtlpGrpcServer>> Start(OtlpGrpcOptions options, std::shared_ptr<BatchSink> sink);
  // Stop() with no time to spare.
  virtual ~OtlpGrpcServer() = default;

  // Where it listens, with the port taken.
  virtual net::Address address() const = 0;
  // Takes no more calls and lets running ones end until `deadline`, then cancels them. Returns when none runs, so each
  // batch that the sink has must have been answered. Repeatable.
  virtual void Stop(std::chrono::steady_clock::time_point deadline) = 0;
  void Stop() { Stop(std::chrono::steady_clock::now()); }
};

}  // namespace clew::api::otlp
