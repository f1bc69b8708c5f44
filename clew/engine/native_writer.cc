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

// Below this a copy costs less than one more piece.
constexpr size_t kCopyBytes = 4096;

}  // namespace

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void BlockBytes::EndOwnPiece() {
  if (own_->size() > own_begin_) pieces_.push_back({nullptr, own_begin_, own_->size() - own_begin_});
  own_begin_ = own_->size();
}

void BlockBytes::AddColumn(std::string_view bytes) {
  if (columns_ == Columns::kCopied || bytes.size() < kCopyBytes) {
    *own_ += bytes;
    return;
  }
  EndOwnPiece();
  pieces_.push_back({bytes.data(), 0, bytes.size()});
}

BlockBytes::Finished BlockBytes::Finish() && {
  EndOwnPiece();
  Finished finished;
  finished.pieces.reserve(pieces_.size());
  for (const Piece& piece : pieces_) {
    finished.pieces.emplace_back(piece.borrowed != nullptr ? piece.borrowed : own_->data() + piece.offset, piece.size);
  }
  finished.own = std::move(own_);
  return finished;
}

void StringColumn::Grow(size_t room) {
  const size_t capacity = std::max({capacity_ + capacity_ / 2, used_ + room, size_t{4096}});
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (used_ > 0) std::memcpy(bytes.get(), bytes_.get(), used_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

void StringColumn::ReorderRuns(std::span<const uint32_t> order, std::span<const uint64_t> ends, ReorderRoom& room) {
  // Where the texts of each row begin: their sizes stand before them.
  std::vector<uint64_t>& offsets = room.offsets();
  offsets.clear();
  const char* const begin = bytes_.get();
  const char* at = begin;
  uint64_t passed = 0;
  for (size_t row = 0; row < order.size(); ++row) {
    offsets.push_back(static_cast<uint64_t>(at - begin));
    for (const uint64_t end = ends.empty() ? row + 1 : ends[row]; passed < end; ++passed) {
      uint64_t size = 0;
      int shift = 0;
      while ((static_cast<uint8_t>(*at) & 0x80) != 0) {
        size |= uint64_t{static_cast<uint8_t>(*at++) & 0x7Fu} << shift;
        shift += 7;
      }
      size |= uint64_t{static_cast<uint8_t>(*at++)} << shift;
      at += size;
    }
  }
  offsets.push_back(static_cast<uint64_t>(at - begin));
  if (used_ == 0) return;
  char* to = room.Bytes(used_);
  for (const uint32_t row : order) {
    const size_t size = offsets[row + size_t{1}] - offsets[row];
    std::memcpy(to, begin + offsets[row], size);
    to += size;
  }
  room.Swap(bytes_, capacity_);
}

void ReorderEnds(std::span<const uint32_t> order, std::vector<uint64_t>& ends, ReorderRoom& room) {
  std::vector<uint64_t>& old = room.offsets();
  old = ends;
  uint64_t end = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    end += old[order[i]] - (order[i] == 0 ? 0 : old[order[i] - 1]);
    ends[i] = end;
  }
}

std::vector<std::string_view> LowCardinalityColumn::Dictionary() const {
  std::vector<std::string_view> texts;
  texts.reserve(entries_.size());
  for (const Entry& entry : entries_) texts.push_back(std::string_view(texts_).substr(entry.offset, entry.size));
  return texts;
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

void LowCardinalityColumn::Clear() {
  texts_.clear();
  entries_.resize(1);
  std::ranges::fill(table_, 0);
  indexes_.clear();
}

void LowCardinalityColumn::WritePrefixTo(BlockBytes& out) const {
  AppendWord(out.own(), kSharedDictionariesWithAdditionalKeys);
}

void LowCardinalityColumn::WriteTo(BlockBytes& bytes) const {
  // Nothing at all is written for an empty column, as in empty arrays.
  if (indexes_.empty()) return;
  std::string& out = bytes.own();
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

void MapColumn::WriteTo(BlockBytes& out) const {
  out.AddColumn(ends_);
  keys_.WriteTo(out);
  values_.WriteTo(out);
}

std::string EncodedBlock::Joined() const {
  std::string joined;
  for (const std::string_view piece : pieces) joined += piece;
  return joined;
}

BlockWriter::BlockWriter(size_t rows, BlockBytes::Columns columns) : bytes_(columns) {
  block_.rows = rows;
  // The number of columns, once it is known.
  bytes_.own().push_back('\0');
  AppendVarint(bytes_.own(), rows);
}

void BlockWriter::BeginColumn(std::string_view name, std::string_view type, size_t size) {
  CLEW_CHECK(size == block_.rows);
  block_.columns.push_back({std::string(name), std::string(type)});
  AppendText(bytes_.own(), name);
  AppendText(bytes_.own(), type);
}

EncodedBlock BlockWriter::Finish() && {
  // Of a varint of one byte.
  CLEW_CHECK(block_.columns.size() < 0x80);
  bytes_.own()[0] = static_cast<char>(block_.columns.size());
  auto [pieces, own] = std::move(bytes_).Finish();
  block_.pieces = std::move(pieces);
  block_.own = std::move(own);
  return std::move(block_);
}

}  // namespace clew::engine
