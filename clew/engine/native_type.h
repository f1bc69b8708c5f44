// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"

namespace clew::engine {

enum class TypeKind : uint8_t {
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat64,
  kBool,
  kDate,        // UInt16 days since 1970-01-01
  kDateTime,    // UInt32 Unix seconds
  kDateTime64,  // Int64 ticks of 10^-scale seconds since the Unix epoch
  kString,
  kFixedString,
  kNullable,
  kLowCardinality,
  kArray,
  kMap,
  kTuple,
};

// A column's type as ClickHouse writes it, e.g. Map(LowCardinality(String), String). Value type.
struct Type {
  TypeKind kind = TypeKind::kUInt8;
  uint32_t width = 0;  // bytes of one value of fixed width; 0: none
  uint8_t scale = 0;   // kDateTime64
  // Element of Nullable, LowCardinality and Array; key and value of Map; members of Tuple.
  std::vector<Type> arguments;

  bool operator==(const Type&) const = default;
  bool IsFixedWidth() const { return width != 0; }
  // As ClickHouse writes it; without time zones and member names, which change no bytes.
  std::string ToString() const;
};

// Parses a type's text. UNIMPLEMENTED for a type that this engine's columns do not have, INVALID_ARGUMENT for text
// that is no type, or one nested deeper than 16.
base::Result<Type> ParseType(std::string_view text);

}  // namespace clew::engine
