// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_json.h"

namespace clew::wire {
namespace json {
namespace {

using model::SpanBatch;

constexpr GroupNames kTraceGroups = {Field::kResourceSpans, Field::kScopeSpans, Field::kSpans};
constexpr std::array<std::string_view, 6> kKinds = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                                    "CLIENT",      "PRODUCER", "CONSUMER"};
constexpr std::array<std::string_view, 3> kStatusCodes = {"UNSET", "OK", "ERROR"};

class TraceDecoder {
 public:
  explicit TraceDecoder(Decoded<SpanBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch) {}

  void Decode(Object message) {
    DecodeRequest(message, kTraceGroups, batch_, builder_,
                  [this](Object span, uint32_t resource, uint32_t scope) { return Span(span, resource, scope); });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  // Whether the span was kept.
  bool Span(Object message, uint32_t resource, uint32_t scope) {
    wrong_.Clear();
    const size_t row = batch_.AddRow();
    const size_t first_event = batch_.events.size();
    const size_t first_link = batch_.links.size();
    const BatchBuilder::Mark mark = builder_.Here();
    batch_.resource[row] = resource;
    batch_.scope[row] = scope;
    const size_t attributes = builder_.BeginKeyValues();
    ForEachField(message, [&](Field field, Element value) { SpanField(field, value, row); });
    batch_.attribute_range[row] = builder_.EndKeyValues(attributes);
    if (wrong_.Any() || batch_.trace_id[row].IsZero() || batch_.span_id[row].IsZero()) {
      rejections_.Add(wrong_.Any() ? wrong_.Reason() : kMissingSpanIds);
      batch_.RemoveLastRow();
      batch_.events.resize(first_event);
      batch_.links.resize(first_link);
      builder_.BackTo(mark);
      return false;
    }
    batch_.event_range[row] = RangeFrom(first_event, batch_.events.size());
    batch_.link_range[row] = RangeFrom(first_link, batch_.links.size());
    return true;
  }

  void SpanField(Field field, Element value, size_t row) {
    switch (field) {
      case Field::kTraceId: wrong_.TakeHex(AsText(field, value), batch_.trace_id[row], WrongIds::kTrace); break;
      case Field::kSpanId: wrong_.TakeHex(AsText(field, value), batch_.span_id[row], WrongIds::kSpan); break;
      case Field::kTraceState: batch_.trace_state[row] = builder_.Text(AsText(field, value)); break;
      case Field::kParentSpanId:
        wrong_.TakeHex(AsText(field, value), batch_.parent_span_id[row], WrongIds::kParent);
        break;
      case Field::kFlags: batch_.flags[row] = AsUint32(field, value); break;
      case Field::kName: batch_.name[row] = builder_.Text(AsText(field, value)); break;
      case Field::kKind:
        batch_.kind[row] = KnownEnum(AsEnum(field, value, "SPAN_KIND_", kKinds), model::SpanKind::kConsumer);
        break;
      case Field::kStartTimeUnixNano: batch_.start_time[row] = AsUint64(field, value); break;
      case Field::kEndTimeUnixNano: batch_.end_time[row] = AsUint64(field, value); break;
      case Field::kAttributes: DecodeKeyValues(field, value, builder_); break;
      case Field::kDroppedAttributesCount: batch_.dropped_attributes_count[row] = AsUint32(field, value); break;
      case Field::kEvents: ForEachElement(field, value, [&](Element event) { Event(AsObject(field, event)); }); break;
      case Field::kDroppedEventsCount: batch_.dropped_events_count[row] = AsUint32(field, value); break;
      case Field::kLinks: ForEachElement(field, value, [&](Element link) { Link(AsObject(field, link)); }); break;
      case Field::kDroppedLinksCount: batch_.dropped_links_count[row] = AsUint32(field, value); break;
      case Field::kStatus: Status(AsObject(field, value), row); break;
      default: break;
    }
  }

  void Event(Object message) {
    model::SpanEvent event;
    const size_t attributes = builder_.BeginKeyValues();
    ForEachField(message, [&](Field field, Element value) {
      switch (field) {
        case Field::kTimeUnixNano: event.time = AsUint64(field, value); break;
        case Field::kName: event.name = builder_.Text(AsText(field, value)); break;
        case Field::kAttributes: DecodeKeyValues(field, value, builder_); break;
        case Field::kDroppedAttributesCount: event.dropped_attributes_count = AsUint32(field, value); break;
        default: break;
      }
    });
    event.attributes = builder_.EndKeyValues(attributes);
    batch_.events.push_back(event);
  }

  void Link(Object message) {
    model::SpanLink link;
    WrongIds wrong;
    const size_t attributes = builder_.BeginKeyValues();
    ForEachField(message, [&](Field field, Element value) {
      switch (field) {
        case Field::kTraceId: wrong.TakeHex(AsText(field, value), link.trace_id, WrongIds::kTrace); break;
        case Field::kSpanId: wrong.TakeHex(AsText(field, value), link.span_id, WrongIds::kSpan); break;
        case Field::kTraceState: link.trace_state = builder_.Text(AsText(field, value)); break;
        case Field::kAttributes: DecodeKeyValues(field, value, builder_); break;
        case Field::kDroppedAttributesCount: link.dropped_attributes_count = AsUint32(field, value); break;
        case Field::kFlags: link.flags = AsUint32(field, value); break;
        default: break;
      }
    });
    if (wrong.Any()) wrong_.Add(WrongIds::kLink);
    link.attributes = builder_.EndKeyValues(attributes);
    batch_.links.push_back(link);
  }

  void Status(Object message, size_t row) {
    ForEachField(message, [&](Field field, Element value) {
      if (field == Field::kMessage) {
        batch_.status_message[row] = builder_.Text(AsText(field, value));
      } else if (field == Field::kCode) {
        batch_.status_code[row] =
            KnownEnum(AsEnum(field, value, "STATUS_CODE_", kStatusCodes), model::StatusCode::kError);
      }
    });
  }

  Decoded<SpanBatch>& decoded_;
  SpanBatch& batch_;
  BatchBuilder builder_;
  Rejections rejections_;
  WrongIds wrong_;  // of the current span
};

}  // namespace
}  // namespace json

base::Result<Decoded<model::SpanBatch>> DecodeTracesJson(std::string_view text) {
  return json::DecodeGuarded<model::SpanBatch>(text, [](json::Object message, Decoded<model::SpanBatch>& decoded) {
    json::TraceDecoder(decoded).Decode(message);
  });
}

}  // namespace clew::wire
