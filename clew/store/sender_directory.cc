// SPDX-License-Identifier: Apache-2.0
#include "clew/store/sender_directory.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "clew/base/hash.h"
#include "clew/engine/native_writer.h"
#include "clew/store/attribute_codec.h"

namespace clew::store {
namespace {

std::unexpected<base::Error> Corrupt() {
  return base::Fail(base::Code::kDataLoss, "a stored resource or scope cannot be read: the store is damaged");
}

void AppendText(std::string_view text, std::string& out) {
  engine::AppendVarint(out, text.size());
  out += text;
}

bool ReadVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool ReadText(std::string_view& bytes, std::string_view& text) {
  uint64_t size = 0;
  if (!ReadVarint(bytes, size) || size > bytes.size()) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

// What resources and scopes share: attributes, dropped count, schema URL.
template <typename Sender>
void AppendCommon(const model::BatchBase& batch, const Sender& sender, std::string& out) {
  AppendBinaryList(batch.attributes, batch.strings, sender.attributes, out);
  engine::AppendVarint(out, sender.dropped_attributes_count);
  AppendText(batch.Text(sender.schema_url), out);
}

template <typename Sender>
base::Status ReadCommon(std::string_view record, model::BatchBase& batch, Sender& sender) {
  CLEW_ASSIGN_OR_RETURN(sender.attributes, ReadBinaryList(record, batch.attributes, batch.strings));
  uint64_t dropped = 0;
  std::string_view url;
  if (!ReadVarint(record, dropped) || dropped > UINT32_MAX || !ReadText(record, url) || !record.empty()) {
    return Corrupt();
  }
  sender.dropped_attributes_count = static_cast<uint32_t>(dropped);
  sender.schema_url = batch.strings.Intern(url);
  return {};
}

}  // namespace

std::string ResourceRecord(const model::BatchBase& batch, const model::Resource& resource) {
  std::string record;
  AppendCommon(batch, resource, record);
  return record;
}

std::string ScopeRecord(const model::BatchBase& batch, const model::Scope& scope) {
  std::string record;
  AppendText(batch.Text(scope.name), record);
  AppendText(batch.Text(scope.version), record);
  AppendCommon(batch, scope, record);
  return record;
}

base::Result<model::Resource> ReadResourceRecord(std::string_view record, model::BatchBase& batch) {
  model::Resource resource;
  CLEW_RETURN_IF_ERROR(ReadCommon(record, batch, resource));
  return resource;
}

base::Result<model::Scope> ReadScopeRecord(std::string_view record, model::BatchBase& batch) {
  model::Scope scope;
  std::string_view name;
  std::string_view version;
  if (!ReadText(record, name) || !ReadText(record, version)) return Corrupt();
  scope.name = batch.strings.Intern(name);
  scope.version = batch.strings.Intern(version);
  CLEW_RETURN_IF_ERROR(ReadCommon(record, batch, scope));
  return scope;
}

uint64_t RecordId(std::string_view record) { return std::max<uint64_t>(1, base::Hash64(record)); }

std::string_view ServiceOf(const model::BatchBase& batch, const model::Resource& resource) {
  const std::string_view name = model::FindString(batch.attributes, batch.strings, resource.attributes, "service.name");
  return name.empty() ? model::kUnknownService : name;
}

bool SenderDirectory::IsKnown(std::string_view tenant, uint64_t id, int64_t day) const {
  const std::shared_lock lock(mutex_);
  const auto entries = tenants_.find(tenant);
  if (entries == tenants_.end()) return false;
  const auto entry = entries->second.find(id);
  return entry != entries->second.end() && entry->second.day == day;
}

void SenderDirectory::Add(std::string_view tenant, uint64_t id, int64_t day, std::string_view record) {
  const std::unique_lock lock(mutex_);
  auto entries = tenants_.find(tenant);
  if (entries == tenants_.end()) entries = tenants_.emplace(std::string(tenant), Entries()).first;
  Entry& entry = entries->second[id];
  if (entry.record == nullptr) {
    entry = {std::make_shared<const std::string>(record), day};
  } else {
    entry.day = std::max(entry.day, day);
  }
}

void SenderDirectory::Replace(std::string_view tenant, uint64_t id, int64_t day, std::string_view record) {
  {
    const std::unique_lock lock(mutex_);
    if (const auto entries = tenants_.find(tenant); entries != tenants_.end()) {
      if (const auto entry = entries->second.find(id); entry != entries->second.end()) {
        entry->second.record = std::make_shared<const std::string>(record);
      }
    }
  }
  Add(tenant, id, day, record);
}

void SenderDirectory::ForgetUpTo(int64_t day) {
  const std::unique_lock lock(mutex_);
  for (auto& [tenant, entries] : tenants_) {
    std::erase_if(entries, [&](const auto& entry) { return entry.second.day <= day; });
  }
}

SenderDirectory::Record SenderDirectory::Find(std::string_view tenant, uint64_t id) const {
  const std::shared_lock lock(mutex_);
  const auto entries = tenants_.find(tenant);
  if (entries == tenants_.end()) return nullptr;
  const auto entry = entries->second.find(id);
  return entry == entries->second.end() ? nullptr : entry->second.record;
}

std::vector<std::pair<uint64_t, SenderDirectory::Record>> SenderDirectory::All(std::string_view tenant) const {
  std::vector<std::pair<uint64_t, Record>> all;
  const std::shared_lock lock(mutex_);
  const auto entries = tenants_.find(tenant);
  if (entries == tenants_.end()) return all;
  all.reserve(entries->second.size());
  for (const auto& [id, entry] : entries->second) all.emplace_back(id, entry.record);
  return all;
}

}  // namespace clew::store
