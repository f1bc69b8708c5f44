// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "clew/base/result.h"

namespace clew::base {

// A JSON text read whole: for answers of servers, configuration, small requests. Telemetry has decoders of its own that
// build no tree. A plain value.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;  // in the text's order

  JsonValue() = default;  // null
  // One of the kinds below; named, since a constructor open to everything confuses std::expected's own.
  template <typename T>
    requires std::same_as<T, bool> || std::same_as<T, int64_t> || std::same_as<T, double> ||
             std::same_as<T, std::string> || std::same_as<T, Array> || std::same_as<T, Object>
  explicit JsonValue(T value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // The value, or `otherwise` where it is of another kind.
  std::string_view AsString(std::string_view otherwise = {}) const;
  int64_t AsInt(int64_t otherwise = 0) const;
  double AsDouble(double otherwise = 0) const;
  bool AsBool(bool otherwise = false) const;
  // Empty where it is of another kind.
  const Array& AsArray() const;
  const Object& AsObject() const;
  // The member of that name; a null value where there is none.
  const JsonValue& operator[](std::string_view key) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

// INVALID_ARGUMENT where `text` is no JSON (RFC 8259), is no UTF-8, or nests deeper than 256. Whole numbers beyond 64
// bits become doubles.
Result<JsonValue> ParseJson(std::string_view text);

}  // namespace clew::base
