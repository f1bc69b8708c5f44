// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/export_request.h"

#include <string>
#include <utility>

#include "clew/base/hash.h"

namespace clew::api::otlp {
namespace {

bool IsEmpty(const model::SpanBatch& batch) { return batch.size() == 0; }
bool IsEmpty(const model::LogBatch& batch) { return batch.size() == 0; }
// Metrics without points are kept for their names and units.
bool IsEmpty(const model::MetricBatch& batch) { return batch.metrics.empty(); }

template <typename Batch>
void Write(BatchSink& sink, const model::RequestContext& context, base::Result<wire::Decoded<Batch>> decoded,
           base::Hash128 body_hash, Exported done) {
  if (!decoded) return done(std::unexpected(std::move(decoded).error()));
  wire::PartialSuccess left_out{decoded->rejected, std::move(decoded->reason)};
  if (IsEmpty(decoded->batch)) return done(std::move(left_out));
  sink.Write(context, std::move(decoded->batch), body_hash,
             [left_out = std::move(left_out), done = std::move(done)](base::Result<ingest::Outcome> outcome) mutable {
               if (!outcome) return done(std::unexpected(std::move(outcome).error()));
               left_out.rejected += outcome->rejected;
               if (left_out.message.empty()) left_out.message = std::move(outcome->message);
               done(std::move(left_out));
             });
}

}  // namespace

void Export(BatchSink& sink, const model::RequestContext& context, const ExportRequest& request, Exported done) {
  std::string unpacked;
  std::string_view bytes = request.body;
  if (request.compression != wire::Compression::kNone) {
    auto result = wire::Decompress(request.compression, request.body, request.limit_bytes);
    if (!result) return done(std::unexpected(std::move(result).error()));
    unpacked = *std::move(result);
    bytes = unpacked;
  }
  // Of the bytes as they came, since a client that tries again sends the same.
  const base::Hash128 hash = base::HashBytes128(request.body);
  const bool is_json = request.format == wire::Format::kJson;
  switch (request.signal) {
    case wire::Signal::kTraces:
      return Write(sink, context, is_json ? wire::DecodeTracesJson(bytes) : wire::DecodeTraces(bytes), hash,
                   std::move(done));
    case wire::Signal::kLogs:
      return Write(sink, context, is_json ? wire::DecodeLogsJson(bytes) : wire::DecodeLogs(bytes), hash,
                   std::move(done));
    case wire::Signal::kMetrics:
      return Write(sink, context, is_json ? wire::DecodeMetricsJson(bytes) : wire::DecodeMetrics(bytes), hash,
                   std::move(done));
  }
}

}  // namespace clew::api::otlp
