// SPDX-License-Identifier: Apache-2.0
#include "clew/store/span_encoder.h"

#include <string>
#include <vector>

#include "clew/store/attribute_codec.h"
#include "clew/store/encoder_common.h"
#include "clew/store/peer.h"
#include "clew/store/schema.h"

namespace clew::store {
namespace {

using engine::ArrayColumn;
using engine::FixedColumn;
using engine::LowCardinalityColumn;
using engine::MapColumn;
using engine::StringColumn;

struct EventColumns {
  ArrayColumn<FixedColumn<uint64_t>> time;
  ArrayColumn<LowCardinalityColumn> name;
  ArrayColumn<MapColumn> attributes;
  ArrayColumn<LowCardinalityColumn> attribute_kinds;
  ArrayColumn<StringColumn> attribute_extra;
  ArrayColumn<FixedColumn<uint32_t>> dropped;

  template <typename Self, typename Visitor>
  static void Visit(Self& self, Visitor& visit) {
    visit("events.time", "Array(UInt64)", self.time);
    visit("events.name", "Array(LowCardinality(String))", self.name);
    visit("events.attributes", "Array(Map(LowCardinality(String), String))", self.attributes);
    visit("events.attribute_kinds", "Array(LowCardinality(String))", self.attribute_kinds);
    visit("events.attribute_extra", "Array(String)", self.attribute_extra);
    visit("events.dropped_attributes_count", "Array(UInt32)", self.dropped);
  }
  void EndRow() {
    const auto end = [](std::string_view, std::string_view, auto& column) { column.EndRow(); };
    Visit(*this, end);
  }
};

struct LinkColumns {
  ArrayColumn<FixedColumn<model::TraceId>> trace_id;
  ArrayColumn<FixedColumn<model::SpanId>> span_id;
  ArrayColumn<StringColumn> trace_state;
  ArrayColumn<FixedColumn<uint32_t>> flags;
  ArrayColumn<MapColumn> attributes;
  ArrayColumn<LowCardinalityColumn> attribute_kinds;
  ArrayColumn<StringColumn> attribute_extra;
  ArrayColumn<FixedColumn<uint32_t>> dropped;

  template <typename Self, typename Visitor>
  static void Visit(Self& self, Visitor& visit) {
    visit("links.trace_id", "Array(FixedString(16))", self.trace_id);
    visit("links.span_id", "Array(FixedString(8))", self.span_id);
    visit("links.trace_state", "Array(String)", self.trace_state);
    visit("links.flags", "Array(UInt32)", self.flags);
    visit("links.attributes", "Array(Map(LowCardinality(String), String))", self.attributes);
    visit("links.attribute_kinds", "Array(LowCardinality(String))", self.attribute_kinds);
    visit("links.attribute_extra", "Array(String)", self.attribute_extra);
    visit("links.dropped_attributes_count", "Array(UInt32)", self.dropped);
  }
  void EndRow() {
    const auto end = [](std::string_view, std::string_view, auto& column) { column.EndRow(); };
    Visit(*this, end);
  }
};

}  // namespace

struct SpanEncoder::Columns {
  LowCardinalityColumn tenant;
  FixedColumn<uint32_t> arrived;
  LowCardinalityColumn service_name;
  LowCardinalityColumn name;
  FixedColumn<uint8_t> kind;
  FixedColumn<uint64_t> start_time;
  FixedColumn<int64_t> duration;
  FixedColumn<uint8_t> status_code;
  LowCardinalityColumn status_message;
  FixedColumn<model::TraceId> trace_id;
  FixedColumn<model::SpanId> span_id;
  FixedColumn<model::SpanId> parent_span_id;
  StringColumn trace_state;
  FixedColumn<uint32_t> flags;
  FixedColumn<uint8_t> peer_kind;
  LowCardinalityColumn peer_name;
  FixedColumn<uint64_t> resource_id;
  FixedColumn<uint64_t> scope_id;
  MapColumn attributes;
  LowCardinalityColumn attribute_kinds;
  StringColumn attribute_extra;
  FixedColumn<uint32_t> dropped_attributes_count;
  FixedColumn<uint32_t> dropped_events_count;
  FixedColumn<uint32_t> dropped_links_count;
  EventColumns events;
  LinkColumns links;

