// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/ingest.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <type_traits>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/base/thread_annotations.h"
#include "clew/store/write_path.h"

namespace clew::ingest {

bool IsDiskFull(const base::Error& error) {
  return error.code == base::Code::kResourceExhausted && error.message == store::wal::kNoRoomMessage;
}

namespace {

// Its numbers are part of the hashes that the log keeps.
using SignalKind = TenantGuard::Signal;

// The hash under which a body is remembered: the same bytes of another tenant or signal are another request.
base::Hash128 RequestHash(const model::TenantId& tenant, SignalKind signal, const base::Hash128& body_hash) {
  if (body_hash == base::Hash128()) return {};
  std::string bytes = tenant.name();
  bytes += '\0';
  bytes += static_cast<char>(signal);
  bytes += base::BytesOf(body_hash);
  return base::HashBytes128(bytes);
}

store::wal::Rows RowsOf(model::SpanBatch batch) {
  return {.spans = std::make_shared<model::SpanBatch>(std::move(batch)), .logs = nullptr, .series = nullptr};
}
store::wal::Rows RowsOf(model::LogBatch batch) {
  return {.spans = nullptr, .logs = std::make_shared<model::LogBatch>(std::move(batch)), .series = nullptr};
}
store::wal::Rows RowsOf(model::SeriesBatch batch) {
  return {.spans = nullptr, .logs = nullptr, .series = std::make_shared<model::SeriesBatch>(std::move(batch))};
}

struct AtomicCounters {
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> rows = 0;
  std::atomic<uint64_t> rejected_rows = 0;
  std::array<std::atomic<uint64_t>, kRejectReasons> rejected_by_reason{};
  std::atomic<uint64_t> refused_requests = 0;
  std::atomic<uint64_t> refused_by_tenant = 0;
  std::atomic<uint64_t> refused_disk_full = 0;
  std::atomic<uint64_t> refused_overload = 0;
  std::atomic<uint64_t> refused_unavailable = 0;
  std::atomic<uint64_t> repeated_requests = 0;
  std::atomic<uint64_t> attributes_dropped = 0;
  std::atomic<uint64_t> values_cut = 0;
  std::atomic<uint64_t> times_replaced = 0;

  void Count(const LimitReport& report) {
    rejected_rows += report.rejected_rows;
    for (size_t i = 0; i < kRejectReasons; ++i) rejected_by_reason[i] += report.rejected_by_reason[i];
    attributes_dropped += report.attributes_dropped;
    values_cut += report.values_cut;
    times_replaced += report.times_replaced;
  }
  void CountRefusal(const base::Error& error) {
    ++refused_requests;
    if (error.code != base::Code::kResourceExhausted) {
      ++refused_unavailable;
    } else {
      ++(IsDiskFull(error) ? refused_disk_full : refused_overload);
    }
  }
  Counters::Signal Read() const {
    Counters::Signal read;
    read.requests = requests;
    read.rows = rows;
    read.rejected_rows = rejected_rows;
    for (size_t i = 0; i < kRejectReasons; ++i) read.rejected_by_reason[i] = rejected_by_reason[i];
    read.refused_requests = refused_requests;
    read.refused_by_tenant = refused_by_tenant;
    read.refused_disk_full = refused_disk_full;
    read.refused_overload = refused_overload;
    read.refused_unavailable = refused_unavailable;
    read.repeated_requests = repeated_requests;
    read.attributes_dropped = attributes_dropped;
    read.values_cut = values_cut;
    read.times_replaced = times_replaced;
    return read;
  }
};

// One request on its way.
struct Request {
  model::TenantId tenant;
  base::Hash128 hash;
  SignalKind signal = SignalKind::kSpans;
  // Rows of the batch as it came, after limits; of metrics the points.
  uint64_t rows = 0;
  Outcome outcome;
  Done done;
};

}  // namespace

struct Ingest::State {
  State(store::WritePath& path, Options given)
      : write_path(path),
        options(std::move(given)),
        tenants(options.tenant),
        shared_redactor(options.redactor ? options.redactor : std::make_shared<const privacy::Redactor>()),
        redactor(*shared_redactor) {}

  AtomicCounters& CountersOf(SignalKind signal) { return counters[static_cast<size_t>(signal)]; }

  // False: closed, or more than the tenant may send, and `done` was told.
  bool Begin(const model::TenantId& tenant, SignalKind signal, Done& done);
  void End(Request& request, base::Result<Outcome> result);
  // The one way to the log: whatever comes in by whatever protocol is redacted here.
  template <typename Batch>
  void Keep(Request request, Batch batch);
  template <typename Batch>
  void Write(const model::RequestContext& context, SignalKind signal, Batch batch, base::Hash128 body_hash, Done done);
  void WriteMetrics(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 body_hash, Done done);

  store::WritePath& write_path;
  const Options options;
  TenantGuard tenants;
  const std::shared_ptr<const privacy::Redactor> shared_redactor;
  const privacy::Redactor& redactor;
  AtomicCounters counters[3];

