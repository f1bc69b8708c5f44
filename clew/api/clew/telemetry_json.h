// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/json_writer.h"
#include "clew/model/log_batch.h"
#include "clew/model/span_batch.h"
#include "clew/store/span_reader.h"

namespace clew::api::clew_api {

// One span, one log record, one set of attributes as /api/clew shows them (openapi.yaml: Span, LogRecord). Times are
// RFC 3339, durations milliseconds. Of an attribute key that stands twice the last value is shown.
void WriteSpan(const model::SpanBatch& batch, size_t row, base::JsonWriter& json);
void WriteLogRecord(const model::LogBatch& batch, size_t row, base::JsonWriter& json);
void WriteAttributes(const model::BatchBase& batch, model::Range range, base::JsonWriter& json);
// Requests, errors, rate and durations into the object that is open (openapi.yaml: Figures).
void WriteStats(const store::ServiceStats& stats, store::TimeRange range, base::JsonWriter& json);

}  // namespace clew::api::clew_api
