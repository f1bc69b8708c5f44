// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/telemetry_json.h"

#include <string>
#include <string_view>

#include "clew/base/time.h"
#include "clew/model/log_labels.h"

namespace clew::api::clew_api {
namespace {

std::string_view ServiceOf(const model::BatchBase& batch, uint32_t resource) {
  const std::string_view service = batch.ResourceText(resource, "service.name");
  return service.empty() ? model::kUnknownService : service;
}

std::string TimeText(uint64_t time) { return base::FormatTime(static_cast<base::UnixNanos>(time)); }

std::string_view StatusName(model::StatusCode code) {
  switch (code) {
    case model::StatusCode::kOk: return "ok";
    case model::StatusCode::kError: return "error";
    case model::StatusCode::kUnset: break;
  }
  return "unset";
}

bool StandsLater(const model::BatchBase& batch, model::Range range, uint32_t index) {
  const std::string_view key = batch.Text(batch.attributes.key_values[range.first + index].key);
  for (uint32_t later = index + 1; later < range.count; ++later) {
    if (batch.Text(batch.attributes.key_values[range.first + later].key) == key) return true;
  }
  return false;
}

}  // namespace

void WriteAttributes(const model::BatchBase& batch, model::Range range, base::JsonWriter& json) {
  json.BeginObject();
  for (uint32_t i = 0; i < range.count; ++i) {
    if (StandsLater(batch, range, i)) continue;
    const model::KeyValue& row = batch.attributes.key_values[range.first + i];
    json.Key(batch.Text(row.key));
    model::WriteValueJson(batch.attributes, batch.strings, row.value, json);
  }
  json.EndObject();
}

void WriteStats(const store::ServiceStats& stats, store::TimeRange range, base::JsonWriter& json) {
  const auto count = static_cast<double>(stats.count);
  json.Field("requests", stats.count).Field("errors", stats.errors);
  json.Field("error_ratio", stats.count == 0 ? 0.0 : static_cast<double>(stats.errors) / count);
  json.Field("requests_per_second", count / (static_cast<double>(range.to - range.from) / 1e9));
  json.Field("p50_ms", stats.p50 / 1e6).Field("p95_ms", stats.p95 / 1e6).Field("p99_ms", stats.p99 / 1e6);
}

void WriteSpan(const model::SpanBatch& batch, size_t row, base::JsonWriter& json) {
  json.BeginObject();
  json.Field("span_id", batch.span_id[row].ToHex());
  if (!batch.parent_span_id[row].IsZero()) json.Field("parent_span_id", batch.parent_span_id[row].ToHex());
  json.Field("service", ServiceOf(batch, batch.resource[row]));
  json.Field("name", batch.Text(batch.name[row]));
  json.Field("kind", model::SpanKindName(batch.kind[row]));
  json.Field("start", TimeText(batch.start_time[row]));
  json.Field("duration_ms", static_cast<double>(batch.duration(row)) / 1e6);
  json.Field("status", StatusName(batch.status_code[row]));
  if (batch.status_message[row] != 0) json.Field("status_message", batch.Text(batch.status_message[row]));
  const model::Scope& scope = batch.scopes[batch.scope[row]];
  if (scope.name != 0) json.Field("scope", batch.Text(scope.name));
  json.Key("attributes");
  WriteAttributes(batch, batch.attribute_range[row], json);
  json.Key("resource");
  WriteAttributes(batch, batch.resources[batch.resource[row]].attributes, json);
  json.Key("events").BeginArray();
  const model::Range events = batch.event_range[row];
  for (uint32_t i = 0; i < events.count; ++i) {
    const model::SpanEvent& event = batch.events[events.first + i];
    json.BeginObject().Field("time", TimeText(event.time)).Field("name", batch.Text(event.name)).Key("attributes");
    WriteAttributes(batch, event.attributes, json);
    json.EndObject();
  }
  json.EndArray().Key("links").BeginArray();
  const model::Range links = batch.link_range[row];
  for (uint32_t i = 0; i < links.count; ++i) {
    const model::SpanLink& link = batch.links[links.first + i];
    json.BeginObject()
        .Field("trace_id", link.trace_id.ToHex())
        .Field("span_id", link.span_id.ToHex())
        .Key("attributes");
    WriteAttributes(batch, link.attributes, json);
    json.EndObject();
  }
  json.EndArray().EndObject();
}

void WriteLogRecord(const model::LogBatch& batch, size_t row, base::JsonWriter& json) {
  json.BeginObject();
  json.Field("time", TimeText(batch.effective_time(row)));
  json.Field("service", ServiceOf(batch, batch.resource[row]));
  json.Field("level", model::DetectedLevel(batch, row));
  if (batch.severity_text[row] != 0) json.Field("severity", batch.Text(batch.severity_text[row]));
  json.Key("body");
  model::WriteValueJson(batch.attributes, batch.strings, batch.body[row], json);
  if (!batch.trace_id[row].IsZero()) json.Field("trace_id", batch.trace_id[row].ToHex());
  if (!batch.span_id[row].IsZero()) json.Field("span_id", batch.span_id[row].ToHex());
  if (batch.event_name[row] != 0) json.Field("event_name", batch.Text(batch.event_name[row]));
  const model::Scope& scope = batch.scopes[batch.scope[row]];
  if (scope.name != 0) json.Field("scope", batch.Text(scope.name));
  json.Key("attributes");
  WriteAttributes(batch, batch.attribute_range[row], json);
  json.Key("resource");
  WriteAttributes(batch, batch.resources[batch.resource[row]].attributes, json);
  json.EndObject();
}

}  // namespace clew::api::clew_api
