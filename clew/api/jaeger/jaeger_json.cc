// SPDX-License-Identifier: Apache-2.0
#include "clew/api/jaeger/jaeger_json.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/base/bytes.h"

namespace clew::api::jaeger {
namespace {

using model::SpanBatch;

void WriteTag(base::JsonWriter& json, std::string_view key, std::string_view value) {
  json.BeginObject().Field("key", key).Field("type", "string").Field("value", value).EndObject();
}

void WriteTag(base::JsonWriter& json, const SpanBatch& batch, const model::KeyValue& row) {
  const model::Value& value = row.value;
  json.BeginObject().Field("key", batch.Text(row.key));
  switch (value.kind) {
    case model::ValueKind::kBool: json.Field("type", "bool").Field("value", value.bool_value()); break;
    case model::ValueKind::kInt: json.Field("type", "int64").Field("value", value.int_value()); break;
    case model::ValueKind::kDouble: json.Field("type", "float64").Field("value", value.double_value()); break;
    case model::ValueKind::kBytes:
      json.Field("type", "binary").Field("value", base::ToBase64(batch.Text(value.string_id())));
      break;
    default: json.Field("type", "string").Field("value", model::ValueToText(batch.attributes, batch.strings, value));
  }
  json.EndObject();
}

void WriteAttributes(base::JsonWriter& json, const SpanBatch& batch, model::Range range, std::string_view skip = {}) {
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& row = batch.attributes.key_values[range.first + i];
    if (skip.empty() || batch.Text(row.key) != skip) WriteTag(json, batch, row);
  }
}

void WriteReference(base::JsonWriter& json, std::string_view type, const model::TraceId& trace,
                    const model::SpanId& span) {
  json.BeginObject().Field("refType", type).Field("traceID", trace.ToHex()).Field("spanID", span.ToHex()).EndObject();
}

void WriteReferences(base::JsonWriter& json, const SpanBatch& batch, size_t row) {
  json.Key("references").BeginArray();
  if (!batch.parent_span_id[row].IsZero()) {
    WriteReference(json, "CHILD_OF", batch.trace_id[row], batch.parent_span_id[row]);
  }
  const model::Range links = batch.link_range[row];
  for (uint32_t i = 0; i < links.count; ++i) {
    const model::SpanLink& link = batch.links[links.first + i];
    WriteReference(json, "FOLLOWS_FROM", link.trace_id, link.span_id);
  }
  json.EndArray();
}

void WriteSpanTags(base::JsonWriter& json, const SpanBatch& batch, size_t row) {
  json.Key("tags").BeginArray();
  WriteAttributes(json, batch, batch.attribute_range[row]);
  const model::Scope& scope = batch.scopes[batch.scope[row]];
  if (scope.name != 0) WriteTag(json, "otel.scope.name", batch.Text(scope.name));
  if (scope.version != 0) WriteTag(json, "otel.scope.version", batch.Text(scope.version));
  WriteAttributes(json, batch, scope.attributes);
  if (const std::string_view kind = model::SpanKindName(batch.kind[row]); !kind.empty())
    WriteTag(json, "span.kind", kind);
  if (batch.status_code[row] == model::StatusCode::kError) {
    json.BeginObject().Field("key", "error").Field("type", "bool").Field("value", true).EndObject();
    WriteTag(json, "otel.status_code", "ERROR");
  } else if (batch.status_code[row] == model::StatusCode::kOk) {
    WriteTag(json, "otel.status_code", "OK");
  }
  if (batch.status_message[row] != 0) WriteTag(json, "otel.status_description", batch.Text(batch.status_message[row]));
  if (batch.trace_state[row] != 0) WriteTag(json, "w3c.tracestate", batch.Text(batch.trace_state[row]));
  json.EndArray();
}

void WriteEvents(base::JsonWriter& json, const SpanBatch& batch, size_t row) {
  json.Key("logs").BeginArray();
  const model::Range events = batch.event_range[row];
  for (uint32_t i = 0; i < events.count; ++i) {
    const model::SpanEvent& event = batch.events[events.first + i];
    json.BeginObject().Field("timestamp", event.time / 1000).Key("fields").BeginArray();
    if (event.name != 0) WriteTag(json, "event", batch.Text(event.name));
    // An attribute that is itself called event would hide the name.
    WriteAttributes(json, batch, event.attributes, event.name != 0 ? "event" : "");
    json.EndArray().EndObject();
  }
  json.EndArray();
}

void WriteSpan(base::JsonWriter& json, const SpanBatch& batch, size_t row, std::string_view process) {
  const int64_t duration = batch.duration(row);
  json.BeginObject();
  json.Field("traceID", batch.trace_id[row].ToHex()).Field("spanID", batch.span_id[row].ToHex());
  json.Field("flags", batch.flags[row] & 0xFF);
  json.Field("operationName", batch.Text(batch.name[row]));
  WriteReferences(json, batch, row);
  json.Field("startTime", batch.start_time[row] / 1000);
  json.Field("duration", duration > 0 ? static_cast<uint64_t>(duration) / 1000 : uint64_t{0});
  WriteSpanTags(json, batch, row);
  WriteEvents(json, batch, row);
  json.Field("processID", process);
  json.Key("warnings");
  if (duration < 0) {
    json.BeginArray().String("the span ends before it starts: the clocks differ").EndArray();
  } else {
    json.Null();
  }
  json.EndObject();
}

void WriteProcess(base::JsonWriter& json, const SpanBatch& batch, uint32_t resource) {
  std::string_view service = batch.ResourceText(resource, "service.name");
  if (service.empty()) service = model::kUnknownService;
  json.BeginObject().Field("serviceName", service).Key("tags").BeginArray();
  WriteAttributes(json, batch, batch.resources[resource].attributes, "service.name");
  json.EndArray().EndObject();
}

void WriteTrace(base::JsonWriter& json, const SpanBatch& batch, const std::vector<size_t>& rows) {
  json.BeginObject().Field("traceID", batch.trace_id[rows[0]].ToHex());
  std::map<uint32_t, std::string> processes;
  for (const size_t row : rows) {
    processes.try_emplace(batch.resource[row], fmt::format("p{}", processes.size() + 1));
  }
  json.Key("spans").BeginArray();
  for (const size_t row : rows) WriteSpan(json, batch, row, processes[batch.resource[row]]);
  json.EndArray().Key("processes").BeginObject();
  for (const auto& [resource, name] : processes) {
    json.Key(name);
    WriteProcess(json, batch, resource);
  }
  json.EndObject().Key("warnings").Null().EndObject();
}

}  // namespace

size_t WriteTraces(const SpanBatch& batch, std::span<const model::TraceId> ids, base::JsonWriter& json) {
  std::unordered_map<model::TraceId, std::vector<size_t>, model::TraceIdHash> rows;
  for (size_t row = 0; row < batch.size(); ++row) rows[batch.trace_id[row]].push_back(row);
  size_t count = 0;
  for (const model::TraceId& id : ids) {
    const auto found = rows.find(id);
    if (found == rows.end()) continue;
    WriteTrace(json, batch, found->second);
    ++count;
  }
  return count;
}

}  // namespace clew::api::jaeger
