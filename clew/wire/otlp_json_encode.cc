// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_json_encode.h"

#include "clew/base/bytes.h"
#include "clew/wire/otlp.h"
#include "clew/wire/row_groups.h"

namespace clew::wire {
namespace json {

void WriteValue(JsonWriter& json, const model::BatchBase& batch, const model::Value& value, int depth) {
  json.BeginObject();
  switch (value.kind) {
    case model::ValueKind::kEmpty: break;
    case model::ValueKind::kString: json.Field("stringValue", batch.Text(value.string_id())); break;
    case model::ValueKind::kBytes: json.Field("bytesValue", base::ToBase64(batch.Text(value.string_id()))); break;
    case model::ValueKind::kBool: json.Field("boolValue", value.bool_value()); break;
    case model::ValueKind::kInt: PutInt64(json, "intValue", value.int_value()); break;
    case model::ValueKind::kDouble: WriteDouble(json.Key("doubleValue"), value.double_value()); break;
    case model::ValueKind::kArray: {
      json.Key("arrayValue").BeginObject().Key("values").BeginArray();
      const model::Range range = value.range();
      for (uint32_t i = 0; depth < model::kMaxValueDepth && i < range.count; ++i) {
        WriteValue(json, batch, batch.attributes.values[range.first + i], depth + 1);
      }
      json.EndArray().EndObject();
      break;
    }
    case model::ValueKind::kKeyValueList:
      json.Key("kvlistValue").BeginObject();
      if (depth < model::kMaxValueDepth) PutKeyValues(json, "values", batch, value.range(), depth + 1);
      json.EndObject();
      break;
  }
  json.EndObject();
}

void PutKeyValues(JsonWriter& json, std::string_view name, const model::BatchBase& batch, model::Range range,
                  int depth) {
  if (range.count == 0) return;
  json.Key(name).BeginArray();
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& row = batch.attributes.key_values[range.first + i];
    json.BeginObject().Field("key", batch.Text(row.key)).Key("value");
    WriteValue(json, batch, row.value, depth);
    json.EndObject();
  }
  json.EndArray();
}

void WriteResource(JsonWriter& json, const model::BatchBase& batch, const model::Resource& resource) {
  json.BeginObject();
  PutKeyValues(json, "attributes", batch, resource.attributes);
  PutUint32(json, "droppedAttributesCount", resource.dropped_attributes_count);
  json.EndObject();
}

void WriteScope(JsonWriter& json, const model::BatchBase& batch, const model::Scope& scope) {
  json.BeginObject();
  PutText(json, "name", batch.Text(scope.name));
  PutText(json, "version", batch.Text(scope.version));
  PutKeyValues(json, "attributes", batch, scope.attributes);
  PutUint32(json, "droppedAttributesCount", scope.dropped_attributes_count);
  json.EndObject();
}

namespace {

class TraceEncoder : public GroupEncoder<TraceEncoder> {
 public:
  explicit TraceEncoder(const model::SpanBatch& batch)
      : GroupEncoder(batch, {"resourceSpans", "scopeSpans", "spans"}), batch_(batch) {}

  void WriteRecord(size_t row, JsonWriter& json) {
    PutId(json, "traceId", batch_.trace_id[row]);
    PutId(json, "spanId", batch_.span_id[row]);
    PutText(json, "traceState", batch_.Text(batch_.trace_state[row]));
    PutId(json, "parentSpanId", batch_.parent_span_id[row]);
    PutUint32(json, "flags", batch_.flags[row]);
    PutText(json, "name", batch_.Text(batch_.name[row]));
    PutUint32(json, "kind", static_cast<uint32_t>(batch_.kind[row]));
    PutUint64(json, "startTimeUnixNano", batch_.start_time[row]);
    PutUint64(json, "endTimeUnixNano", batch_.end_time[row]);
    PutKeyValues(json, "attributes", batch_, batch_.attribute_range[row]);
    PutUint32(json, "droppedAttributesCount", batch_.dropped_attributes_count[row]);
    WriteEvents(json, batch_.event_range[row]);
    PutUint32(json, "droppedEventsCount", batch_.dropped_events_count[row]);
    WriteLinks(json, batch_.link_range[row]);
    PutUint32(json, "droppedLinksCount", batch_.dropped_links_count[row]);
    if (batch_.status_message[row] != 0 || batch_.status_code[row] != model::StatusCode::kUnset) {
      json.Key("status").BeginObject();
      PutText(json, "message", batch_.Text(batch_.status_message[row]));
      PutUint32(json, "code", static_cast<uint32_t>(batch_.status_code[row]));
      json.EndObject();
    }
  }

