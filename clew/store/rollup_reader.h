// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/engine/native_block.h"
#include "clew/model/ids.h"
#include "clew/model/request_context.h"
#include "clew/model/span_batch.h"
#include "clew/store/span_reader.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// How many calls took how long: b stands for at most 2^(b/4) nanoseconds and more than 2^((b-1)/4), so a quantile is
// right within a fifth. -1: no time at all.
class DurationCounts {
 public:
  void Add(int16_t bucket, uint64_t calls) { counts_[bucket] += calls; }
  void Add(const DurationCounts& others) {
    for (const auto& [bucket, calls] : others.counts_) Add(bucket, calls);
  }
  // Nanoseconds below which the part `q` (0 to 1) of the calls lies; 0 where there are none.
  double Quantile(double q) const;
  const std::map<int16_t, uint64_t>& counts() const { return counts_; }

 private:
  std::map<int16_t, uint64_t> counts_;
};

// The counts in a row of a column of type Map(Int16, UInt64).
DurationCounts ReadDurationCounts(const engine::Column& column, size_t row);

// The spans of one operation that began in one minute.
struct SpanRollup {
  base::UnixNanos minute = 0;
  std::string service;
  std::string operation;  // kOtherOperations: of the service's operations beyond the bound
  model::SpanKind kind = model::SpanKind::kUnspecified;
  model::StatusCode status = model::StatusCode::kUnset;
  uint64_t calls = 0;
  double duration_sum = 0;  // nanoseconds
  // Without what direct children took, none below zero: children that run at the same time count each.
  double own_sum = 0;
  DurationCounts durations;
  // The slowest of them.
  model::TraceId exemplar_trace_id;
  model::SpanId exemplar_span_id;
  base::UnixNanos exemplar_time = 0;
  int64_t exemplar_duration = 0;
};

// The calls of one operation by another, or of something that sends no spans (ServiceEdge), in one minute.
struct CallRollup {
  base::UnixNanos minute = 0;
  std::string client;
  std::string client_operation;
  std::string server;
  std::string server_operation;  // empty: nobody answered with a span
  NodeKind server_kind = NodeKind::kService;
  uint64_t calls = 0;
  uint64_t errors = 0;
  double duration_sum = 0;  // nanoseconds, as the client saw them
  // Calls of which both ends are known, and the nanoseconds by which the client's were longer.
  uint64_t hops = 0;
  double hop_sum = 0;
  DurationCounts durations;
};

// Reads what Rollup (rollup.h) made of spans; minutes that are not over for some time are not in it. The same rules as
// SpanReader, but that nothing pending is asked for.
class RollupReader {
 public:
  RollupReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Whole minutes whose beginning is in the range, by minute, service, operation, kind, status. Empty: all services.
  base::Result<std::vector<SpanRollup>> Spans(TimeRange range, std::string_view service = {});
  base::Result<std::vector<CallRollup>> Calls(TimeRange range);
  // What arrived before it is in the rollups.
  base::UnixNanos UpTo() const;

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
