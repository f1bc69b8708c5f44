// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "clew/api/otlp/batch_sink.h"
#include "clew/api/otlp/export_request.h"
#include "clew/ingest/memory_budget.h"
#include "clew/net/http_router.h"

namespace clew::api::otlp {

struct OtlpOptions {
  // Of a body, as sent and decompressed.
  size_t body_limit_bytes = 64u << 20;
  // Shared with the other doors; null: one of its own.
  std::shared_ptr<ingest::MemoryBudget> memory = {};
};

// OTLP/HTTP (opentelemetry-proto docs/specification.md, "OTLP/HTTP"): POST of protobuf or JSON, plain or packed with
// gzip, zstd or deflate. Answers are in the request's own format: Export…ServiceResponse, with partial success, once
// the data is kept, or google.rpc.Status with 400, 413, 415, 429 + Retry-After, 5xx.
class OtlpApi {
 public:
  enum class Door { kTraces, kLogs, kMetrics };

  // `ingest` outlives every server that has the router.
  explicit OtlpApi(ingest::Ingest& ingest, OtlpOptions options = {}) : OtlpApi(SinkOf(ingest), std::move(options)) {}
  OtlpApi(std::shared_ptr<BatchSink> sink, OtlpOptions options) : sink_(std::move(sink)), options_(std::move(options)) {
    if (!options_.memory) options_.memory = std::make_shared<ingest::MemoryBudget>(kDecodeMemoryBytes);
  }

  // /v1/traces, /v1/logs and /v1/metrics. The router keeps what it needs of this object.
  void Register(net::HttpRouter& router) const;
  // The same doors elsewhere: ("/api/v1/otlp/v1/metrics", kMetrics) and ("/loki/otlp/v1/logs", kLogs).
  void RegisterAt(net::HttpRouter& router, std::string_view path, Door door) const;

 private:
  std::shared_ptr<BatchSink> sink_;
  OtlpOptions options_;
};

}  // namespace clew::api::otlp