 private:
  void WriteEvents(JsonWriter& json, model::Range range) {
    if (range.count == 0) return;
    json.Key("events").BeginArray();
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::SpanEvent& event = batch_.events[range.first + i];
      json.BeginObject();
      PutUint64(json, "timeUnixNano", event.time);
      PutText(json, "name", batch_.Text(event.name));
      PutKeyValues(json, "attributes", batch_, event.attributes);
      PutUint32(json, "droppedAttributesCount", event.dropped_attributes_count);
      json.EndObject();
    }
    json.EndArray();
  }

  void WriteLinks(JsonWriter& json, model::Range range) {
    if (range.count == 0) return;
    json.Key("links").BeginArray();
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::SpanLink& link = batch_.links[range.first + i];
      json.BeginObject();
      PutId(json, "traceId", link.trace_id);
      PutId(json, "spanId", link.span_id);
      PutText(json, "traceState", batch_.Text(link.trace_state));
      PutKeyValues(json, "attributes", batch_, link.attributes);
      PutUint32(json, "droppedAttributesCount", link.dropped_attributes_count);
      PutUint32(json, "flags", link.flags);
      json.EndObject();
    }
    json.EndArray();
  }

  const model::SpanBatch& batch_;
};

class LogEncoder : public GroupEncoder<LogEncoder> {
 public:
  explicit LogEncoder(const model::LogBatch& batch)
      : GroupEncoder(batch, {"resourceLogs", "scopeLogs", "logRecords"}), batch_(batch) {}

  void WriteRecord(size_t row, JsonWriter& json) {
    PutUint64(json, "timeUnixNano", batch_.time[row]);
    PutUint64(json, "observedTimeUnixNano", batch_.observed_time[row]);
    PutUint32(json, "severityNumber", batch_.severity_number[row]);
    PutText(json, "severityText", batch_.Text(batch_.severity_text[row]));
    if (batch_.body[row].kind != model::ValueKind::kEmpty) {
      json.Key("body");
      WriteValue(json, batch_, batch_.body[row]);
    }
    PutKeyValues(json, "attributes", batch_, batch_.attribute_range[row]);
    PutUint32(json, "droppedAttributesCount", batch_.dropped_attributes_count[row]);
    PutUint32(json, "flags", batch_.flags[row]);
    PutId(json, "traceId", batch_.trace_id[row]);
    PutId(json, "spanId", batch_.span_id[row]);
    PutText(json, "eventName", batch_.Text(batch_.event_name[row]));
  }

 private:
  const model::LogBatch& batch_;
};

}  // namespace
}  // namespace json

std::string EncodeTracesJson(const model::SpanBatch& batch) {
  json::TraceEncoder encoder(batch);
  VisitGroups(
      batch.size(), [&](size_t row) { return batch.resource[row]; }, [&](size_t row) { return batch.scope[row]; },
      encoder);
  return encoder.Take();
}

std::string EncodeLogsJson(const model::LogBatch& batch) {
  json::LogEncoder encoder(batch);
  VisitGroups(
      batch.size(), [&](size_t row) { return batch.resource[row]; }, [&](size_t row) { return batch.scope[row]; },
      encoder);
  return encoder.Take();
}

}  // namespace clew::wire
