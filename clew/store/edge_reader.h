// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/store/span_reader.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// Who calls whom over any time: what Rollup (rollup.h) has counted of whole minutes, and the spans themselves where
// they are not counted yet and where the range begins or ends within a minute. Calls, errors and sums of durations are
// what SpanReader::Edges gives; quantiles are right within a fifth, in ranges of a quarter of an hour and less exactly.
// The same rules as SpanReader.
class EdgeReader {
 public:
  EdgeReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Sorted by client, server and kind.
  base::Result<std::vector<ServiceEdge>> Edges(TimeRange range);
  // Names of services that started a span in the range, sorted.
  base::Result<std::vector<std::string>> Services(TimeRange range);

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
