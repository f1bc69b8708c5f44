// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/attribute_counter.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace clew::query::evidence {

AttributeCounter::Sides* AttributeCounter::SidesOf(std::string_view key, std::string value) {
  if (value.size() > kLongestValue) return nullptr;
  auto found = keys_.find(std::string(key));
  if (found == keys_.end()) {
    if (keys_.size() == kMostKeys) return nullptr;
    found = keys_.try_emplace(std::string(key)).first;
  }
  Key& known = found->second;
  if (known.is_identifier) return nullptr;
  const auto [entry, added] = known.values.try_emplace(std::move(value));
  if (added && known.values.size() > kMostValues) {
    known.is_identifier = true;
    return nullptr;
  }
  return &entry->second;
}

template <typename Batch>
void AttributeCounter::AddRows(const Batch& batch, const RowTest& counts, const RowTest& inside) {
  // Within a batch equal texts have one id: how often each pair stands is counted by number first.
  std::map<std::tuple<model::StringId, model::ValueKind, uint64_t, uint32_t>, Sides> pairs;
  const auto add = [&](model::Range range, bool is_inside) {
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::KeyValue& row = batch.attributes.key_values[range.first + i];
      Sides& sides = pairs[{row.key, row.value.kind, row.value.payload, row.value.count}];
      ++(is_inside ? sides.inside : sides.outside);
    }
  };
  for (size_t row = 0; row < batch.size(); ++row) {
    if (!counts(row)) continue;
    const bool is_inside = inside(row);
    ++(is_inside ? inside_ : outside_);
    add(batch.attribute_range[row], is_inside);
    add(batch.resources[batch.resource[row]].attributes, is_inside);
  }
  for (const auto& [pair, sides] : pairs) {
    const auto& [key, kind, payload, count] = pair;
    Sides* all = SidesOf(batch.Text(key),
                         model::ValueToText(batch.attributes, batch.strings, model::Value{kind, count, payload}));
    if (all == nullptr) continue;
    all->inside += sides.inside;
    all->outside += sides.outside;
  }
}

void AttributeCounter::Add(const model::SpanBatch& batch, const RowTest& counts, const RowTest& inside) {
  AddRows(batch, counts, inside);
}

void AttributeCounter::Add(const model::LogBatch& batch, const RowTest& counts, const RowTest& inside) {
  AddRows(batch, counts, inside);
}

std::vector<model::AttributeCount> AttributeCounter::Counts() const {
  std::vector<model::AttributeCount> list;
  for (const auto& [key, known] : keys_) {
    if (known.is_identifier) continue;
    for (const auto& [value, sides] : known.values) list.push_back({key, value, sides.inside, sides.outside});
  }
  std::ranges::sort(list, {}, [](const model::AttributeCount& c) { return std::tie(c.key, c.value); });
  return list;
}

}  // namespace clew::query::evidence
