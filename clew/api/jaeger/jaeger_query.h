// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/net/url.h"
#include "clew/store/span_reader.h"

namespace clew::api::jaeger {

// What GET /traces asks: traces by id, or a search.
struct TraceRequest {
  std::vector<model::TraceId> trace_ids;
  store::TraceQuery query;
};

// Reads Jaeger's parameters: service, operation, start and end (Unix microseconds), lookback ("1h", where start is
// missing), minDuration, maxDuration, limit, tags (a JSON object), tag ("key:value"), traceID. Wrong ones are
// INVALID_ARGUMENT and named.
base::Result<TraceRequest> ReadTraceRequest(const net::Parameters& parameters, base::UnixNanos now);

// An id of 1 to 32 hexadecimal digits; shorter ones are padded with zeros in front, as Jaeger does.
base::Result<model::TraceId> ReadTraceId(std::string_view text);

// endTs and lookback in milliseconds, as GET /dependencies has them.
base::Result<store::TimeRange> ReadDependencyRange(const net::Parameters& parameters, base::UnixNanos now);

}  // namespace clew::api::jaeger
