// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/time.h"
#include "clew/engine/native_writer.h"
#include "clew/model/strings.h"

namespace clew::store {

inline constexpr std::string_view kTextMap = "Map(LowCardinality(String), String)";
inline constexpr std::string_view kWord = "LowCardinality(String)";

// A DateTime of an arrival; what lies outside 1970 to 2106 is the nearest that fits.
inline uint32_t ArrivalSeconds(base::UnixNanos arrival) {
  return static_cast<uint32_t>(std::clamp<int64_t>(arrival / base::kNanosPerSecond, 0, UINT32_MAX));
}

// Columns to fill, with the room that they had: those in `kept`, or new ones.
template <typename Columns>
Columns& ClearedColumns(std::unique_ptr<Columns>& kept) {
  if (!kept) kept = std::make_unique<Columns>();
  Columns::Visit(*kept, [](std::string_view, std::string_view, auto& column) { column.Clear(); });
  return *kept;
}

// The rank of each text of a dictionary in the order of its bytes, which is the engine's.
inline std::vector<uint32_t> RanksOf(const engine::LowCardinalityColumn& column) {
  const std::vector<std::string_view> texts = column.Dictionary();
  std::vector<uint32_t> sorted(texts.size());
  std::iota(sorted.begin(), sorted.end(), 0u);
  std::ranges::sort(sorted, {}, [&](uint32_t index) { return texts[index]; });
  std::vector<uint32_t> ranks(texts.size());
  for (uint32_t rank = 0; rank < sorted.size(); ++rank) ranks[sorted[rank]] = rank;
  return ranks;
}

// What a row is sorted by, made of numbers: `first`, then `second`, then `time`.
struct RowKey {
  uint64_t first = 0;
  uint64_t second = 0;
  uint64_t time = 0;
  uint32_t row = 0;
  auto operator<=>(const RowKey&) const = default;
};

// Puts the rows of all columns into the order of their table, which costs the engine several times as much. `keys` are
// those of the rows in turn.
template <typename Columns>
void SortRows(std::vector<RowKey> keys, Columns& columns, engine::ReorderRoom& room) {
  std::ranges::sort(keys);
  std::vector<uint32_t> order;
  order.reserve(keys.size());
  for (const RowKey& key : keys) order.push_back(key.row);
  Columns::Visit(columns, [&](std::string_view, std::string_view, auto& column) { column.Reorder(order, room); });
}

// A block that is good for as long as the columns stay as they are.
template <typename Columns>
engine::EncodedBlock BorrowingBlock(const Columns& columns, size_t rows) {
  engine::BlockWriter block(rows, engine::BlockBytes::Columns::kBorrowed);
  Columns::Visit(columns, [&](std::string_view name, std::string_view type, const auto& column) {
    block.Add(name, type, column);
  });
  return std::move(block).Finish();
}

// The dictionary indexes of a batch's strings in one column, each looked up once.
class WordMemo {
 public:
  WordMemo(const model::Strings& strings, engine::LowCardinalityColumn& column)
      : strings_(strings), column_(column), indexes_(strings.size(), kUnknown) {}
  void Add(model::StringId id) {
    if (indexes_[id] == kUnknown) indexes_[id] = column_.IndexOf(strings_.Get(id));
    column_.AddIndex(indexes_[id]);
  }

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  const model::Strings& strings_;
  engine::LowCardinalityColumn& column_;
  std::vector<uint32_t> indexes_;
};

}  // namespace clew::store
