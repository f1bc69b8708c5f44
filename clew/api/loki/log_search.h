// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/model/request_context.h"
#include "clew/query/logql/ast.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::api::loki {

struct LogEntry {
  int64_t time = 0;  // Unix nanoseconds
  std::string line;
  model::Labels metadata;  // structured metadata
};

// One stream of a result: entries in the order asked for.
struct LogStream {
  model::Labels labels;
  std::vector<LogEntry> entries;
};

struct SearchOptions {
  store::TimeRange range;
  uint32_t limit = 100;
  bool newest_first = true;
  // Loki's encoding flag "categorize-labels": structured metadata stands with each entry. Without it every set of
  // metadata makes a stream of its own, as in Loki.
  bool categorize_labels = false;
};

// The first `limit` records of the range, in its order, that come through the whole pipeline, by stream.
base::Result<std::vector<LogStream>> SearchLogs(store::Store& store, const model::RequestContext& context,
                                                const query::logql::LogQuery& query, const SearchOptions& options);

}  // namespace clew::api::loki
