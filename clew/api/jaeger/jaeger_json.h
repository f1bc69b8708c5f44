// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/json_writer.h"
#include "clew/model/span_batch.h"

namespace clew::api::jaeger {

// Writes the spans of `batch`, which may be of several traces, as the elements of Jaeger's "data" array: one object a
// trace in the order of their first spans, with the processes of each. Tags as Jaeger renders OTLP (span.kind,
// otel.status_code, error, otel.scope.name, …; jaeger-idl's model and its OTLP translator). Times in microseconds.
void WriteTraces(const model::SpanBatch& batch, base::JsonWriter& json);

}  // namespace clew::api::jaeger
