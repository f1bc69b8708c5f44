// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "clew/model/labels.h"
#include "clew/model/log_batch.h"

namespace clew::model {

// How log records look through Loki's eyes, as Loki's own OTLP endpoint makes them
// (https://grafana.com/docs/loki/latest/send-data/otel/, default otlp_config).

// An attribute key as a Loki label name: everything but letters, digits and _ becomes _; a leading digit gets "key_" in
// front.
std::string LokiLabelName(std::string_view key);

// Whether a resource attribute is an index label (service.name, k8s.namespace.name, …) rather than structured metadata.
bool IsStreamAttribute(std::string_view key);

// The labels of the stream that records of this resource belong to; service_name is always there.
Labels StreamLabels(const BatchBase& batch, uint32_t resource);

// Everything else that is known of record `row`, as structured metadata: remaining resource attributes, scope, the
// record's own attributes (nested ones flattened with _), trace_id, span_id, severity_text, severity_number,
// detected_level, flags, observed_timestamp.
Labels StructuredMetadata(const LogBatch& batch, size_t row);

// trace, debug, info, warn, error, critical or unknown, from severity number, then text.
std::string_view DetectedLevel(const LogBatch& batch, size_t row);

// The text of the line: the body as it is, or as JSON where it is no text.
std::string LogLine(const LogBatch& batch, size_t row);

}  // namespace clew::model
