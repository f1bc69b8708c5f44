// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/json_writer.h"
#include "clew/model/strings.h"

namespace clew::model {

// A run of rows in another column: [first, first + count).
struct Range {
  uint32_t first = 0;
  uint32_t count = 0;
  bool operator==(const Range&) const = default;
};

// The kinds of OTLP's AnyValue (opentelemetry/proto/common/v1/common.proto).
enum class ValueKind : uint32_t { kEmpty, kString, kBool, kInt, kDouble, kBytes, kArray, kKeyValueList };

// One AnyValue, 16 bytes, trivially copyable. Text and bytes lie in the batch's Strings; the elements of an array are a
// Range of Attributes::values, those of a key-value list a Range of Attributes::key_values.
struct Value {
  ValueKind kind = ValueKind::kEmpty;
  uint32_t count = 0;    // kArray, kKeyValueList
  uint64_t payload = 0;  // StringId, bool, int64 bits, double bits, or the first row of the range

  static Value String(StringId id) { return {ValueKind::kString, 0, id}; }
  static Value Bytes(StringId id) { return {ValueKind::kBytes, 0, id}; }
  static Value Bool(bool value) { return {ValueKind::kBool, 0, value ? 1u : 0u}; }
  static Value Int(int64_t value) { return {ValueKind::kInt, 0, static_cast<uint64_t>(value)}; }
  static Value Double(double value) { return {ValueKind::kDouble, 0, std::bit_cast<uint64_t>(value)}; }
  static Value Array(Range range) { return {ValueKind::kArray, range.count, range.first}; }
  static Value KeyValueList(Range range) { return {ValueKind::kKeyValueList, range.count, range.first}; }

  StringId string_id() const { return static_cast<StringId>(payload); }
  bool bool_value() const { return payload != 0; }
  int64_t int_value() const { return static_cast<int64_t>(payload); }
  double double_value() const { return std::bit_cast<double>(payload); }
  Range range() const { return {static_cast<uint32_t>(payload), count}; }
};

struct KeyValue {
  StringId key = 0;
  uint32_t unused = 0;  // keeps the padding defined, since rows are written as bytes
  Value value;
};

// All attributes of a batch in two flat columns. A record holds a Range of key_values. The elements of one list are
// contiguous and come before the row that holds them (children first), so a cycle cannot be expressed.
struct Attributes {
  std::vector<KeyValue> key_values;
  std::vector<Value> values;

  // Appends `rows` and says where they stand.
  Range AddKeyValues(const std::vector<KeyValue>& rows);
  Range AddValues(const std::vector<Value>& rows);

  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    visit(key_values);
    visit(values);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    visit(key_values);
    visit(values);
  }
  // After the columns were read from foreign bytes: whether every string id and range is within bounds, kinds are
  // known, and children come before their parents.
  bool IsConsistent(const Strings& strings) const;
};

// The row of `key` in `range`, or nullptr; the last one where a key stands twice.
const KeyValue* FindAttribute(const Attributes& attributes, const Strings& strings, Range range, std::string_view key);
// The text of a string attribute, empty where it is missing or of another kind.
std::string_view FindString(const Attributes& attributes, const Strings& strings, Range range, std::string_view key);

// One value as text, as search, labels and terminals show it: text as it is, numbers in shortest form (NaN,
// Infinity, -Infinity), true/false, bytes in base64, arrays and lists as JSON, empty as "".
std::string ValueToText(const Attributes& attributes, const Strings& strings, const Value& value);
void AppendValueText(const Attributes& attributes, const Strings& strings, const Value& value, std::string& out);

// One value as JSON: numbers and lists as such, bytes in base64.
void WriteValueJson(const Attributes& attributes, const Strings& strings, const Value& value, base::JsonWriter& json);

// Deepest nesting of AnyValue that is accepted from outside.
inline constexpr int kMaxValueDepth = 32;

}  // namespace clew::model
