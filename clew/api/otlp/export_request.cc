// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/export_request.h"

#include <algorithm>
#include <chrono>
#include <memory>
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

// Spans with attributes weigh about one and a half times as much in columns as in protobuf; what grows has twice the
// room that it fills.
constexpr uint64_t kDecodedPerByte = 3;
// Telemetry rarely packs better; what does is unpacked again with all the room that it may have.
constexpr size_t kUsualRatio = 12;
constexpr size_t kLeastUnpacked = 64u << 10;
constexpr std::chrono::seconds kRetryAfter{1};

std::unexpected<base::Error> Busy() {
  return base::ResourceExhausted("too many large requests are in work; come again", kRetryAfter);
}

// The body as it was before it was packed. What it may need is taken first.
base::Result<std::string> Unpack(const ExportRequest& request, ingest::MemoryBudget::Lease& lease) {
  const size_t usual = std::min(request.limit_bytes, std::max(kLeastUnpacked, request.body.size() * kUsualRatio));
  if (!lease.TryAdd(usual)) return Busy();
  auto unpacked = wire::Decompress(request.compression, request.body, usual);
  if (unpacked || unpacked.error().code != base::Code::kOutOfRange || usual == request.limit_bytes) return unpacked;
  if (!lease.TryAdd(request.limit_bytes - usual)) return Busy();
  return wire::Decompress(request.compression, request.body, request.limit_bytes);
}

// From the unpacked body to the sink.
void Decode(BatchSink& sink, const model::RequestContext& context, const ExportRequest& request, std::string_view bytes,
            Exported done) {
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

}  // namespace

void Export(BatchSink& sink, ingest::MemoryBudget& memory, const model::RequestContext& context,
            const ExportRequest& request, Exported done) {
  // Held until the batch is the sink's, which has bounds of its own for what waits to be kept; and no longer than until
  // the answer, so that who has it finds room for the next request.
  const auto shared_lease = std::make_shared<ingest::MemoryBudget::Lease>(memory);
  ingest::MemoryBudget::Lease& lease = *shared_lease;
  std::string unpacked;
  std::string_view bytes = request.body;
  if (request.compression != wire::Compression::kNone) {
    auto result = Unpack(request, lease);
    if (!result) return done(std::unexpected(std::move(result).error()));
    unpacked = *std::move(result);
    bytes = unpacked;
  }
  if (!lease.TryAdd(kDecodedPerByte * bytes.size())) return done(Busy());
  Exported answer = [shared_lease, done = std::move(done)](base::Result<wire::PartialSuccess> left_out) mutable {
    shared_lease->GiveBack();
    done(std::move(left_out));
  };
  Decode(sink, context, request, bytes, std::move(answer));
  shared_lease->GiveBack();
}

}  // namespace clew::api::otlp
