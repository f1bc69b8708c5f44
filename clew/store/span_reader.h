// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/model/span_batch.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// An attribute of the record itself or of its resource whose text (model::ValueToText) is exactly `value`.
struct AttributeMatch {
  std::string key;
  std::string value;
};

enum class TraceOrder : uint8_t { kNewest, kSlowest };

// Which traces: those with at least one span for which all of this holds. Empty fields restrict nothing.
struct TraceQuery {
  TimeRange range;  // the span's start
  std::string service;
  std::string operation;  // the span's name
  std::vector<AttributeMatch> attributes;
  std::optional<std::chrono::nanoseconds> min_duration;  // of the span, bounds included
  std::optional<std::chrono::nanoseconds> max_duration;
  bool errors_only = false;  // status code ERROR
  std::optional<model::SpanKind> kind;
  uint32_t limit = 20;
  // Newest start or longest duration of the span that matched.
  TraceOrder order = TraceOrder::kNewest;
};

struct TraceServiceSummary {
  std::string service;
  uint64_t span_count = 0;
  uint64_t error_count = 0;
};

// One trace as a list shows it, over all its stored spans.
struct TraceSummary {
  model::TraceId trace_id;
  // Of the span without a parent; of the earliest span where there is none (`has_root` false).
  std::string root_service;
  std::string root_name;
  bool has_root = false;
  uint64_t start_time = 0;  // Unix nanoseconds of the earliest span
  uint64_t duration = 0;    // nanoseconds from there to the latest end
  uint64_t span_count = 0;
  uint64_t error_count = 0;
  std::vector<TraceServiceSummary> services;  // by name
};

struct Operation {
  std::string name;
  model::SpanKind kind = model::SpanKind::kUnspecified;
  auto operator<=>(const Operation&) const = default;
};

enum class NodeKind : uint8_t { kService, kDatabase, kMessaging, kExternal };

// Calls from one service to another, or to something that sends no spans: a database ("postgresql pg:5432"), a
// messaging system ("kafka orders"), any other address ("api.example.com:443"). A call to an address that nobody
// answered counts for the service that answers other calls there, if one does.
struct ServiceEdge {
  std::string client;
  std::string server;
  NodeKind server_kind = NodeKind::kService;
  uint64_t calls = 0;
  uint64_t errors = 0;  // where the client's or the server's span has status ERROR
  // Nanoseconds as the client saw them (its span); as the server did where the client's span is of another kind.
  double duration_sum = 0;
  // Exact; of the answered calls where there are any.
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
};

// Requests that a service answered: its spans of kind server and consumer, and roots of any other kind.
struct ServiceStats {
  std::string service;
  uint64_t count = 0;
  uint64_t errors = 0;
  double duration_sum = 0;  // nanoseconds
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
};

// The same of one step of time. Steps are multiples of their length since 1970.
struct ServiceStep {
  base::UnixNanos start = 0;
  ServiceStats stats;
};

// The same of one operation: the name of the span that answered.
struct OperationStats {
  std::string operation;
  ServiceStats stats;
};

// The same of one sender: a resource of the service.
struct InstanceStats {
  std::string instance;  // service.instance.id; empty where it is not told, as the others
  std::string version;   // service.version
  std::string host;      // host.name
  ServiceStats stats;
  uint64_t last_start = 0;  // Unix nanoseconds of the newest request
};

// Which spans a scan gives; empty fields restrict nothing.
struct SpanFilter {
  TimeRange range;  // start
  std::string service;
  std::string operation;
  std::vector<model::TraceId> trace_ids;
  bool errors_only = false;
  // false: attributes, events, links and trace states are left out, which is several times as fast. Resource and scope
  // always come whole.
  bool with_attributes = true;
  uint64_t limit = 0;  // 0: none
};

using OnSpans = std::function<base::Status(const model::SpanBatch&)>;

// Reads spans of the context's tenant and of no other. Every call first makes the write path store what was
// acknowledged and may match, then reads within the context's deadline, cancellation and memory budget. The context and
// the store outlive the reader. Not thread-safe; make one a thread.
class SpanReader {
 public:
  SpanReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // All spans of one trace by start time; empty where there is none.
  base::Result<model::SpanBatch> Trace(const model::TraceId& trace_id) { return Traces(std::span(&trace_id, 1)); }
  // The same of several traces in one read, by start time over all of them.
  base::Result<model::SpanBatch> Traces(std::span<const model::TraceId> trace_ids);
  base::Result<std::vector<TraceSummary>> Search(const TraceQuery& query);
  // Names of services that started a span in the range, sorted.
  base::Result<std::vector<std::string>> Services(TimeRange range);
  // Span names and kinds of one service, sorted.
  base::Result<std::vector<Operation>> Operations(std::string_view service, TimeRange range);
  base::Result<std::vector<ServiceEdge>> Edges(TimeRange range);
  base::Result<std::vector<ServiceStats>> Stats(TimeRange range);
  // By service and time; steps without a request are left out. An empty `service` is all of them. `step` is at least 1.
  base::Result<std::vector<ServiceStep>> StatsOverTime(TimeRange range, std::chrono::nanoseconds step,
                                                       std::string_view service = {});
  // By falling number of requests.
  base::Result<std::vector<OperationStats>> StatsOfOperations(std::string_view service, TimeRange range);
  base::Result<std::vector<InstanceStats>> StatsOfInstances(std::string_view service, TimeRange range);
  // Calls `on_spans` with batches of at most a few thousand spans, in no promised order; an error it returns ends the
  // scan and is returned.
  base::Status Scan(const SpanFilter& filter, const OnSpans& on_spans);

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
