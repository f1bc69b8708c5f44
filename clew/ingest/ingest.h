// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "clew/base/hash.h"
#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/ingest/limits.h"
#include "clew/ingest/tenant_limits.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/otlp_to_series.h"
#include "clew/model/request_context.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/privacy/redactor.h"

namespace clew::store {
class WritePath;
struct WriteEntry;
}  // namespace clew::store

namespace clew::ingest {

struct Options {
  Limits limits;
  TenantLimits tenant;
  model::ToSeriesOptions series;
  // Whose keys make the pseudonyms; null: one of its own, with keys that nobody else knows.
  std::shared_ptr<const privacy::Redactor> redactor;
  const base::Clock* clock = &base::Clock::System();
};

// What became of a batch that is kept: the rows that were refused, and the first reason, for the sender's partial
// success. The message quotes no payload; it may be set with nothing rejected (values were cut short).
struct Outcome {
  uint64_t rejected = 0;
  std::string message;
};

// Called once, from any thread. A value: the batch is in the write-ahead log, synced, and every read that starts now
// sees it. An error: nothing of it was kept; RESOURCE_EXHAUSTED says in retry_after when to come again.
using Done = std::move_only_function<void(base::Result<Outcome>)>;

// Whether that error is for lack of room on the disk (HTTP 507), which may last, rather than for a rush of data (429).
bool IsDiskFull(const base::Error& error);

// Since the start, for Clew's own telemetry (clew_ingest_…). Points are counted before they become samples.
struct Counters {
  struct Signal {
    uint64_t requests = 0;
    uint64_t rows = 0;           // taken, after limits
    uint64_t rejected_rows = 0;  // by limits
    std::array<uint64_t, kRejectReasons> rejected_by_reason{};
    uint64_t refused_requests = 0;   // of these:
    uint64_t refused_by_tenant = 0;  // the tenant's limits
    uint64_t refused_disk_full = 0;
    uint64_t refused_overload = 0;     // more waits for its table than may
    uint64_t refused_unavailable = 0;  // closing, replaying, or the log has failed
    uint64_t repeated_requests = 0;    // the same body within five minutes
    uint64_t attributes_dropped = 0;
    uint64_t values_cut = 0;
    uint64_t times_replaced = 0;
  };
  Signal spans;
  Signal logs;
  Signal metrics;
};

// The one door to the store: limits, redaction, derived data, write-ahead log. Every batch of every protocol comes
// through Write, so nothing is logged or stored unredacted.
//
// `body_hash` is the hash of the request's body as it came (base::HashBytes128): a repeated body within five minutes is
// acknowledged and not stored again; tenant and signal are mixed in here. Zero: never taken for a repetition.
// Threads: any may call Write. The caller's thread does the work up to the log; `done` usually runs on the log's.
class Ingest {
 public:
  // `write_path` outlives this object.
  explicit Ingest(store::WritePath& write_path, Options options = {});
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;
  ~Ingest();

  void Write(const model::RequestContext& context, model::SpanBatch batch, base::Hash128 body_hash, Done done);
  void Write(const model::RequestContext& context, model::LogBatch batch, base::Hash128 body_hash, Done done);
  // OTLP metrics: kept as series (model::ToSeries).
  void Write(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 body_hash, Done done);
  // Series as they are: remote write, scrapes.
  void Write(const model::RequestContext& context, model::SeriesBatch batch, base::Hash128 body_hash, Done done);

  // Refuses what comes from now on with UNAVAILABLE and returns once every batch taken before is answered. Repeatable.
  void Close();

  Counters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clew::ingest
