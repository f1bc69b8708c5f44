// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_decode.h"

namespace clew::wire {
namespace {

using model::LogBatch;

constexpr size_t kUsualRecordBytes = 250;

// opentelemetry/proto/logs/v1/logs.proto
class LogDecoder {
 public:
  explicit LogDecoder(Decoded<LogBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch), body_builder_(decoded.batch) {}

  void Decode(std::string_view message) {
    builder_.ReserveFor(message.size());
    batch_.VisitRowColumns([&](auto& column) { column.reserve(message.size() / kUsualRecordBytes); });
    DecodeRequest(message, batch_, builder_, [this](std::string_view record, uint32_t resource, uint32_t scope) {
      return Record(record, resource, scope);
    });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  // Whether the record was kept.
  bool Record(std::string_view message, uint32_t resource, uint32_t scope) {
    wrong_.Clear();
    const size_t row = batch_.AddRow();
    const BatchBuilder::Mark mark = builder_.Here();
    batch_.resource[row] = resource;
    batch_.scope[row] = scope;
    const size_t attributes = builder_.BeginKeyValues();
    BatchBuilder::OpenValue body = body_builder_.BeginValue();
    RecordFields(message, row, body);
    batch_.attribute_range[row] = builder_.EndKeyValues(attributes);
    batch_.body[row] = body_builder_.EndValue(body);
    if (!wrong_.Any()) return true;
    rejections_.Add(wrong_.Reason());
    batch_.RemoveLastRow();
    builder_.BackTo(mark);
    return false;
  }

  void RecordFields(std::string_view message, size_t row, BatchBuilder::OpenValue& body) {
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case Fixed64Tag(field::log_record::kTime): batch_.time[row] = reader.Fixed64(); break;
        case Fixed64Tag(field::log_record::kObservedTime): batch_.observed_time[row] = reader.Fixed64(); break;
        case VarintTag(field::log_record::kSeverityNumber):
          batch_.severity_number[row] = KnownEnum(reader.Enum(), kLastSeverity);
          break;
        case LengthTag(field::log_record::kSeverityText):
          batch_.severity_text[row] = builder_.Text(reader.Bytes());
          break;
        case LengthTag(field::log_record::kBody): DecodeAnyValue(reader.Bytes(), body_builder_, body, 0); break;
        case LengthTag(field::log_record::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case VarintTag(field::log_record::kDroppedAttributesCount):
          batch_.dropped_attributes_count[row] = reader.Uint32();
          break;
        case Fixed32Tag(field::log_record::kFlags): batch_.flags[row] = reader.Fixed32(); break;
        case LengthTag(field::log_record::kTraceId):
          wrong_.Take(reader.Bytes(), batch_.trace_id[row], WrongIds::kTrace);
          break;
        case LengthTag(field::log_record::kSpanId):
          wrong_.Take(reader.Bytes(), batch_.span_id[row], WrongIds::kSpan);
          break;
        case LengthTag(field::log_record::kEventName): batch_.event_name[row] = builder_.Text(reader.Bytes()); break;
        default: reader.Skip();
      }
    }
  }

  Decoded<LogBatch>& decoded_;
  LogBatch& batch_;
  BatchBuilder builder_;
  BatchBuilder body_builder_;  // a body may come in pieces between the attributes, so it has stacks of its own
  Rejections rejections_;
  WrongIds wrong_;  // of the current record
};

}  // namespace

base::Result<Decoded<LogBatch>> DecodeLogs(std::string_view protobuf) {
  return DecodeGuarded<LogBatch>(
      protobuf, [](std::string_view message, Decoded<LogBatch>& decoded) { LogDecoder(decoded).Decode(message); });
}

}  // namespace clew::wire
