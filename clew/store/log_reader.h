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
#include "clew/model/labels.h"
#include "clew/model/log_batch.h"
#include "clew/model/request_context.h"
#include "clew/store/span_reader.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// A condition on the line (the body's text, model::ValueToText). Regular expressions are RE2 and match anywhere, as in
// LogQL.
struct LineFilter {
  enum class Kind : uint8_t { kContains, kNotContains, kMatches, kNotMatches };
  Kind kind = Kind::kContains;
  std::string text;
};

// Which log records; empty fields restrict nothing.
struct LogQuery {
  TimeRange range;  // LogBatch::effective_time
  bool newest_first = true;
  uint64_t limit = 100;                      // 0: none
  std::vector<model::LabelMatcher> streams;  // on the stream's labels, see model::StreamLabels
  std::vector<LineFilter> lines;             // all of them
  std::vector<AttributeMatch> attributes;    // of the record or its resource
  std::vector<model::TraceId> trace_ids;     // any of them
  std::optional<model::SpanId> span_id;
  uint8_t min_severity = 0;  // severity number
};

// How many records of one severity came in one step of time. Steps are multiples of their length since 1970.
struct LogCount {
  base::UnixNanos start = 0;
  uint8_t severity = 0;  // severity number
  uint64_t count = 0;
};

using OnLogs = std::function<base::Status(const model::LogBatch&)>;

// Reads log records; the same rules as SpanReader.
class LogReader {
 public:
  LogReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Calls `on_logs` with batches of at most a few thousand records in the order asked for, within and between batches.
  base::Status Scan(const LogQuery& query, const OnLogs& on_logs);
  // The records for which all conditions of `query` hold, counted by time; its order and limit say nothing here. `step`
  // is at least 1.
  base::Result<std::vector<LogCount>> Count(const LogQuery& query, std::chrono::nanoseconds step);
  // Names of stream labels of records in the range, sorted.
  base::Result<std::vector<std::string>> Labels(TimeRange range);
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, TimeRange range);
  // The label sets of all streams with a record in the range that match all of `matchers`, sorted.
  base::Result<std::vector<model::Labels>> Streams(std::span<const model::LabelMatcher> matchers, TimeRange range);

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
