// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "clew/base/json_writer.h"
#include "clew/model/span_batch.h"

namespace clew::api::jaeger {

// Writes the traces `ids`, whose spans are in `batch`, as the elements of Jaeger's "data" array and gives how many
// there are: one object a trace in the order of `ids`, none for one without spans, with the processes of each. Tags as
// Jaeger renders OTLP (span.kind, otel.status_code, error, otel.scope.name, …; jaeger-idl's model and its OTLP
// translator). Times in microseconds.
size_t WriteTraces(const model::SpanBatch& batch, std::span<const model::TraceId> ids, base::JsonWriter& json);

}  // namespace clew::api::jaeger
