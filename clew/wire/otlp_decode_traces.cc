// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_decode.h"

namespace clew::wire {
namespace {

using model::SpanBatch;

constexpr size_t kUsualSpanBytes = 400;

// opentelemetry/proto/trace/v1/trace.proto
class TraceDecoder {
 public:
  explicit TraceDecoder(Decoded<SpanBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch) {}

  void Decode(std::string_view message) {
    builder_.ReserveFor(message.size());
    batch_.VisitRowColumns([&](auto& column) { column.reserve(message.size() / kUsualSpanBytes); });
    DecodeRequest(message, batch_, builder_, [this](std::string_view span, uint32_t resource, uint32_t scope) {
      return Span(span, resource, scope);
    });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  // Whether the span was kept.
  bool Span(std::string_view message, uint32_t resource, uint32_t scope) {
    wrong_.Clear();
    const size_t row = batch_.AddRow();
    const size_t first_event = batch_.events.size();
    const size_t first_link = batch_.links.size();
    const BatchBuilder::Mark mark = builder_.Here();
    batch_.resource[row] = resource;
    batch_.scope[row] = scope;
    const size_t attributes = builder_.BeginKeyValues();
    SpanFields(message, row);
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

  void SpanFields(std::string_view message, size_t row) {
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::span::kTraceId):
          wrong_.Take(reader.Bytes(), batch_.trace_id[row], WrongIds::kTrace);
          break;
        case LengthTag(field::span::kSpanId): wrong_.Take(reader.Bytes(), batch_.span_id[row], WrongIds::kSpan); break;
        case LengthTag(field::span::kTraceState): batch_.trace_state[row] = builder_.Text(reader.Bytes()); break;
        case LengthTag(field::span::kParentSpanId):
          wrong_.Take(reader.Bytes(), batch_.parent_span_id[row], WrongIds::kParent);
          break;
        case Fixed32Tag(field::span::kFlags): batch_.flags[row] = reader.Fixed32(); break;
        case LengthTag(field::span::kName): batch_.name[row] = builder_.Text(reader.Bytes()); break;
        case VarintTag(field::span::kKind):
          batch_.kind[row] = KnownEnum(reader.Enum(), model::SpanKind::kConsumer);
          break;
        case Fixed64Tag(field::span::kStartTime): batch_.start_time[row] = reader.Fixed64(); break;
        case Fixed64Tag(field::span::kEndTime): batch_.end_time[row] = reader.Fixed64(); break;
        case LengthTag(field::span::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case VarintTag(field::span::kDroppedAttributesCount):
          batch_.dropped_attributes_count[row] = reader.Uint32();
          break;
        case LengthTag(field::span::kEvents): Event(reader.Bytes()); break;
        case VarintTag(field::span::kDroppedEventsCount): batch_.dropped_events_count[row] = reader.Uint32(); break;
        case LengthTag(field::span::kLinks): Link(reader.Bytes()); break;
        case VarintTag(field::span::kDroppedLinksCount): batch_.dropped_links_count[row] = reader.Uint32(); break;
        case LengthTag(field::span::kStatus): Status(reader.Bytes(), row); break;
        default: reader.Skip();
      }
    }
  }

  void Event(std::string_view message) {
    model::SpanEvent event;
    const size_t attributes = builder_.BeginKeyValues();
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case Fixed64Tag(field::event::kTime): event.time = reader.Fixed64(); break;
        case LengthTag(field::event::kName): event.name = builder_.Text(reader.Bytes()); break;
        case LengthTag(field::event::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case VarintTag(field::event::kDroppedAttributesCount): event.dropped_attributes_count = reader.Uint32(); break;
        default: reader.Skip();
      }
    }
    event.attributes = builder_.EndKeyValues(attributes);
    batch_.events.push_back(event);
  }

  void Link(std::string_view message) {
    model::SpanLink link;
    WrongIds wrong;
    const size_t attributes = builder_.BeginKeyValues();
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::link::kTraceId): wrong.Take(reader.Bytes(), link.trace_id, WrongIds::kTrace); break;
        case LengthTag(field::link::kSpanId): wrong.Take(reader.Bytes(), link.span_id, WrongIds::kSpan); break;
        case LengthTag(field::link::kTraceState): link.trace_state = builder_.Text(reader.Bytes()); break;
        case LengthTag(field::link::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case VarintTag(field::link::kDroppedAttributesCount): link.dropped_attributes_count = reader.Uint32(); break;
        case Fixed32Tag(field::link::kFlags): link.flags = reader.Fixed32(); break;
        default: reader.Skip();
      }
    }
    if (wrong.Any()) wrong_.Add(WrongIds::kLink);
    link.attributes = builder_.EndKeyValues(attributes);
    batch_.links.push_back(link);
  }

  void Status(std::string_view message, size_t row) {
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::span_status::kMessage): batch_.status_message[row] = builder_.Text(reader.Bytes()); break;
        case VarintTag(field::span_status::kCode):
          batch_.status_code[row] = KnownEnum(reader.Enum(), model::StatusCode::kError);
          break;
        default: reader.Skip();
      }
    }
  }

  Decoded<SpanBatch>& decoded_;
  SpanBatch& batch_;
  BatchBuilder builder_;
  Rejections rejections_;
  WrongIds wrong_;  // of the current span
};

}  // namespace

base::Result<Decoded<SpanBatch>> DecodeTraces(std::string_view protobuf) {
  return DecodeGuarded<SpanBatch>(
      protobuf, [](std::string_view message, Decoded<SpanBatch>& decoded) { TraceDecoder(decoded).Decode(message); });
}

}  // namespace clew::wire
