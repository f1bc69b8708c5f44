// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/model/ids.h"
#include "clew/model/request_context.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// What log lines of one service have in common, and how many came.
struct LogTemplate {
  std::string service;
  // Hash of the text. Its earlier ids, of the same template when it was less general, are counted with it.
  uint64_t id = 0;
  std::string text;  // variable places as <*>
  uint64_t records = 0;
  uint8_t severity_number = 0;  // the highest
  base::UnixNanos first_time = 0;
  base::UnixNanos last_time = 0;
  std::string example;  // a line, cut after 1024 bytes
  model::TraceId example_trace_id;
  std::map<base::UnixNanos, uint64_t> steps;  // records by the beginning of their step
};

struct LogTemplates {
  TimeRange range;                     // what was counted: whole minutes
  std::vector<LogTemplate> templates;  // by falling number of records
  // False: more records than may be counted at once came too lately to be counted before; some are left out.
  bool is_complete = true;
};

// Reads what Rollup (rollup.h) counted, and counts itself what came since. The same rules as SpanReader.
class LogTemplateReader {
 public:
  LogTemplateReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Of all minutes that the range touches. Steps are multiples of `step_minutes` (at least 1) since 1970; an empty
  // `service` is all of them.
  base::Result<LogTemplates> Find(TimeRange range, std::string_view service, uint32_t step_minutes);

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