  // Calls `visit` with name, type and column of each.
  template <typename Self, typename Visitor>
  static void Visit(Self& self, Visitor visit) {
    visit("tenant", kWord, self.tenant);
    visit("arrived", "DateTime", self.arrived);
    visit("service_name", kWord, self.service_name);
    visit("name", kWord, self.name);
    visit("kind", "UInt8", self.kind);
    visit("start_time", "UInt64", self.start_time);
    visit("duration", "Int64", self.duration);
    visit("status_code", "UInt8", self.status_code);
    visit("status_message", kWord, self.status_message);
    visit("trace_id", "FixedString(16)", self.trace_id);
    visit("span_id", "FixedString(8)", self.span_id);
    visit("parent_span_id", "FixedString(8)", self.parent_span_id);
    visit("trace_state", "String", self.trace_state);
    visit("flags", "UInt32", self.flags);
    visit("peer_kind", "UInt8", self.peer_kind);
    visit("peer_name", kWord, self.peer_name);
    visit("resource_id", "UInt64", self.resource_id);
    visit("scope_id", "UInt64", self.scope_id);
    visit("attributes", kTextMap, self.attributes);
    visit("attribute_kinds", kWord, self.attribute_kinds);
    visit("attribute_extra", "String", self.attribute_extra);
    visit("dropped_attributes_count", "UInt32", self.dropped_attributes_count);
    visit("dropped_events_count", "UInt32", self.dropped_events_count);
    visit("dropped_links_count", "UInt32", self.dropped_links_count);
    EventColumns::Visit(self.events, visit);
    LinkColumns::Visit(self.links, visit);
  }
};

namespace {

using SpanColumns = SpanEncoder::Columns;

// Adds the rows of one batch; what depends on the batch alone is found once.
class BatchEncoder {
 public:
  BatchEncoder(const model::SpanBatch& batch, SpanColumns& columns)
      : batch_(batch),
        columns_(columns),
        names_(batch.strings, columns.name),
        messages_(batch.strings, columns.status_message),
        peers_(batch),
        event_names_(batch.strings, columns.events.name.element()),
        span_attributes_(batch.attributes, batch.strings),
        event_attributes_(batch.attributes, batch.strings),
        link_attributes_(batch.attributes, batch.strings) {}

  void Encode(std::string_view tenant, uint32_t arrival_seconds, const SenderWriter::Ids& ids) {
    const size_t rows = batch_.size();
    columns_.tenant.AddRepeatedIndex(columns_.tenant.IndexOf(tenant), rows);
    columns_.arrived.AddRepeated(arrival_seconds, rows);
    columns_.start_time.AddAll(batch_.start_time);
    columns_.trace_id.AddAll(batch_.trace_id);
    columns_.span_id.AddAll(batch_.span_id);
    columns_.parent_span_id.AddAll(batch_.parent_span_id);
    columns_.flags.AddAll(batch_.flags);
    columns_.dropped_attributes_count.AddAll(batch_.dropped_attributes_count);
    columns_.dropped_events_count.AddAll(batch_.dropped_events_count);
    columns_.dropped_links_count.AddAll(batch_.dropped_links_count);
    std::vector<uint32_t> services;
    for (const model::Resource& resource : batch_.resources) {
      services.push_back(columns_.service_name.IndexOf(ServiceOf(batch_, resource)));
    }
    for (size_t row = 0; row < rows; ++row) {
      columns_.service_name.AddIndex(services[batch_.resource[row]]);
      columns_.resource_id.Add(ids.resources[batch_.resource[row]]);
      columns_.scope_id.Add(ids.scopes[batch_.scope[row]]);
      EncodeRow(row);
      EncodeEvents(batch_.event_range[row]);
      EncodeLinks(batch_.link_range[row]);
    }
  }

