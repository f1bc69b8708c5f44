// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/native_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace clew::engine {
namespace {

// Serialisation of LowCardinality (ClickHouse: SerializationLowCardinality): version of the key stream, then flags
// above the index type.
constexpr uint64_t kSharedDictionariesWithAdditionalKeys = 1;
constexpr uint64_t kNeedGlobalDictionary = 1u << 8;
constexpr uint64_t kHasAdditionalKeys = 1u << 9;
constexpr uint64_t kIndexTypeMask = 0xFF;

constexpr size_t kMaxColumns = 4096;
constexpr size_t kMaxNameBytes = 4096;

std::unexpected<base::Error> Truncated() { return base::InvalidArgument("engine: a block ends too early"); }

}  // namespace

std::string_view Column::Text(size_t row) const {
  CLEW_CHECK(row < size_);
  switch (type_.kind) {
    case TypeKind::kString: {
      const size_t first = row == 0 ? 0 : ends_[row - 1];
      return {data_.data() + first, ends_[row] - first};
    }
    case TypeKind::kLowCardinality: return elements_[0].Text(ends_[row]);
    case TypeKind::kNullable: return elements_[0].Text(row);
    default: CLEW_CHECK(type_.kind == TypeKind::kFixedString); return {data_.data() + row * type_.width, type_.width};
  }
}

class NativeDecoder {
 public:
  NativeDecoder(std::string_view bytes, const DecodeLimits& limits) : rest_(bytes), limits_(limits) {}

  std::string_view rest() const { return rest_; }

  base::Result<Block> Decode() {
    Block block;
    uint64_t columns = 0;
    uint64_t rows = 0;
    if (!ReadVarint(columns) || !ReadVarint(rows)) return Truncated();
    if (columns > kMaxColumns || rows > limits_.max_rows) {
      return base::Fail(base::Code::kOutOfRange, "engine: a block has more columns or rows than allowed");
    }
    block.rows = rows;
    for (uint64_t i = 0; i < columns; ++i) {
      std::string_view name;
      std::string_view type;
      if (!ReadText(name) || !ReadText(type)) return Truncated();
      if (name.size() > kMaxNameBytes || type.size() > kMaxNameBytes) {
        return base::InvalidArgument("engine: a column's name or type is too long");
      }
      NamedColumn named;
      named.name = name;
      CLEW_ASSIGN_OR_RETURN(Type parsed, ParseType(type));
      Prepare(std::move(parsed), named.column);
      // No rows are no bytes, not even the prefix.
      if (rows > 0) {
        CLEW_RETURN_IF_ERROR(ReadPrefix(named.column));
        CLEW_RETURN_IF_ERROR(ReadData(named.column, rows));
      }
      block.columns.push_back(std::move(named));
    }
    return block;
  }

