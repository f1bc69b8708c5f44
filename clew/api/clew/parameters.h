// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/net/url.h"
#include "clew/store/log_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/time_range.h"

namespace clew::api::clew_api {

// Parameters that all of /api/clew shares; a wrong one is INVALID_ARGUMENT and named.

// from, to: a time as base::ParseTime reads it; missing: the `otherwise` before now, and now.
base::Result<store::TimeRange> ReadRange(const net::Parameters& parameters, base::UnixNanos now,
                                         std::chrono::nanoseconds otherwise = std::chrono::hours(1));
// limit: 1 to `most`.
base::Result<uint32_t> ReadLimit(const net::Parameters& parameters, uint32_t otherwise, uint32_t most);
// true, false, 1, 0; missing or empty is false.
base::Result<bool> ReadFlag(const net::Parameters& parameters, std::string_view name);
// service, operation, attribute=KEY=VALUE (repeated), min_duration, max_duration, errors, kind, limit, order
// (newest|slowest), from, to.
base::Result<store::TraceQuery> ReadTraceQuery(const net::Parameters& parameters, base::UnixNanos now);
// service, text (repeated: all must occur), trace_id, span_id, severity (trace|debug|info|warn|error|fatal and above),
// attribute, limit, order (newest|oldest), from, to.
base::Result<store::LogQuery> ReadLogQuery(const net::Parameters& parameters, base::UnixNanos now);

}  // namespace clew::api::clew_api