 private:
  void EncodeRow(size_t row) {
    names_.Add(batch_.name[row]);
    columns_.kind.Add(static_cast<uint8_t>(batch_.kind[row]));
    columns_.duration.Add(batch_.duration(row));
    columns_.status_code.Add(static_cast<uint8_t>(batch_.status_code[row]));
    messages_.Add(batch_.status_message[row]);
    columns_.trace_state.Add(batch_.Text(batch_.trace_state[row]));
    const Peer peer = peers_.Find(row);
    columns_.peer_kind.Add(static_cast<uint8_t>(peer.kind));
    columns_.peer_name.Add(peer.name);
    span_attributes_.Write(batch_.attribute_range[row], columns_.attributes, kinds_, extra_);
    columns_.attribute_kinds.Add(kinds_);
    columns_.attribute_extra.Add(extra_);
  }

  void EncodeEvents(model::Range range) {
    EventColumns& events = columns_.events;
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::SpanEvent& event = batch_.events[range.first + i];
      events.time.element().Add(event.time);
      event_names_.Add(event.name);
      event_attributes_.Write(event.attributes, events.attributes.element(), kinds_, extra_);
      events.attribute_kinds.element().Add(kinds_);
      events.attribute_extra.element().Add(extra_);
      events.dropped.element().Add(event.dropped_attributes_count);
    }
    events.EndRow();
  }

  void EncodeLinks(model::Range range) {
    LinkColumns& links = columns_.links;
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::SpanLink& link = batch_.links[range.first + i];
      links.trace_id.element().Add(link.trace_id);
      links.span_id.element().Add(link.span_id);
      links.trace_state.element().Add(batch_.Text(link.trace_state));
      links.flags.element().Add(link.flags);
      link_attributes_.Write(link.attributes, links.attributes.element(), kinds_, extra_);
      links.attribute_kinds.element().Add(kinds_);
      links.attribute_extra.element().Add(extra_);
      links.dropped.element().Add(link.dropped_attributes_count);
    }
    links.EndRow();
  }

  const model::SpanBatch& batch_;
  SpanColumns& columns_;
  WordMemo names_;
  WordMemo messages_;
  PeerFinder peers_;
  WordMemo event_names_;
  AttributeWriter span_attributes_;
  AttributeWriter event_attributes_;
  AttributeWriter link_attributes_;
  std::string kinds_;
  std::string extra_;
};

// By the sort key of the table (schema.cc): tenant, second, service, name, time.
std::vector<RowKey> KeysOf(const SpanColumns& columns) {
  const std::vector<uint32_t> tenants = RanksOf(columns.tenant);
  const std::vector<uint32_t> services = RanksOf(columns.service_name);
  const std::vector<uint32_t> names = RanksOf(columns.name);
  const std::span<const uint64_t> times = columns.start_time.values();
  std::vector<RowKey> keys(times.size());
  for (uint32_t row = 0; row < keys.size(); ++row) {
    // Seconds of 64 bits of nanoseconds have 35 bits; no block has as many tenants as 29 bits count.
    keys[row] = {uint64_t{tenants[columns.tenant.indexes()[row]]} << 35 | times[row] / kBucketNanos,
                 uint64_t{services[columns.service_name.indexes()[row]]} << 32 | names[columns.name.indexes()[row]],
                 times[row], row};
  }
  return keys;
}

}  // namespace

SpanEncoder::SpanEncoder() = default;
SpanEncoder::~SpanEncoder() = default;

engine::EncodedBlock SpanEncoder::Encode(const Cut<model::SpanBatch>& cut, SenderWriter& senders) {
  SpanColumns& columns = ClearedColumns(columns_);
  for (const ArrivedBatch<model::SpanBatch>& arrived : cut.batches) {
    const uint32_t seconds = ArrivalSeconds(arrived.arrival);
    const SenderWriter::Ids ids = senders.Add(arrived.tenant.name(), seconds, *arrived.batch);
    BatchEncoder(*arrived.batch, columns).Encode(arrived.tenant.name(), seconds, ids);
  }
  SortRows(KeysOf(columns), columns, room_);
  return BorrowingBlock(columns, columns.span_id.size());
}

void SpanEncoder::GiveBackMemory() {
  columns_.reset();
  room_ = {};
}

}  // namespace clew::store