  base::Mutex mutex;
  base::CondVar idle;
  bool closing GUARDED_BY(mutex) = false;
  uint64_t running GUARDED_BY(mutex) = 0;
};

bool Ingest::State::Begin(const model::TenantId& tenant, SignalKind signal, Done& done) {
  AtomicCounters& own = CountersOf(signal);
  ++own.requests;
  if (base::Status within = tenants.Check(tenant, signal); !within) {
    ++own.refused_requests;
    ++own.refused_by_tenant;
    done(std::unexpected(std::move(within).error()));
    return false;
  }
  {
    const base::MutexLock lock(mutex);
    if (!closing) {
      ++running;
      return true;
    }
  }
  const base::Error error{base::Code::kUnavailable, "the server is stopping", std::chrono::seconds(1)};
  own.CountRefusal(error);
  done(std::unexpected(error));
  return false;
}

void Ingest::State::End(Request& request, base::Result<Outcome> result) {
  if (!result) CountersOf(request.signal).CountRefusal(result.error());
  request.done(std::move(result));
  const base::MutexLock lock(mutex);
  if (--running == 0) idle.notify_all();
}

template <typename Batch>
void Ingest::State::Keep(Request request, Batch batch) {
  if (request.rows == 0) {
    // Nothing to keep, so nothing to wait for.
    Outcome outcome = std::move(request.outcome);
    End(request, std::move(outcome));
    return;
  }
  redactor.Redact(batch);
  store::WriteEntry entry;
  entry.tenant = request.tenant;
  entry.body_hash = request.hash;
  entry.rejected = request.outcome.rejected;
  entry.rows = RowsOf(std::move(batch));
  tenants.Count(request.tenant, request.signal, request.rows, store::wal::ByteSize(entry.rows));
  write_path.Write(std::move(entry),
                   [this, request = std::move(request)](base::Result<store::Written> written) mutable {
                     if (!written) {
                       End(request, std::unexpected(std::move(written).error()));
                       return;
                     }
                     AtomicCounters& own = CountersOf(request.signal);
                     if (written->is_repetition) {
                       ++own.repeated_requests;
                     } else {
                       own.rows += request.rows;
                     }
                     Outcome outcome = std::move(request.outcome);
                     End(request, std::move(outcome));
                   });
}

template <typename Batch>
void Ingest::State::Write(const model::RequestContext& context, SignalKind signal, Batch batch, base::Hash128 body_hash,
                          Done done) {
  if (!Begin(context.tenant, signal, done)) return;
  LimitReport report = ApplyLimits(options.limits, options.clock->Now(), batch);
  if constexpr (std::is_same_v<Batch, model::SeriesBatch>) {
    report.Add(tenants.LimitSeries(context.tenant, options.clock->Now(), batch));
  }
  CountersOf(signal).Count(report);
  Request request{.tenant = context.tenant,
                  .hash = RequestHash(context.tenant, signal, body_hash),
                  .signal = signal,
                  .rows = store::wal::RowCount(batch),
                  .outcome = {report.rejected_rows, std::move(report.reason)},
                  .done = std::move(done)};
  Keep(std::move(request), std::move(batch));
}

void Ingest::State::WriteMetrics(const model::RequestContext& context, model::MetricBatch batch,
                                 base::Hash128 body_hash, Done done) {
  if (!Begin(context.tenant, SignalKind::kMetrics, done)) return;
  LimitReport report = ApplyLimits(options.limits, options.clock->Now(), batch);
  const uint64_t points = batch.point_count();
  // By the keys that OTLP has; Keep does it once more by those of the series.
  redactor.Redact(batch);
  model::ToSeriesResult made = model::ToSeries(batch, options.series);
  LimitReport of_series;
  if (made.rejected_points > 0) of_series.Reject({RejectReason::kConversion, made.reason}, made.rejected_points);
  of_series.Add(ApplyLimits(options.limits, options.clock->Now(), made.series));
  of_series.Add(tenants.LimitSeries(context.tenant, options.clock->Now(), made.series));
  // The sender counts points; one may be many samples.
  of_series.rejected_rows = std::min(points, of_series.rejected_rows);
  report.Add(of_series);
  CountersOf(SignalKind::kMetrics).Count(report);
  Request request{.tenant = context.tenant,
                  .hash = RequestHash(context.tenant, SignalKind::kMetrics, body_hash),
                  .signal = SignalKind::kMetrics,
                  .rows = store::wal::RowCount(made.series) == 0 ? 0 : points - std::min(points, made.rejected_points),
                  .outcome = {report.rejected_rows, std::move(report.reason)},
                  .done = std::move(done)};
  Keep(std::move(request), std::move(made.series));
}

Ingest::Ingest(store::WritePath& write_path, Options options)
    : state_(std::make_unique<State>(write_path, std::move(options))) {}

Ingest::~Ingest() { Close(); }

void Ingest::Write(const model::RequestContext& context, model::SpanBatch batch, base::Hash128 body_hash, Done done) {
  state_->Write(context, SignalKind::kSpans, std::move(batch), body_hash, std::move(done));
}

void Ingest::Write(const model::RequestContext& context, model::LogBatch batch, base::Hash128 body_hash, Done done) {
  state_->Write(context, SignalKind::kLogs, std::move(batch), body_hash, std::move(done));
}

void Ingest::Write(const model::RequestContext& context, model::SeriesBatch batch, base::Hash128 body_hash, Done done) {
  state_->Write(context, SignalKind::kMetrics, std::move(batch), body_hash, std::move(done));
}

void Ingest::Write(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 body_hash, Done done) {
  state_->WriteMetrics(context, std::move(batch), body_hash, std::move(done));
}

void Ingest::Close() {
  const base::MutexLock lock(state_->mutex);
  state_->closing = true;
  while (state_->running > 0) state_->idle.wait(state_->mutex);
}

Counters Ingest::counters() const {
  return {state_->counters[0].Read(), state_->counters[1].Read(), state_->counters[2].Read()};
}

}  // namespace clew::ingest
