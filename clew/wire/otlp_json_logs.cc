// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_json.h"

namespace clew::wire {
namespace json {
namespace {

using model::LogBatch;

constexpr GroupNames kLogGroups = {Field::kResourceLogs, Field::kScopeLogs, Field::kLogRecords};
constexpr std::array<std::string_view, 25> kSeverities = {
    "UNSPECIFIED", "TRACE",  "TRACE2", "TRACE3", "TRACE4", "DEBUG",  "DEBUG2", "DEBUG3", "DEBUG4",
    "INFO",        "INFO2",  "INFO3",  "INFO4",  "WARN",   "WARN2",  "WARN3",  "WARN4",  "ERROR",
    "ERROR2",      "ERROR3", "ERROR4", "FATAL",  "FATAL2", "FATAL3", "FATAL4"};

class LogDecoder {
 public:
  explicit LogDecoder(Decoded<LogBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch), body_builder_(decoded.batch) {}

  void Decode(Object message) {
    DecodeRequest(message, kLogGroups, batch_, builder_,
                  [this](Object record, uint32_t resource, uint32_t scope) { return Record(record, resource, scope); });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  // Whether the record was kept.
  bool Record(Object message, uint32_t resource, uint32_t scope) {
    wrong_.Clear();
    const size_t row = batch_.AddRow();
    const BatchBuilder::Mark mark = builder_.Here();
    batch_.resource[row] = resource;
    batch_.scope[row] = scope;
    const size_t attributes = builder_.BeginKeyValues();
    BatchBuilder::OpenValue body = body_builder_.BeginValue();
    ForEachField(message, [&](Field field, Element value) { RecordField(field, value, row, body); });
    batch_.attribute_range[row] = builder_.EndKeyValues(attributes);
    batch_.body[row] = body_builder_.EndValue(body);
    if (!wrong_.Any()) return true;
    rejections_.Add(wrong_.Reason());
    batch_.RemoveLastRow();
    builder_.BackTo(mark);
    return false;
  }

  void RecordField(Field field, Element value, size_t row, BatchBuilder::OpenValue& body) {
    switch (field) {
      case Field::kTimeUnixNano: batch_.time[row] = AsUint64(field, value); break;
      case Field::kObservedTimeUnixNano: batch_.observed_time[row] = AsUint64(field, value); break;
      case Field::kSeverityNumber:
        batch_.severity_number[row] = KnownEnum(AsEnum(field, value, "SEVERITY_NUMBER_", kSeverities), kLastSeverity);
        break;
      case Field::kSeverityText: batch_.severity_text[row] = builder_.Text(AsText(field, value)); break;
      case Field::kBody: DecodeAnyValue(AsObject(field, value), body_builder_, body, 0); break;
      case Field::kAttributes: DecodeKeyValues(field, value, builder_); break;
      case Field::kDroppedAttributesCount: batch_.dropped_attributes_count[row] = AsUint32(field, value); break;
      case Field::kFlags: batch_.flags[row] = AsUint32(field, value); break;
      case Field::kTraceId: wrong_.TakeHex(AsText(field, value), batch_.trace_id[row], WrongIds::kTrace); break;
      case Field::kSpanId: wrong_.TakeHex(AsText(field, value), batch_.span_id[row], WrongIds::kSpan); break;
      case Field::kEventName: batch_.event_name[row] = builder_.Text(AsText(field, value)); break;
      default: break;
    }
  }

  Decoded<LogBatch>& decoded_;
  LogBatch& batch_;
  BatchBuilder builder_;
  BatchBuilder body_builder_;  // as in the protobuf decoder
  Rejections rejections_;
  WrongIds wrong_;  // of the current record
};

}  // namespace
}  // namespace json

base::Result<Decoded<model::LogBatch>> DecodeLogsJson(std::string_view text) {
  return json::DecodeGuarded<model::LogBatch>(
      text, [](json::Object message, Decoded<model::LogBatch>& decoded) { json::LogDecoder(decoded).Decode(message); });
}

}  // namespace clew::wire
