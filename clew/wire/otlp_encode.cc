// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_encode.h"

#include "clew/wire/otlp.h"
#include "clew/wire/row_groups.h"

namespace clew::wire {

void PutValue(ProtobufWriter& to, const model::BatchBase& batch, const model::Value& value, int depth) {
  switch (value.kind) {
    case model::ValueKind::kEmpty: return;
    case model::ValueKind::kString: {
      const std::string_view text = batch.Text(value.string_id());
      to.add_bytes(field::any_value::kString, text.data(), text.size());
      return;
    }
    case model::ValueKind::kBytes: {
      const std::string_view bytes = batch.Text(value.string_id());
      to.add_bytes(field::any_value::kBytes, bytes.data(), bytes.size());
      return;
    }
    case model::ValueKind::kBool: to.add_bool(field::any_value::kBool, value.bool_value()); return;
    case model::ValueKind::kInt: to.add_int64(field::any_value::kInt, value.int_value()); return;
    case model::ValueKind::kDouble: to.add_double(field::any_value::kDouble, value.double_value()); return;
    case model::ValueKind::kArray: {
      ProtobufWriter list(to, field::any_value::kArray);
      const model::Range range = value.range();
      for (uint32_t i = 0; depth < model::kMaxValueDepth && i < range.count; ++i) {
        ProtobufWriter element(list, field::value_list::kValues);
        PutValue(element, batch, batch.attributes.values[range.first + i], depth + 1);
      }
      return;
    }
    case model::ValueKind::kKeyValueList: {
      ProtobufWriter list(to, field::any_value::kKeyValueList);
      if (depth < model::kMaxValueDepth)
        PutKeyValues(list, field::value_list::kValues, batch, value.range(), depth + 1);
      return;
    }
  }
}

void PutKeyValues(ProtobufWriter& to, uint32_t field, const model::BatchBase& batch, model::Range range, int depth) {
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& row = batch.attributes.key_values[range.first + i];
    ProtobufWriter key_value(to, field);
    PutString(key_value, field::key_value::kKey, batch.Text(row.key));
    ProtobufWriter value(key_value, field::key_value::kValue);
    PutValue(value, batch, row.value, depth);
  }
}

void PutResource(ProtobufWriter& group, const model::BatchBase& batch, const model::Resource& resource) {
  if (resource.attributes.count == 0 && resource.dropped_attributes_count == 0) return;
  ProtobufWriter to(group, field::resource_group::kResource);
  PutKeyValues(to, field::resource::kAttributes, batch, resource.attributes);
  PutUint32(to, field::resource::kDroppedAttributesCount, resource.dropped_attributes_count);
}

void PutScope(ProtobufWriter& group, const model::BatchBase& batch, const model::Scope& scope) {
  const bool has_name = scope.name != 0 || scope.version != 0;
  if (!has_name && scope.attributes.count == 0 && scope.dropped_attributes_count == 0) return;
  ProtobufWriter to(group, field::scope_group::kScope);
  PutString(to, field::scope::kName, batch.Text(scope.name));
  PutString(to, field::scope::kVersion, batch.Text(scope.version));
  PutKeyValues(to, field::scope::kAttributes, batch, scope.attributes);
  PutUint32(to, field::scope::kDroppedAttributesCount, scope.dropped_attributes_count);
}

namespace {

class TraceEncoder : public GroupEncoder<TraceEncoder> {
 public:
  explicit TraceEncoder(const model::SpanBatch& batch) : GroupEncoder(batch), batch_(batch) {}

