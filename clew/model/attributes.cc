// SPDX-License-Identifier: Apache-2.0
#include "clew/model/attributes.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "clew/base/bytes.h"
#include "clew/base/json_writer.h"

namespace clew::model {

Range Attributes::AddKeyValues(const std::vector<KeyValue>& rows) {
  const Range range{static_cast<uint32_t>(key_values.size()), static_cast<uint32_t>(rows.size())};
  key_values.insert(key_values.end(), rows.begin(), rows.end());
  return range;
}

Range Attributes::AddValues(const std::vector<Value>& rows) {
  const Range range{static_cast<uint32_t>(values.size()), static_cast<uint32_t>(rows.size())};
  values.insert(values.end(), rows.begin(), rows.end());
  return range;
}

bool Attributes::IsConsistent(const Strings& strings) const {
  // Lists of each column refer to earlier rows of their own column; a cycle through both columns needs a value list
  // that holds a key-value list that holds it, which the depth bound of readers still ends.
  const auto consistent = [&](const Value& value, size_t own_value_row, size_t own_key_value_row) {
    switch (value.kind) {
      case ValueKind::kEmpty:
      case ValueKind::kBool:
      case ValueKind::kInt:
      case ValueKind::kDouble: return true;
      case ValueKind::kString:
      case ValueKind::kBytes: return value.payload < strings.size();
      // The payload may be anything: no sum that wraps.
      case ValueKind::kArray: return value.count <= own_value_row && value.payload <= own_value_row - value.count;
      case ValueKind::kKeyValueList:
        return value.count <= own_key_value_row && value.payload <= own_key_value_row - value.count;
    }
    return false;
  };
  for (size_t i = 0; i < values.size(); ++i) {
    if (!consistent(values[i], i, key_values.size())) return false;
  }
  for (size_t i = 0; i < key_values.size(); ++i) {
    if (key_values[i].key >= strings.size() || !consistent(key_values[i].value, values.size(), i)) return false;
  }
  return true;
}

const KeyValue* FindAttribute(const Attributes& attributes, const Strings& strings, Range range, std::string_view key) {
  for (uint32_t i = range.count; i > 0; --i) {
    const KeyValue& row = attributes.key_values[range.first + i - 1];
    if (strings.Get(row.key) == key) return &row;
  }
  return nullptr;
}

std::string_view FindString(const Attributes& attributes, const Strings& strings, Range range, std::string_view key) {
  const KeyValue* row = FindAttribute(attributes, strings, range, key);
  return row != nullptr && row->value.kind == ValueKind::kString ? strings.Get(row->value.string_id())
                                                                 : std::string_view();
}

namespace {

void WriteJson(const Attributes& attributes, const Strings& strings, const Value& value, int depth,
               base::JsonWriter& json) {
  if (depth > kMaxValueDepth) {
    json.Null();
    return;
  }
  switch (value.kind) {
    case ValueKind::kEmpty: json.Null(); return;
    case ValueKind::kString: json.String(strings.Get(value.string_id())); return;
    case ValueKind::kBool: json.Bool(value.bool_value()); return;
    case ValueKind::kInt: json.Int(value.int_value()); return;
    case ValueKind::kDouble: json.Double(value.double_value()); return;
    case ValueKind::kBytes: json.String(base::ToBase64(strings.Get(value.string_id()))); return;
    case ValueKind::kArray: {
      json.BeginArray();
      const Range range = value.range();
      for (uint32_t i = 0; i < range.count; ++i) {
        WriteJson(attributes, strings, attributes.values[range.first + i], depth + 1, json);
      }
      json.EndArray();
      return;
    }
    case ValueKind::kKeyValueList: {
      json.BeginObject();
      const Range range = value.range();
      for (uint32_t i = 0; i < range.count; ++i) {
        const KeyValue& row = attributes.key_values[range.first + i];
        json.Key(strings.Get(row.key));
        WriteJson(attributes, strings, row.value, depth + 1, json);
      }
      json.EndObject();
      return;
    }
  }
}

void AppendDouble(double value, std::string& out) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
}

}  // namespace

void AppendValueText(const Attributes& attributes, const Strings& strings, const Value& value, std::string& out) {
  switch (value.kind) {
    case ValueKind::kEmpty: return;
    case ValueKind::kString: out += strings.Get(value.string_id()); return;
    case ValueKind::kBool: out += value.bool_value() ? "true" : "false"; return;
    case ValueKind::kInt: fmt::format_to(std::back_inserter(out), "{}", value.int_value()); return;
    case ValueKind::kDouble: AppendDouble(value.double_value(), out); return;
    case ValueKind::kBytes: out += base::ToBase64(strings.Get(value.string_id())); return;
    case ValueKind::kArray:
    case ValueKind::kKeyValueList: {
      base::JsonWriter json;
      WriteJson(attributes, strings, value, 0, json);
      out += json.View();
      return;
    }
  }
}

void WriteValueJson(const Attributes& attributes, const Strings& strings, const Value& value, base::JsonWriter& json) {
  WriteJson(attributes, strings, value, 0, json);
}

std::string ValueToText(const Attributes& attributes, const Strings& strings, const Value& value) {
  std::string text;
  AppendValueText(attributes, strings, value, text);
  return text;
}

}  // namespace clew::model
