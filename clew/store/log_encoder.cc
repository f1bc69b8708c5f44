// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_encoder.h"

#include <string>
#include <utility>
#include <vector>

#include "clew/store/attribute_codec.h"
#include "clew/store/encoder_common.h"

namespace clew::store {
namespace {

using engine::FixedColumn;
using engine::LowCardinalityColumn;
using engine::MapColumn;
using engine::StringColumn;

struct LogColumns {
  LowCardinalityColumn tenant;
  FixedColumn<uint32_t> arrived;
  LowCardinalityColumn service_name;
  FixedColumn<uint64_t> time;
  FixedColumn<uint8_t> time_unknown;
  FixedColumn<int64_t> observed_delay;
  FixedColumn<uint8_t> severity_number;
  LowCardinalityColumn severity_text;
  StringColumn body;
  LowCardinalityColumn body_kind;
  StringColumn body_extra;
  FixedColumn<model::TraceId> trace_id;
  FixedColumn<model::SpanId> span_id;
  FixedColumn<uint32_t> flags;
  LowCardinalityColumn event_name;
  FixedColumn<uint64_t> resource_id;
  FixedColumn<uint64_t> scope_id;
  MapColumn attributes;
  LowCardinalityColumn attribute_kinds;
  StringColumn attribute_extra;
  FixedColumn<uint32_t> dropped_attributes_count;

  engine::EncodedBlock Finish() && {
    engine::BlockWriter block(time.size());
    block.Add("tenant", kWord, tenant);
    block.Add("arrived", "DateTime", arrived);
    block.Add("service_name", kWord, service_name);
    block.Add("time", "UInt64", time);
    block.Add("time_unknown", "UInt8", time_unknown);
    block.Add("observed_delay", "Int64", observed_delay);
    block.Add("severity_number", "UInt8", severity_number);
    block.Add("severity_text", kWord, severity_text);
    block.Add("body", "String", body);
    block.Add("body_kind", kWord, body_kind);
    block.Add("body_extra", "String", body_extra);
    block.Add("trace_id", "FixedString(16)", trace_id);
    block.Add("span_id", "FixedString(8)", span_id);
    block.Add("flags", "UInt32", flags);
    block.Add("event_name", kWord, event_name);
    block.Add("resource_id", "UInt64", resource_id);
    block.Add("scope_id", "UInt64", scope_id);
    block.Add("attributes", kTextMap, attributes);
    block.Add("attribute_kinds", kWord, attribute_kinds);
    block.Add("attribute_extra", "String", attribute_extra);
    block.Add("dropped_attributes_count", "UInt32", dropped_attributes_count);
    return std::move(block).Finish();
  }
};

class BatchEncoder {
 public:
  BatchEncoder(const model::LogBatch& batch, LogColumns& columns)
      : batch_(batch),
        columns_(columns),
        severities_(batch.strings, columns.severity_text),
        events_(batch.strings, columns.event_name),
        attributes_(batch.attributes, batch.strings) {}

  void Encode(std::string_view tenant, base::UnixNanos arrival, const SenderWriter::Ids& ids) {
    const size_t rows = batch_.size();
    columns_.tenant.AddRepeatedIndex(columns_.tenant.IndexOf(tenant), rows);
    columns_.arrived.AddRepeated(ArrivalSeconds(arrival), rows);
    columns_.severity_number.AddAll(batch_.severity_number);
    columns_.trace_id.AddAll(batch_.trace_id);
    columns_.span_id.AddAll(batch_.span_id);
    columns_.flags.AddAll(batch_.flags);
    columns_.dropped_attributes_count.AddAll(batch_.dropped_attributes_count);
    std::vector<uint32_t> services;
    for (const model::Resource& resource : batch_.resources) {
      services.push_back(columns_.service_name.IndexOf(ServiceOf(batch_, resource)));
    }
    for (size_t row = 0; row < rows; ++row) {
      columns_.service_name.AddIndex(services[batch_.resource[row]]);
      columns_.resource_id.Add(ids.resources[batch_.resource[row]]);
      columns_.scope_id.Add(ids.scopes[batch_.scope[row]]);
      // A record that says no time at all is found at its arrival.
      const uint64_t own = batch_.effective_time(row);
      const uint64_t time = own != 0 ? own : static_cast<uint64_t>(arrival);
      columns_.time.Add(time);
      columns_.observed_delay.Add(static_cast<int64_t>(batch_.observed_time[row] - time));
      columns_.time_unknown.Add(batch_.time[row] == 0 ? 1 : 0);
      severities_.Add(batch_.severity_text[row]);
      events_.Add(batch_.event_name[row]);
      EncodeBody(batch_.body[row]);
      attributes_.Write(batch_.attribute_range[row], columns_.attributes, kinds_, extra_);
      columns_.attribute_kinds.Add(kinds_);
      columns_.attribute_extra.Add(extra_);
    }
  }

 private:
  void EncodeBody(const model::Value& body) {
    const char kind = KindLetter(body);
    extra_.clear();
    if (kind == 's') {
      columns_.body.Add(batch_.Text(body.string_id()));
    } else {
      text_.clear();
      model::AppendValueText(batch_.attributes, batch_.strings, body, text_);
      columns_.body.Add(text_);
      if (kind == 'a' || kind == 'm' || kind == 'n') {
        AppendBinaryValue(batch_.attributes, batch_.strings, body, extra_);
      }
    }
    columns_.body_kind.Add(std::string_view(&kind, 1));
    columns_.body_extra.Add(extra_);
  }

  const model::LogBatch& batch_;
  LogColumns& columns_;
  WordMemo severities_;
  WordMemo events_;
  AttributeWriter attributes_;
  std::string kinds_;
  std::string extra_;
  std::string text_;
};

}  // namespace

engine::EncodedBlock EncodeLogs(const Cut<model::LogBatch>& cut, SenderWriter& senders) {
  LogColumns columns;
  for (const ArrivedBatch<model::LogBatch>& arrived : cut.batches) {
    const SenderWriter::Ids ids = senders.Add(arrived.tenant.name(), ArrivalSeconds(arrived.arrival), *arrived.batch);
    BatchEncoder(*arrived.batch, columns).Encode(arrived.tenant.name(), arrived.arrival, ids);
  }
  return std::move(columns).Finish();
}

}  // namespace clew::store