 private:
  bool ReadVarint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return false;
      const uint8_t byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  bool ReadText(std::string_view& text) {
    uint64_t size = 0;
    if (!ReadVarint(size) || size > rest_.size()) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool ReadWord(uint64_t& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return true;
  }

  // Counts memory before it is taken, so that no header can ask for more than the limit.
  base::Status Charge(uint64_t bytes) {
    held_bytes_ += bytes;
    if (held_bytes_ > limits_.max_bytes) {
      return base::Fail(base::Code::kOutOfRange, "engine: a block is larger than allowed");
    }
    return {};
  }

  static void Prepare(Type type, Column& column) {
    column.type_ = std::move(type);
    column.elements_.resize(column.type_.arguments.size());
    for (size_t i = 0; i < column.elements_.size(); ++i) Prepare(column.type_.arguments[i], column.elements_[i]);
  }

  // State prefixes of the whole tree come before its data.
  base::Status ReadPrefix(const Column& column) {
    if (column.type_.kind == TypeKind::kLowCardinality) {
      uint64_t version = 0;
      if (!ReadWord(version)) return Truncated();
      if (version != kSharedDictionariesWithAdditionalKeys) {
        return base::InvalidArgument("engine: a LowCardinality column of an unknown version");
      }
    }
    for (const Column& element : column.elements_) CLEW_RETURN_IF_ERROR(ReadPrefix(element));
    return {};
  }

  base::Status ReadData(Column& column, uint64_t rows) {
    if (rows > limits_.max_rows) return base::Fail(base::Code::kOutOfRange, "engine: a column has too many elements");
    column.size_ = rows;
    if (column.type_.IsFixedWidth()) return ReadBytes(column.data_, rows * column.type_.width);
    switch (column.type_.kind) {
      case TypeKind::kString: return ReadStrings(column, rows);
      case TypeKind::kLowCardinality: return ReadLowCardinality(column, rows);
      case TypeKind::kNullable: {
        CLEW_RETURN_IF_ERROR(ReadBytes(column.data_, rows));
        return ReadData(column.elements_[0], rows);
      }
      case TypeKind::kArray:
      case TypeKind::kMap: {
        CLEW_RETURN_IF_ERROR(ReadEnds(column, rows));
        const uint64_t count = rows == 0 ? 0 : column.ends_.back();
        for (Column& element : column.elements_) CLEW_RETURN_IF_ERROR(ReadData(element, count));
        return {};
      }
      default: {
        for (Column& element : column.elements_) CLEW_RETURN_IF_ERROR(ReadData(element, rows));
        return {};
      }
    }
  }

  base::Status ReadBytes(std::vector<char>& out, uint64_t size) {
    if (size > rest_.size()) return Truncated();
    CLEW_RETURN_IF_ERROR(Charge(size));
    out.assign(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(size));
    rest_.remove_prefix(size);
    return {};
  }

  base::Status ReadStrings(Column& column, uint64_t rows) {
    // Every string has at least the byte of its length.
    if (rows > rest_.size()) return Truncated();
    CLEW_RETURN_IF_ERROR(Charge(rows * sizeof(uint64_t)));
    column.ends_.reserve(rows);
    for (uint64_t i = 0; i < rows; ++i) {
      std::string_view text;
      if (!ReadText(text)) return Truncated();
      CLEW_RETURN_IF_ERROR(Charge(text.size()));
      column.data_.insert(column.data_.end(), text.begin(), text.end());
      column.ends_.push_back(column.data_.size());
    }
    return {};
  }

  base::Status ReadEnds(Column& column, uint64_t rows) {
    if (rows * sizeof(uint64_t) > rest_.size()) return Truncated();
    CLEW_RETURN_IF_ERROR(Charge(rows * sizeof(uint64_t)));
    column.ends_.resize(rows);
    if (rows > 0) std::memcpy(column.ends_.data(), rest_.data(), rows * sizeof(uint64_t));
    rest_.remove_prefix(rows * sizeof(uint64_t));
    if (!std::ranges::is_sorted(column.ends_)) return base::InvalidArgument("engine: array offsets that fall");
    return {};
  }

  base::Status ReadLowCardinality(Column& column, uint64_t rows) {
    // Nothing at all is written for an empty column, as in empty arrays.
    if (rows == 0) return {};
    uint64_t flags = 0;
    uint64_t keys = 0;
    if (!ReadWord(flags) || !ReadWord(keys)) return Truncated();
    if ((flags & kNeedGlobalDictionary) != 0 || (flags & kHasAdditionalKeys) == 0 || (flags & kIndexTypeMask) > 3) {
      return base::InvalidArgument("engine: a LowCardinality column of an unknown form");
    }
    CLEW_RETURN_IF_ERROR(ReadData(column.elements_[0], keys));
    uint64_t indexes = 0;
    if (!ReadWord(indexes)) return Truncated();
    if (indexes != rows) return base::InvalidArgument("engine: a LowCardinality column of another length");
    CLEW_RETURN_IF_ERROR(Charge(rows * sizeof(uint64_t)));
    switch (flags & kIndexTypeMask) {
      case 0: return ReadIndexes<uint8_t>(column, rows, keys);
      case 1: return ReadIndexes<uint16_t>(column, rows, keys);
      case 2: return ReadIndexes<uint32_t>(column, rows, keys);
      default: return ReadIndexes<uint64_t>(column, rows, keys);
    }
  }

  template <typename Index>
  base::Status ReadIndexes(Column& column, uint64_t rows, uint64_t keys) {
    if (rows * sizeof(Index) > rest_.size()) return Truncated();
    column.ends_.resize(rows);
    for (uint64_t i = 0; i < rows; ++i) {
      Index index = 0;
      std::memcpy(&index, rest_.data() + i * sizeof(Index), sizeof(Index));
      if (index >= keys) return base::InvalidArgument("engine: a LowCardinality index outside its dictionary");
      column.ends_[i] = index;
    }
    rest_.remove_prefix(rows * sizeof(Index));
    return {};
  }

  std::string_view rest_;
  const DecodeLimits& limits_;
  uint64_t held_bytes_ = 0;
};

base::Result<Block> DecodeBlock(std::string_view& bytes, const DecodeLimits& limits) {
  NativeDecoder decoder(bytes, limits);
  auto block = decoder.Decode();
  if (block) bytes = decoder.rest();
  return block;
}

}  // namespace clew::engine