  void WriteRecord(size_t row, ProtobufWriter& group) {
    ProtobufWriter span(group, field::scope_group::kRecords);
    PutId(span, field::span::kTraceId, batch_.trace_id[row]);
    PutId(span, field::span::kSpanId, batch_.span_id[row]);
    PutString(span, field::span::kTraceState, batch_.Text(batch_.trace_state[row]));
    PutId(span, field::span::kParentSpanId, batch_.parent_span_id[row]);
    PutString(span, field::span::kName, batch_.Text(batch_.name[row]));
    PutUint32(span, field::span::kKind, static_cast<uint32_t>(batch_.kind[row]));
    PutFixed64(span, field::span::kStartTime, batch_.start_time[row]);
    PutFixed64(span, field::span::kEndTime, batch_.end_time[row]);
    PutKeyValues(span, field::span::kAttributes, batch_, batch_.attribute_range[row]);
    PutUint32(span, field::span::kDroppedAttributesCount, batch_.dropped_attributes_count[row]);
    for (uint32_t i = 0; i < batch_.event_range[row].count; ++i) {
      WriteEvent(batch_.events[batch_.event_range[row].first + i], span);
    }
    PutUint32(span, field::span::kDroppedEventsCount, batch_.dropped_events_count[row]);
    for (uint32_t i = 0; i < batch_.link_range[row].count; ++i) {
      WriteLink(batch_.links[batch_.link_range[row].first + i], span);
    }
    PutUint32(span, field::span::kDroppedLinksCount, batch_.dropped_links_count[row]);
    if (batch_.status_message[row] != 0 || batch_.status_code[row] != model::StatusCode::kUnset) {
      ProtobufWriter status(span, field::span::kStatus);
      PutString(status, field::span_status::kMessage, batch_.Text(batch_.status_message[row]));
      PutUint32(status, field::span_status::kCode, static_cast<uint32_t>(batch_.status_code[row]));
    }
    PutFixed32(span, field::span::kFlags, batch_.flags[row]);
  }

 private:
  void WriteEvent(const model::SpanEvent& event, ProtobufWriter& span) {
    ProtobufWriter to(span, field::span::kEvents);
    PutFixed64(to, field::event::kTime, event.time);
    PutString(to, field::event::kName, batch_.Text(event.name));
    PutKeyValues(to, field::event::kAttributes, batch_, event.attributes);
    PutUint32(to, field::event::kDroppedAttributesCount, event.dropped_attributes_count);
  }

  void WriteLink(const model::SpanLink& link, ProtobufWriter& span) {
    ProtobufWriter to(span, field::span::kLinks);
    PutId(to, field::link::kTraceId, link.trace_id);
    PutId(to, field::link::kSpanId, link.span_id);
    PutString(to, field::link::kTraceState, batch_.Text(link.trace_state));
    PutKeyValues(to, field::link::kAttributes, batch_, link.attributes);
    PutUint32(to, field::link::kDroppedAttributesCount, link.dropped_attributes_count);
    PutFixed32(to, field::link::kFlags, link.flags);
  }

  const model::SpanBatch& batch_;
};

class LogEncoder : public GroupEncoder<LogEncoder> {
 public:
  explicit LogEncoder(const model::LogBatch& batch) : GroupEncoder(batch), batch_(batch) {}

  void WriteRecord(size_t row, ProtobufWriter& group) {
    ProtobufWriter record(group, field::scope_group::kRecords);
    PutFixed64(record, field::log_record::kTime, batch_.time[row]);
    PutUint32(record, field::log_record::kSeverityNumber, batch_.severity_number[row]);
    PutString(record, field::log_record::kSeverityText, batch_.Text(batch_.severity_text[row]));
    if (batch_.body[row].kind != model::ValueKind::kEmpty) {
      ProtobufWriter body(record, field::log_record::kBody);
      PutValue(body, batch_, batch_.body[row]);
    }
    PutKeyValues(record, field::log_record::kAttributes, batch_, batch_.attribute_range[row]);
    PutUint32(record, field::log_record::kDroppedAttributesCount, batch_.dropped_attributes_count[row]);
    PutFixed32(record, field::log_record::kFlags, batch_.flags[row]);
    PutId(record, field::log_record::kTraceId, batch_.trace_id[row]);
    PutId(record, field::log_record::kSpanId, batch_.span_id[row]);
    PutFixed64(record, field::log_record::kObservedTime, batch_.observed_time[row]);
    PutString(record, field::log_record::kEventName, batch_.Text(batch_.event_name[row]));
  }

 private:
  const model::LogBatch& batch_;
};

}  // namespace

std::string EncodeTraces(const model::SpanBatch& batch) {
  TraceEncoder encoder(batch);
  VisitGroups(
      batch.size(), [&](size_t row) { return batch.resource[row]; }, [&](size_t row) { return batch.scope[row]; },
      encoder);
  return encoder.Take();
}

std::string EncodeLogs(const model::LogBatch& batch) {
  LogEncoder encoder(batch);
  VisitGroups(
      batch.size(), [&](size_t row) { return batch.resource[row]; }, [&](size_t row) { return batch.scope[row]; },
      encoder);
  return encoder.Take();
}

}  // namespace clew::wire
