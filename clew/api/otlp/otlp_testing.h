// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/otlp/batch_sink.h"
#include "clew/base/thread_annotations.h"
#include "clew/wire/otlp.h"

namespace clew::api::otlp {

// For tests: takes every batch, remembers it, answers as it was told.
class FakeSink final : public BatchSink {
 public:
  struct Seen {
    std::string tenant;
    wire::Signal signal;
    base::Hash128 hash;
    std::string first_name;  // of a span, a log body or a metric
    size_t rows = 0;
  };

  void Write(const model::RequestContext& context, model::SpanBatch batch, base::Hash128 hash,
             ingest::Done done) override {
    Add({context.tenant.name(), wire::Signal::kTraces, hash, std::string(batch.Text(batch.name[0])), batch.size()},
        std::move(done));
  }
  void Write(const model::RequestContext& context, model::LogBatch batch, base::Hash128 hash,
             ingest::Done done) override {
    Add({context.tenant.name(), wire::Signal::kLogs, hash, "", batch.size()}, std::move(done));
  }
  void Write(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 hash,
             ingest::Done done) override {
    Add({context.tenant.name(), wire::Signal::kMetrics, hash, std::string(batch.Text(batch.metrics[0].name)),
         batch.point_count()},
        std::move(done));
  }

  void AnswerWith(base::Result<ingest::Outcome> outcome) EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    outcome_ = std::move(outcome);
  }
  // From now on batches wait until Release.
  void Hold() EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    holding_ = true;
  }
  void Release() EXCLUDES(mutex_) {
    std::vector<ingest::Done> held;
    {
      const base::MutexLock lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (ingest::Done& done : held) done(ingest::Outcome{});
  }
  std::vector<Seen> seen() const EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    return seen_;
  }

 private:
  void Add(Seen seen, ingest::Done done) EXCLUDES(mutex_) {
    base::Result<ingest::Outcome> outcome;
    {
      const base::MutexLock lock(mutex_);
      seen_.push_back(std::move(seen));
      if (holding_) return held_.push_back(std::move(done));
      outcome = outcome_;
    }
    done(std::move(outcome));
  }

  mutable base::Mutex mutex_;
  base::Result<ingest::Outcome> outcome_ GUARDED_BY(mutex_);
  bool holding_ GUARDED_BY(mutex_) = false;
  std::vector<ingest::Done> held_ GUARDED_BY(mutex_);
  std::vector<Seen> seen_ GUARDED_BY(mutex_);
};

// Requests of one record each, as OTLP/JSON.
inline constexpr const char* kTracesJson =
    R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
    R"("scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708",)"
    R"("name":"GET /","startTimeUnixNano":"1764013200000000000","endTimeUnixNano":"1764013201000000000"}]}]}]})";
inline constexpr const char* kLogsJson =
    R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1764013200000000000",)"
    R"("body":{"stringValue":"hello"}}]}]}]})";
inline constexpr const char* kMetricsJson =
    R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"requests","sum":{"isMonotonic":true,)"
    R"("aggregationTemporality":2,"dataPoints":[{"asInt":"3","timeUnixNano":"1764013200000000000"}]}}]}]}]})";
// One good span and one whose trace id is too short.
inline constexpr const char* kHalfBadTracesJson =
    R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",)"
    R"("spanId":"0102030405060708","name":"good"},{"traceId":"0102","spanId":"0102030405060708","name":"bad"}]}]}]})";

inline std::string TracesProtobuf() { return wire::EncodeTraces(wire::DecodeTracesJson(kTracesJson)->batch); }
inline std::string LogsProtobuf() { return wire::EncodeLogs(wire::DecodeLogsJson(kLogsJson)->batch); }
inline std::string MetricsProtobuf() { return wire::EncodeMetrics(wire::DecodeMetricsJson(kMetricsJson)->batch); }

}  // namespace clew::api::otlp
