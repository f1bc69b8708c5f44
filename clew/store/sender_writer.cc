// SPDX-License-Identifier: Apache-2.0
#include "clew/store/sender_writer.h"

#include "clew/base/result.h"
#include "clew/store/attribute_codec.h"

namespace clew::store {
namespace {

void Note(const SenderDirectory& directory, std::string_view tenant, uint32_t arrival_seconds, int64_t day, uint64_t id,
          std::string record, std::set<std::pair<std::string, uint64_t>>& noted,
          std::vector<SenderWriter::NewSender>& fresh) {
  if (directory.IsKnown(tenant, id, day) || !noted.emplace(tenant, id).second) return;
  fresh.push_back({std::string(tenant), id, arrival_seconds, std::move(record)});
}

// The columns that both tables have.
struct SenderColumns {
  engine::LowCardinalityColumn tenant;
  engine::FixedColumn<uint64_t> id;
  engine::FixedColumn<uint32_t> arrived;
  engine::MapColumn attributes;
  engine::LowCardinalityColumn attribute_kinds;
  engine::StringColumn attribute_extra;
  engine::FixedColumn<uint32_t> dropped_attributes_count;
  engine::LowCardinalityColumn schema_url;

  template <typename Sender>
  void Add(const SenderWriter::NewSender& row, const model::BatchBase& batch, const Sender& sender) {
    tenant.Add(row.tenant);
    id.Add(row.id);
    arrived.Add(row.arrival_seconds);
    std::string kinds;
    std::string extra;
    AttributeWriter(batch.attributes, batch.strings).Write(sender.attributes, attributes, kinds, extra);
    attribute_kinds.Add(kinds);
    attribute_extra.Add(extra);
    dropped_attributes_count.Add(sender.dropped_attributes_count);
    schema_url.Add(batch.Text(sender.schema_url));
  }
  void AddTo(engine::BlockWriter& block) const {
    block.Add("tenant", "LowCardinality(String)", tenant);
    block.Add("id", "UInt64", id);
    block.Add("arrived", "DateTime", arrived);
    block.Add("attributes", "Map(LowCardinality(String), String)", attributes);
    block.Add("attribute_kinds", "LowCardinality(String)", attribute_kinds);
    block.Add("attribute_extra", "String", attribute_extra);
    block.Add("dropped_attributes_count", "UInt32", dropped_attributes_count);
    block.Add("schema_url", "LowCardinality(String)", schema_url);
  }
};

}  // namespace

SenderWriter::Ids SenderWriter::Add(std::string_view tenant, uint32_t arrival_seconds, const model::BatchBase& batch) {
  Ids ids;
  for (const model::Resource& resource : batch.resources) {
    std::string record = ResourceRecord(batch, resource);
    ids.resources.push_back(RecordId(record));
    Note(resources_, tenant, arrival_seconds, day_, ids.resources.back(), std::move(record), noted_resources_,
         new_resources_);
  }
  for (const model::Scope& scope : batch.scopes) {
    std::string record = ScopeRecord(batch, scope);
    ids.scopes.push_back(RecordId(record));
    Note(scopes_, tenant, arrival_seconds, day_, ids.scopes.back(), std::move(record), noted_scopes_, new_scopes_);
  }
  return ids;
}

engine::EncodedBlock EncodeResources(const std::vector<SenderWriter::NewSender>& senders) {
  SenderColumns columns;
  engine::LowCardinalityColumn service;
  for (const SenderWriter::NewSender& sender : senders) {
    model::BatchBase batch;
    const auto resource = ReadResourceRecord(sender.record, batch);
    CLEW_CHECK(resource.has_value());
    columns.Add(sender, batch, *resource);
    service.Add(ServiceOf(batch, *resource));
  }
  engine::BlockWriter block(senders.size());
  columns.AddTo(block);
  block.Add("service_name", "LowCardinality(String)", service);
  return std::move(block).Finish();
}

engine::EncodedBlock EncodeScopes(const std::vector<SenderWriter::NewSender>& senders) {
  SenderColumns columns;
  engine::LowCardinalityColumn name;
  engine::LowCardinalityColumn version;
  for (const SenderWriter::NewSender& sender : senders) {
    model::BatchBase batch;
    const auto scope = ReadScopeRecord(sender.record, batch);
    CLEW_CHECK(scope.has_value());
    columns.Add(sender, batch, *scope);
    name.Add(batch.Text(scope->name));
    version.Add(batch.Text(scope->version));
  }
  engine::BlockWriter block(senders.size());
  columns.AddTo(block);
  block.Add("name", "LowCardinality(String)", name);
  block.Add("version", "LowCardinality(String)", version);
  return std::move(block).Finish();
}

}  // namespace clew::store
