// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/record/record_format.h"
#include "clew/agent/record/record_reader.h"
#include "clew/base/bytes.h"
#include "clew/model/attributes.h"
#include "clew/model/resource.h"

namespace clew::agent::drain {

// Texts up to this length are looked up among those of the batch: methods, routes, names and statuses repeat.
inline constexpr size_t kInternedBytes = 48;

// What all batches need: texts, attributes, resources and scopes of records in the columns of one batch. A key, scope
// or resource that stands there already is found by its number. Not thread-safe.
template <typename Batch>
class BatchWriter {
 public:
  Batch& batch() { return batch_; }
  const Batch& batch() const { return batch_; }

  Batch Take() {
    Batch taken = std::move(batch_);
    batch_ = Batch();
    known_keys_.fill(0);
    scopes_.clear();
    resources_.clear();
    return taken;
  }

  model::StringId Text(std::string_view text) {
    if (text.empty()) return 0;
    if (!base::IsUtf8(text)) return batch_.strings.Intern(base::ToUtf8(text));
    return text.size() <= kInternedBytes ? batch_.strings.Intern(text) : batch_.strings.Add(text);
  }

  model::StringId Key(const record::AttributeView& attribute) {
    if (attribute.known == record::kKeyLiteral) {
      return base::IsUtf8(attribute.key) ? batch_.strings.Intern(attribute.key)
                                         : batch_.strings.Intern(base::ToUtf8(attribute.key));
    }
    model::StringId& id = known_keys_[attribute.known];
    if (id == 0) id = batch_.strings.Intern(attribute.key);
    return id;
  }

  model::Value Value(const record::ValueView& view) {
    switch (view.type) {
      case record::ValueType::kEmpty: break;
      case record::ValueType::kString: return model::Value::String(Text(view.text));
      case record::ValueType::kBool: return model::Value::Bool(view.bool_value);
      case record::ValueType::kInt: return model::Value::Int(view.int_value);
      case record::ValueType::kDouble: return model::Value::Double(view.double_value);
      case record::ValueType::kBytes: return model::Value::Bytes(batch_.strings.Add(view.text));
      case record::ValueType::kArray: {
        std::vector<model::Value> elements;
        elements.reserve(view.count);
        record::ValueReader reader = view.elements();
        for (record::ValueView element; reader.Next(element);) elements.push_back(Value(element));
        return model::Value::Array(batch_.attributes.AddValues(elements));
      }
      case record::ValueType::kKeyValueList: {
        std::vector<model::KeyValue> rows;
        AppendAttributes(view.attributes(), rows);
        return model::Value::KeyValueList(batch_.attributes.AddKeyValues(rows));
      }
    }
    return {};
  }

  void AppendAttributes(record::AttributeReader reader, std::vector<model::KeyValue>& rows) {
    for (record::AttributeView attribute; reader.Next(attribute);) {
      const model::StringId key = Key(attribute);
      rows.push_back({key, 0, Value(attribute.value)});
    }
  }

  // A record's attributes, and those added to it.
  model::Range Attributes(const record::AttributeList& list, const std::vector<model::KeyValue>& more = {}) {
    rows_.clear();
    AppendAttributes(record::AttributeReader(list), rows_);
    rows_.insert(rows_.end(), more.begin(), more.end());
    return batch_.attributes.AddKeyValues(rows_);
  }

  uint32_t Scope(const record::ScopeView& scope) {
    for (const auto& [known, row] : scopes_) {
      if (known != scope.known) continue;
      if (known != record::kScopeLiteral) return row;
      const model::Scope& there = batch_.scopes[row];
      if (batch_.Text(there.name) == scope.name && batch_.Text(there.version) == scope.version &&
          batch_.Text(there.schema_url) == scope.schema_url) {
        return row;
      }
    }
    model::Scope scope_row;
    scope_row.name = Text(scope.name);
    scope_row.version = Text(scope.version);
    scope_row.schema_url = Text(scope.schema_url);
    batch_.scopes.push_back(scope_row);
    scopes_.emplace_back(scope.known, static_cast<uint32_t>(batch_.scopes.size() - 1));
    return scopes_.back().second;
  }

  // The row of the resource number `id`; `make` gives its attributes where it is not there yet.
  template <typename Make>
  uint32_t Resource(uint64_t id, Make&& make) {
    for (const auto& [known, row] : resources_) {
      if (known == id) return row;
    }
    std::vector<model::KeyValue> rows;
    make(rows);
    model::Resource resource;
    resource.attributes = batch_.attributes.AddKeyValues(rows);
    resource.schema_url = batch_.strings.Intern(record::kSchemaUrl);
    batch_.resources.push_back(resource);
    resources_.emplace_back(id, static_cast<uint32_t>(batch_.resources.size() - 1));
    return resources_.back().second;
  }

  model::KeyValue StringRow(std::string_view key, std::string_view value) {
    const model::StringId key_id = batch_.strings.Intern(key);
    return {key_id, 0, model::Value::String(Text(value))};
  }
  void AppendPairs(const KeyValuePairs& pairs, std::vector<model::KeyValue>& rows) {
    for (const auto& [key, value] : pairs) rows.push_back(StringRow(key, value));
  }

 private:
  Batch batch_;
  std::array<model::StringId, record::kKnownKeyCount> known_keys_{};
  std::vector<std::pair<record::KnownScope, uint32_t>> scopes_;
  std::vector<std::pair<uint64_t, uint32_t>> resources_;
  std::vector<model::KeyValue> rows_;
};

// Puts rows of one resource and scope side by side, each in the order in which it came: encoders write a resource anew
// whenever it changes, and rings are read in turn.
template <typename Batch>
void GroupRows(Batch& batch) {
  const auto key = [&](uint32_t row) { return std::tuple(batch.resource[row], batch.scope[row], row); };
  std::vector<uint32_t> order(batch.size());
  std::iota(order.begin(), order.end(), 0u);
  if (std::ranges::is_sorted(order, {}, key)) return;
  std::ranges::sort(order, {}, key);
  batch.VisitRowColumns([&](auto& column) {
    std::remove_reference_t<decltype(column)> sorted;
    sorted.reserve(column.size());
    for (uint32_t row : order) sorted.push_back(column[row]);
    column = std::move(sorted);
  });
}

}  // namespace clew::agent::drain
