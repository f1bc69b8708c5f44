// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace clew::engine {

void AppendVarint(std::string& out, uint64_t value);

// The bytes of a block while it is put together: pieces that follow each other.
class BlockBytes {
 public:
  // What becomes of the columns' own bytes: copied, or only pointed at, so that the columns have to stay as they are
  // for as long as the bytes are used.
  enum class Columns { kCopied, kBorrowed };

  explicit BlockBytes(Columns columns) : columns_(columns), own_(std::make_unique<std::string>()) {}

  // What is appended to it follows all that came before.
  std::string& own() { return *own_; }
  void AddColumn(std::string_view bytes);
  template <typename T>
  void AddColumn(const std::vector<T>& values) {
    AddColumn(std::string_view(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }

  struct Finished {
    std::vector<std::string_view> pieces;
    std::unique_ptr<const std::string> own;  // where some of them lie
  };
  Finished Finish() &&;

 private:
  struct Piece {
    const char* borrowed = nullptr;  // nullptr: `size` bytes of own_ from `offset` on
    size_t offset = 0;
    size_t size = 0;
  };
  void EndOwnPiece();

  const Columns columns_;
  std::unique_ptr<std::string> own_;
  size_t own_begin_ = 0;
  std::vector<Piece> pieces_;
};

// Memory that columns share while they are put into another order, kept for the next time.
class ReorderRoom {
 public:
  // At least so many bytes, good until the next call.
  char* Bytes(size_t size) {
    if (size > capacity_) {
      bytes_ = std::make_unique_for_overwrite<char[]>(size);
      capacity_ = size;
    }
    return bytes_.get();
  }
  // Changes places with a column's own memory.
  void Swap(std::unique_ptr<char[]>& bytes, size_t& capacity) {
    std::swap(bytes, bytes_);
    std::swap(capacity, capacity_);
  }
  std::vector<uint64_t>& offsets() { return offsets_; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  std::vector<uint64_t> offsets_;
};

// Row i becomes what row order[i] was.
template <typename T>
void ReorderValues(std::span<const uint32_t> order, std::vector<T>& values, ReorderRoom& room) {
  static_assert(std::is_trivially_copyable_v<T>);
  char* to = room.Bytes(order.size() * sizeof(T));
  for (size_t i = 0; i < order.size(); ++i) std::memcpy(to + i * sizeof(T), &values[order[i]], sizeof(T));
  if (!order.empty()) std::memcpy(values.data(), to, order.size() * sizeof(T));
}
// The same of what each row has several of: row r those from ends[r - 1] to ends[r].
template <typename T>
void ReorderRuns(std::span<const uint32_t> order, std::span<const uint64_t> ends, std::vector<T>& values,
                 ReorderRoom& room) {
  static_assert(std::is_trivially_copyable_v<T>);
  char* const begin = room.Bytes(values.size() * sizeof(T));
  char* to = begin;
  for (const uint32_t row : order) {
    const uint64_t first = row == 0 ? 0 : ends[row - 1];
    const size_t bytes = (ends[row] - first) * sizeof(T);
    if (bytes > 0) std::memcpy(to, values.data() + first, bytes);
    to += bytes;
  }
  if (to != begin) std::memcpy(values.data(), begin, static_cast<size_t>(to - begin));
}
// The ends of the rows in their new order.
void ReorderEnds(std::span<const uint32_t> order, std::vector<uint64_t>& ends, ReorderRoom& room);

// Columns that are filled row by row and written as one block in ClickHouse's Native format. Each has WriteTo for its
// data, WritePrefixTo for what its type puts before the data of the whole column, Clear, which keeps its room for the
// next block, and Reorder, after which row i is what row order[i] was (a permutation). None is thread-safe.

// Numbers, dates and FixedString(N) (T of N bytes): the bytes of T as they lie in memory.
template <typename T>
class FixedColumn {
 public:
  void Add(const T& value) { values_.push_back(value); }
  void AddRepeated(const T& value, size_t count) { values_.insert(values_.end(), count, value); }
  void AddAll(std::span<const T> values) { values_.insert(values_.end(), values.begin(), values.end()); }
  std::span<const T> values() const { return values_; }
  size_t size() const { return values_.size(); }
  void Clear() { values_.clear(); }
  void Reorder(std::span<const uint32_t> order, ReorderRoom& room) { ReorderValues(order, values_, room); }
  void WritePrefixTo(BlockBytes&) const {}
  void WriteTo(BlockBytes& out) const { out.AddColumn(values_); }

 private:
  std::vector<T> values_;
};

// String: a variable-length size and the bytes, for each row.
class StringColumn {
 public:
  void Add(std::string_view text) {
    if (capacity_ - used_ < text.size() + kMostVarintBytes) Grow(text.size() + kMostVarintBytes);
    char* to = bytes_.get() + used_;
    uint64_t size = text.size();
    while (size >= 0x80) {
      *to++ = static_cast<char>(size | 0x80);
      size >>= 7;
    }
    *to++ = static_cast<char>(size);
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    used_ = static_cast<size_t>(to - bytes_.get()) + text.size();
    ++size_;
  }
  void AddRepeated(std::string_view text, size_t count) {
    for (size_t i = 0; i < count; ++i) Add(text);
  }
  size_t size() const { return size_; }
  void Clear() {
    used_ = 0;
    size_ = 0;
  }
  void Reorder(std::span<const uint32_t> order, ReorderRoom& room) { ReorderRuns(order, {}, room); }
  // Row r of what holds this column has the texts from ends[r - 1] to ends[r]; no ends: one each.
  void ReorderRuns(std::span<const uint32_t> order, std::span<const uint64_t> ends, ReorderRoom& room);
  void WritePrefixTo(BlockBytes&) const {}
  void WriteTo(BlockBytes& out) const { out.AddColumn(std::string_view(bytes_.get(), used_)); }

 private:
  static constexpr size_t kMostVarintBytes = 10;

  void Grow(size_t room);

  // Not a std::string, which writes zeros to what it grows by.
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t used_ = 0;
  size_t size_ = 0;
};

// LowCardinality(String): a dictionary and one index a row.
class LowCardinalityColumn {
 public:
  LowCardinalityColumn();
  // The dictionary index of `text`, for AddIndex: looks up once what repeats.
  uint32_t IndexOf(std::string_view text);
  void AddIndex(uint32_t index) { indexes_.push_back(index); }
  void AddRepeatedIndex(uint32_t index, size_t count) { indexes_.insert(indexes_.end(), count, index); }
  void Add(std::string_view text) { AddIndex(IndexOf(text)); }
  size_t size() const { return indexes_.size(); }
  // The texts by index, and the indexes by row.
  std::vector<std::string_view> Dictionary() const;
  const std::vector<uint32_t>& indexes() const { return indexes_; }
  void Clear();
  void Reorder(std::span<const uint32_t> order, ReorderRoom& room) { ReorderValues(order, indexes_, room); }
  void ReorderRuns(std::span<const uint32_t> order, std::span<const uint64_t> ends, ReorderRoom& room) {
    engine::ReorderRuns(order, ends, indexes_, room);
  }
  void WritePrefixTo(BlockBytes& out) const;
  void WriteTo(BlockBytes& out) const;

 private:
  void Grow();

  struct Entry {
    uint64_t hash = 0;
    size_t offset = 0;
    size_t size = 0;
  };
  std::string texts_;
  std::vector<Entry> entries_;   // 0 is the empty string, as ClickHouse wants it
  std::vector<uint32_t> table_;  // open addressing over entries_; 0 is free
  std::vector<uint32_t> indexes_;
};

// Array(Element): add the elements to element(), then EndRow().
template <typename Element>
class ArrayColumn {
 public:
  Element& element() { return element_; }
  void EndRow() { ends_.push_back(element_.size()); }
  size_t size() const { return ends_.size(); }
  void Clear() {
    ends_.clear();
    element_.Clear();
  }
  void Reorder(std::span<const uint32_t> order, ReorderRoom& room) {
    if (element_.size() == 0) return;
    std::vector<uint32_t> elements;
    elements.reserve(element_.size());
    for (const uint32_t row : order) {
      for (uint64_t i = row == 0 ? 0 : ends_[row - 1]; i < ends_[row]; ++i)
        elements.push_back(static_cast<uint32_t>(i));
    }
    element_.Reorder(elements, room);
    ReorderEnds(order, ends_, room);
  }
  void WritePrefixTo(BlockBytes& out) const { element_.WritePrefixTo(out); }
  void WriteTo(BlockBytes& out) const {
    out.AddColumn(ends_);
    element_.WriteTo(out);
  }

 private:
  std::vector<uint64_t> ends_;
  Element element_;
};

// Map(LowCardinality(String), String). Keys may stand twice; the order is kept.
class MapColumn {
 public:
  LowCardinalityColumn& keys() { return keys_; }
  StringColumn& values() { return values_; }
  void EndRow() { ends_.push_back(values_.size()); }
  size_t size() const { return ends_.size(); }
  void Clear() {
    ends_.clear();
    keys_.Clear();
    values_.Clear();
  }
  void Reorder(std::span<const uint32_t> order, ReorderRoom& room) {
    keys_.ReorderRuns(order, ends_, room);
    values_.ReorderRuns(order, ends_, room);
    ReorderEnds(order, ends_, room);
  }
  void WritePrefixTo(BlockBytes& out) const { keys_.WritePrefixTo(out); }
  void WriteTo(BlockBytes& out) const;

 private:
  std::vector<uint64_t> ends_;
  LowCardinalityColumn keys_;
  StringColumn values_;
};

// One block as bytes, in pieces that follow each other. What an engine inserts.
struct EncodedBlock {
  struct ColumnName {
    std::string name;
    std::string type;
  };
  std::vector<ColumnName> columns;
  size_t rows = 0;
  std::vector<std::string_view> pieces;
  std::unique_ptr<const std::string> own;  // where pieces lie that no column holds

  // All pieces in one.
  std::string Joined() const;
};

// Puts filled columns together. Every column has `rows` rows.
class BlockWriter {
 public:
  explicit BlockWriter(size_t rows, BlockBytes::Columns columns = BlockBytes::Columns::kCopied);

  // `type` as ClickHouse writes it; it must be the one that ColumnType's bytes have.
  template <typename ColumnType>
  void Add(std::string_view name, std::string_view type, const ColumnType& column) {
    BeginColumn(name, type, column.size());
    // No rows are no bytes, not even the prefix.
    if (block_.rows == 0) return;
    column.WritePrefixTo(bytes_);
    column.WriteTo(bytes_);
  }
  EncodedBlock Finish() &&;

 private:
  void BeginColumn(std::string_view name, std::string_view type, size_t size);

  EncodedBlock block_;
  BlockBytes bytes_;
};

}  // namespace clew::engine
