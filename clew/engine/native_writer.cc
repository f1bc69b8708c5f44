// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/native_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "clew/base/hash.h"
#include "clew/base/result.h"

namespace clew::engine {
namespace {

// See native_block.cc.
constexpr uint64_t kSharedDictionariesWithAdditionalKeys = 1;
constexpr uint64_t kHasAdditionalKeys = 1u << 9;
constexpr uint64_t kNeedUpdateDictionary = 1u << 10;

void AppendWord(std::string& out, uint64_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }

void AppendText(std::string& out, std::string_view text) {
  AppendVarint(out, text.size());
  out += text;
}

template <typename Index>
void AppendIndexes(std::string& out, const std::vector<uint32_t>& indexes) {
  const size_t first = out.size();
  out.resize(first + indexes.size() * sizeof(Index));
  char* to = out.data() + first;
  for (const uint32_t index : indexes) {
    const Index narrow = static_cast<Index>(index);
    std::memcpy(to, &narrow, sizeof narrow);
    to += sizeof narrow;
  }
}

}  // namespace

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void StringColumn::Add(std::string_view text) {
  AppendText(bytes_, text);
  ++size_;
}

LowCardinalityColumn::LowCardinalityColumn() : entries_(1) {}

void LowCardinalityColumn::Grow() {
  table_.assign(std::max<size_t>(64, table_.size() * 2), 0);
  const size_t mask = table_.size() - 1;
  for (uint32_t index = 1; index < entries_.size(); ++index) {
    size_t slot = entries_[index].hash & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = index;
  }
}

uint32_t LowCardinalityColumn::IndexOf(std::string_view text) {
  if (text.empty()) return 0;
  if (2 * entries_.size() > table_.size()) Grow();
  const uint64_t hash = base::Hash64(text);
  const size_t mask = table_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const uint32_t index = table_[slot];
    if (index == 0) {
      table_[slot] = static_cast<uint32_t>(entries_.size());
      entries_.push_back({hash, texts_.size(), text.size()});
      texts_ += text;
      return table_[slot];
    }
    const Entry& entry = entries_[index];
    if (entry.hash == hash && std::string_view(texts_).substr(entry.offset, entry.size) == text) return index;
  }
}

void LowCardinalityColumn::WritePrefixTo(std::string& out) const {
  AppendWord(out, kSharedDictionariesWithAdditionalKeys);
}

void LowCardinalityColumn::WriteTo(std::string& out) const {
  // Nothing at all is written for an empty column, as in empty arrays.
  if (indexes_.empty()) return;
  const uint64_t index_type = entries_.size() <= 0x100 ? 0 : entries_.size() <= 0x10000 ? 1 : 2;
  AppendWord(out, index_type | kHasAdditionalKeys | kNeedUpdateDictionary);
  AppendWord(out, entries_.size());
  for (const Entry& entry : entries_) AppendText(out, std::string_view(texts_).substr(entry.offset, entry.size));
  AppendWord(out, indexes_.size());
  switch (index_type) {
    case 0: AppendIndexes<uint8_t>(out, indexes_); break;
    case 1: AppendIndexes<uint16_t>(out, indexes_); break;
    default: AppendIndexes<uint32_t>(out, indexes_); break;
  }
}

void MapColumn::WriteTo(std::string& out) const {
  out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(uint64_t));
  keys_.WriteTo(out);
  values_.WriteTo(out);
}

BlockWriter::BlockWriter(size_t rows) { block_.rows = rows; }

void BlockWriter::BeginColumn(std::string_view name, std::string_view type, size_t size) {
  CLEW_CHECK(size == block_.rows);
  block_.columns.push_back({std::string(name), std::string(type)});
  AppendText(columns_, name);
  AppendText(columns_, type);
}

EncodedBlock BlockWriter::Finish() && {
  std::string header;
  AppendVarint(header, block_.columns.size());
  AppendVarint(header, block_.rows);
  block_.header = std::move(header);
  block_.body = std::move(columns_);
  return std::move(block_);
}

}  // namespace clew::engine
