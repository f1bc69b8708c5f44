// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_encoder.h"

#include <string>
#include <utility>
#include <vector>

#include "clew/store/attribute_codec.h"
#include "clew/store/encoder_common.h"
#include "clew/store/schema.h"

namespace clew::store {
namespace {

using engine::FixedColumn;
using engine::LowCardinalityColumn;
using engine::MapColumn;
using engine::StringColumn;

}  // namespace

struct LogEncoder::Columns {
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

  // Calls `visit` with name, type and column of each.
  template <typename Self, typename Visitor>
  static void Visit(Self& self, Visitor visit) {
    visit("tenant", kWord, self.tenant);
    visit("arrived", "DateTime", self.arrived);
    visit("service_name", kWord, self.service_name);
    visit("time", "UInt64", self.time);
    visit("time_unknown", "UInt8", self.time_unknown);
    visit("observed_delay", "Int64", self.observed_delay);
    visit("severity_number", "UInt8", self.severity_number);
    visit("severity_text", kWord, self.severity_text);
    visit("body", "String", self.body);
    visit("body_kind", kWord, self.body_kind);
    visit("body_extra", "String", self.body_extra);
    visit("trace_id", "FixedString(16)", self.trace_id);
    visit("span_id", "FixedString(8)", self.span_id);
    visit("flags", "UInt32", self.flags);
    visit("event_name", kWord, self.event_name);
    visit("resource_id", "UInt64", self.resource_id);
    visit("scope_id", "UInt64", self.scope_id);
    visit("attributes", kTextMap, self.attributes);
    visit("attribute_kinds", kWord, self.attribute_kinds);
    visit("attribute_extra", "String", self.attribute_extra);
    visit("dropped_attributes_count", "UInt32", self.dropped_attributes_count);
  }
};

namespace {

using LogColumns = LogEncoder::Columns;

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

// By the sort key of the table (schema.cc): tenant, second, service, time.
std::vector<RowKey> KeysOf(const LogColumns& columns) {
  const std::vector<uint32_t> tenants = RanksOf(columns.tenant);
  const std::vector<uint32_t> services = RanksOf(columns.service_name);
  const std::span<const uint64_t> times = columns.time.values();
  std::vector<RowKey> keys(times.size());
  for (uint32_t row = 0; row < keys.size(); ++row) {
    keys[row] = {uint64_t{tenants[columns.tenant.indexes()[row]]} << 35 | times[row] / kBucketNanos,
                 services[columns.service_name.indexes()[row]], times[row], row};
  }
  return keys;
}

}  // namespace

LogEncoder::LogEncoder() = default;
LogEncoder::~LogEncoder() = default;

engine::EncodedBlock LogEncoder::Encode(const Cut<model::LogBatch>& cut, SenderWriter& senders) {
  LogColumns& columns = ClearedColumns(columns_);
  for (const ArrivedBatch<model::LogBatch>& arrived : cut.batches) {
    const SenderWriter::Ids ids = senders.Add(arrived.tenant.name(), ArrivalSeconds(arrived.arrival), *arrived.batch);
    BatchEncoder(*arrived.batch, columns).Encode(arrived.tenant.name(), arrived.arrival, ids);
  }
  SortRows(KeysOf(columns), columns, room_);
  return BorrowingBlock(columns, columns.time.size());
}

void LogEncoder::GiveBackMemory() {
  columns_.reset();
  room_ = {};
}

}  // namespace clew::store
