// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "clew/base/time.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"

namespace clew::ingest {

// What one row may hold. More is dropped or cut, and counted, while the rest of the row is kept; a row is rejected only
// where nothing sensible remains. Attributes dropped here are added to OTLP's own dropped_…_count of the row.
struct Limits {
  uint32_t attributes = 1024;              // of a span, log record, event, link, resource, scope or point
  uint32_t events = 4096;                  // of a span; links likewise
  uint32_t elements = 4096;                // of one array or key-value list
  uint32_t key_bytes = 1024;               // a longer key: the attribute is dropped
  uint32_t name_bytes = 4096;              // names of spans, events, scopes, metrics; trace state, schema URL
  uint32_t value_bytes = 64u << 10;        // text and bytes of an attribute, status message
  uint32_t body_bytes = 256u << 10;        // a log record's body
  uint32_t labels = 256;                   // of a series; more: rejected
  uint32_t label_value_bytes = 16u << 10;  // more: rejected, since a cut label is another series
  uint32_t histogram_buckets = 4096;       // of one native histogram; more: rejected
};

// Why rows are rejected while the rest of their batch is taken.
enum class RejectReason : uint8_t {
  kTime,        // before 1970 or after 2262
  kLabels,      // of a series: none, too many, not sorted, twice, empty
  kLabelSize,   // the name or value of a label is too long
  kBuckets,     // a histogram has too many
  kConversion,  // a point that cannot become samples
  kTenantSeries,
};
inline constexpr size_t kRejectReasons = 6;
// As in Clew's own telemetry: "time", "labels", …
std::string_view NameOf(RejectReason reason);

struct Rejection {
  RejectReason reason = RejectReason::kTime;
  std::string_view text;  // for the sender; a constant
};

// What limits did to one batch.
struct LimitReport {
  uint64_t rejected_rows = 0;
  std::array<uint64_t, kRejectReasons> rejected_by_reason{};
  // Of the first rejected row, or of the first cut where no row was rejected; empty: nothing happened. No payload.
  std::string reason;
  uint64_t attributes_dropped = 0;
  uint64_t values_cut = 0;
  uint64_t times_replaced = 0;

  void Reject(const Rejection& rejection, uint64_t rows = 1);
  void Add(const LimitReport& other);
};

// Event times from 1970 to 2262 (int64 nanoseconds) are kept as they are, however far from now. Beyond that: a span,
// log record, point or sample is rejected; the time of a span's event is replaced with the nearest end of its span. A
// log record with no time at all gets `now` as its observed time (logs.proto, observed_time_unix_nano).
LimitReport ApplyLimits(const Limits& limits, base::UnixNanos now, model::SpanBatch& batch);
LimitReport ApplyLimits(const Limits& limits, base::UnixNanos now, model::LogBatch& batch);
LimitReport ApplyLimits(const Limits& limits, base::UnixNanos now, model::MetricBatch& batch);
// Labels must be sorted by name with no name twice, neither names nor values empty (Labels of model): a series that
// breaks this is rejected with its samples.
LimitReport ApplyLimits(const Limits& limits, base::UnixNanos now, model::SeriesBatch& batch);

// Takes the series with a rejection (one for each series of the batch) out of it, their points with them.
void RejectSeries(std::span<const std::optional<Rejection>> rejections, model::SeriesBatch& batch, LimitReport& report);

}  // namespace clew::ingest
