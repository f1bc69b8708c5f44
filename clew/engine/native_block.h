// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/engine/native_type.h"

namespace clew::engine {

// A decoded column of one block. Values of fixed width and strings are copied out of the bytes, so a column owns all
// that it shows. Not thread-safe while being built; any thread may read it afterwards.
class Column {
 public:
  const Type& type() const { return type_; }
  size_t size() const { return size_; }

  // The values of a fixed-width column (numbers, dates, FixedString) as T; T's size must be the type's width.
  template <typename T>
  std::span<const T> Values() const {
    CLEW_CHECK(type_.width == sizeof(T));
    return {reinterpret_cast<const T*>(data_.data()), size_};
  }
  template <typename T>
  T At(size_t row) const {
    CLEW_CHECK(type_.width == sizeof(T) && row < size_);
    T value;
    std::memcpy(&value, data_.data() + row * sizeof(T), sizeof(T));
    return value;
  }
  // The text of a row of String, FixedString, or LowCardinality of either.
  std::string_view Text(size_t row) const;
  // Where the elements of a row of Array or Map stand in element(…): [first, last).
  std::pair<size_t, size_t> Elements(size_t row) const {
    CLEW_CHECK(row < size_);
    return {row == 0 ? 0 : ends_[row - 1], ends_[row]};
  }
  // Whether a row of Nullable is NULL; false for every other type.
  bool IsNull(size_t row) const { return type_.kind == TypeKind::kNullable && data_[row] != 0; }
  // Array and Nullable: 0 is the element. Map: 0 the keys, 1 the values. Tuple: its members. LowCardinality: 0 is the
  // dictionary, whose rows Index(row) names.
  const Column& element(size_t index = 0) const { return elements_[index]; }
  size_t Index(size_t row) const { return ends_[row]; }

 private:
  friend class NativeDecoder;

  Type type_;
  size_t size_ = 0;
  std::vector<char> data_;      // fixed-width values; null map of Nullable; the bytes of strings
  std::vector<uint64_t> ends_;  // ends of strings in data_, ends of arrays in elements_, indexes of LowCardinality
  std::vector<Column> elements_;
};

struct NamedColumn {
  std::string name;
  Column column;
};

// Columns of equal length, in the order of the SELECT.
struct Block {
  std::vector<NamedColumn> columns;
  size_t rows = 0;

  const Column& operator[](size_t index) const { return columns[index].column; }
};

// What decoding of foreign bytes may use.
struct DecodeLimits {
  size_t max_rows = size_t{1} << 26;   // of one block
  size_t max_bytes = size_t{1} << 32;  // held by one block
};

// Reads one block in ClickHouse's Native format (client revision 0: no block info) from the front of `bytes` and
// removes it. INVALID_ARGUMENT where the bytes are no block, UNIMPLEMENTED for a type that is not supported,
// OUT_OF_RANGE over a limit.
base::Result<Block> DecodeBlock(std::string_view& bytes, const DecodeLimits& limits = {});

}  // namespace clew::engine
