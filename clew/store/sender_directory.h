// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/resource.h"

namespace clew::store {

// Resources and scopes are kept once and named by a hash of all that they hold; rows of spans and logs carry the hash.
// A record is those contents in the binary form of attribute_codec.h:
//   resource: list of attributes, varint dropped count, text schema URL
//   scope: text name, text version, list of attributes, varint dropped count, text schema URL
std::string ResourceRecord(const model::BatchBase& batch, const model::Resource& resource);
std::string ScopeRecord(const model::BatchBase& batch, const model::Scope& scope);
base::Result<model::Resource> ReadResourceRecord(std::string_view record, model::BatchBase& batch);
base::Result<model::Scope> ReadScopeRecord(std::string_view record, model::BatchBase& batch);
// Never 0.
uint64_t RecordId(std::string_view record);

// service.name of a resource, or model::kUnknownService.
std::string_view ServiceOf(const model::BatchBase& batch, const model::Resource& resource);

// The records of one kind of all tenants, mirrored in memory: rebuilt from their table at start, added to by the
// writer. Thread-safe.
class SenderDirectory {
 public:
  using Record = std::shared_ptr<const std::string>;

  // Whether a row for this arrival day stands in the table already. Rows go away with their partition, so each day has
  // its own.
  bool IsKnown(std::string_view tenant, uint64_t id, int64_t day) const;
  // Of several days the newest counts.
  void Add(std::string_view tenant, uint64_t id, int64_t day, std::string_view record);
  // Another record under an id that is known: what was in the one before is gone from the table.
  void Replace(std::string_view tenant, uint64_t id, int64_t day, std::string_view record);
  // The rows of these days are gone from the table: forgets what no later day has.
  void ForgetUpTo(int64_t day);
  // nullptr where it is not known.
  Record Find(std::string_view tenant, uint64_t id) const;
  // All of one tenant, in no order.
  std::vector<std::pair<uint64_t, Record>> All(std::string_view tenant) const;

 private:
  struct Entry {
    Record record;
    int64_t day = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Entries = std::unordered_map<uint64_t, Entry>;

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Entries, Hash, std::equal_to<>> tenants_;  // guarded by mutex_
};

}  // namespace clew::store
