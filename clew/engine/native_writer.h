// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clew::engine {

void AppendVarint(std::string& out, uint64_t value);

// Columns that are filled row by row and written as one block in ClickHouse's Native format. Each has WriteTo for its
// data and WritePrefixTo for what its type puts before the data of the whole column. None is thread-safe.

// Numbers, dates and FixedString(N) (T of N bytes): the bytes of T as they lie in memory.
template <typename T>
class FixedColumn {
 public:
  void Add(const T& value) { values_.push_back(value); }
  void AddRepeated(const T& value, size_t count) { values_.insert(values_.end(), count, value); }
  void AddAll(std::span<const T> values) { values_.insert(values_.end(), values.begin(), values.end()); }
  void Reserve(size_t rows) { values_.reserve(rows); }
  size_t size() const { return values_.size(); }
  void WritePrefixTo(std::string&) const {}
  void WriteTo(std::string& out) const {
    out.append(reinterpret_cast<const char*>(values_.data()), values_.size() * sizeof(T));
  }

 private:
  std::vector<T> values_;
};

// String: a variable-length size and the bytes, for each row.
class StringColumn {
 public:
  void Add(std::string_view text);
  void AddRepeated(std::string_view text, size_t count) {
    for (size_t i = 0; i < count; ++i) Add(text);
  }
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }
  size_t size() const { return size_; }
  void WritePrefixTo(std::string&) const {}
  void WriteTo(std::string& out) const { out += bytes_; }

 private:
  std::string bytes_;
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
  void WritePrefixTo(std::string& out) const;
  void WriteTo(std::string& out) const;

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
  void WritePrefixTo(std::string& out) const { element_.WritePrefixTo(out); }
  void WriteTo(std::string& out) const {
    out.append(reinterpret_cast<const char*>(ends_.data()), ends_.size() * sizeof(uint64_t));
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
  void WritePrefixTo(std::string& out) const { keys_.WritePrefixTo(out); }
  void WriteTo(std::string& out) const;

 private:
  std::vector<uint64_t> ends_;
  LowCardinalityColumn keys_;
  StringColumn values_;
};

// One block as bytes: header, then body. What an engine inserts.
struct EncodedBlock {
  struct ColumnName {
    std::string name;
    std::string type;
  };
  std::vector<ColumnName> columns;
  size_t rows = 0;
  std::string header;
  std::string body;
};

// Puts filled columns together. Every column has `rows` rows.
class BlockWriter {
 public:
  explicit BlockWriter(size_t rows);

  // `type` as ClickHouse writes it; it must be the one that ColumnType's bytes have.
  template <typename ColumnType>
  void Add(std::string_view name, std::string_view type, const ColumnType& column) {
    BeginColumn(name, type, column.size());
    // No rows are no bytes, not even the prefix.
    if (block_.rows == 0) return;
    column.WritePrefixTo(columns_);
    column.WriteTo(columns_);
  }
  EncodedBlock Finish() &&;

 private:
  void BeginColumn(std::string_view name, std::string_view type, size_t size);

  EncodedBlock block_;
  std::string columns_;
};

}  // namespace clew::engine
