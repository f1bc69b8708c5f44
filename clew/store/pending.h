// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/ids.h"
#include "clew/model/labels.h"
#include "clew/model/request_context.h"
#include "clew/store/time_range.h"

namespace clew::store {

enum class Signal : uint8_t { kSpans, kLogs, kMetrics };

// What a reader is about to ask; an empty field restricts nothing. Views live as long as the call. A span or log
// matches where all that is said here holds for it, so what matches nothing pending needs no flush.
struct Question {
  Signal signal = Signal::kSpans;
  TimeRange range;
  std::span<const model::TraceId> trace_ids;      // any of them
  std::string_view service;                       // service.name
  std::span<const model::LabelMatcher> matchers;  // metrics: of the series' labels
};

// The write path, as readers see it: rows that were acknowledged and are not in the tables yet.
class PendingFlusher {
 public:
  virtual ~PendingFlusher() = default;
  // Returns once every row of the context's tenant that was acknowledged before the call and may match `question` is in
  // its table. Within the context's deadline; from any thread.
  virtual base::Status FlushFor(const Question& question, const model::RequestContext& context) = 0;
};

}  // namespace clew::store
