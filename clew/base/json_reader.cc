// SPDX-License-Identifier: Apache-2.0
#include "clew/base/json_reader.h"

#include <simdjson.h>

namespace clew::base {
namespace {

constexpr size_t kMaxDepth = 256;

JsonValue Convert(const simdjson::dom::element& element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY: {
      JsonValue::Array array;
      for (const simdjson::dom::element child : simdjson::dom::array(element)) array.push_back(Convert(child));
      return JsonValue(std::move(array));
    }
    case simdjson::dom::element_type::OBJECT: {
      JsonValue::Object object;
      for (const simdjson::dom::key_value_pair field : simdjson::dom::object(element)) {
        object.emplace_back(std::string(field.key), Convert(field.value));
      }
      return JsonValue(std::move(object));
    }
    case simdjson::dom::element_type::INT64: return JsonValue(int64_t{element});
    case simdjson::dom::element_type::UINT64: return JsonValue(static_cast<double>(uint64_t{element}));
    case simdjson::dom::element_type::DOUBLE: return JsonValue(double{element});
    case simdjson::dom::element_type::STRING: return JsonValue(std::string(std::string_view(element)));
    case simdjson::dom::element_type::BOOL: return JsonValue(bool{element});
    case simdjson::dom::element_type::NULL_VALUE: break;
  }
  return JsonValue();
}

}  // namespace

std::string_view JsonValue::AsString(std::string_view otherwise) const {
  const auto* text = std::get_if<std::string>(&value_);
  return text != nullptr ? std::string_view(*text) : otherwise;
}

int64_t JsonValue::AsInt(int64_t otherwise) const {
  if (const auto* number = std::get_if<int64_t>(&value_)) return *number;
  return otherwise;
}

double JsonValue::AsDouble(double otherwise) const {
  if (const auto* number = std::get_if<double>(&value_)) return *number;
  if (const auto* number = std::get_if<int64_t>(&value_)) return static_cast<double>(*number);
  return otherwise;
}

bool JsonValue::AsBool(bool otherwise) const {
  const auto* value = std::get_if<bool>(&value_);
  return value != nullptr ? *value : otherwise;
}

const JsonValue::Array& JsonValue::AsArray() const {
  static const Array empty;
  const auto* array = std::get_if<Array>(&value_);
  return array != nullptr ? *array : empty;
}

const JsonValue::Object& JsonValue::AsObject() const {
  static const Object empty;
  const auto* object = std::get_if<Object>(&value_);
  return object != nullptr ? *object : empty;
}

const JsonValue& JsonValue::operator[](std::string_view key) const {
  static const JsonValue null;
  for (const auto& [name, value] : AsObject()) {
    if (name == key) return value;
  }
  return null;
}

Result<JsonValue> ParseJson(std::string_view text) {
  // Exceptions stay here: an element that was just looked at by type cannot be of another one.
  try {
    simdjson::dom::parser parser;
    if (const auto error = parser.allocate(text.size() + 1, kMaxDepth); error != simdjson::SUCCESS) {
      return InvalidArgument("JSON: the text is too large");
    }
    return Convert(parser.parse(text.data(), text.size()));
  } catch (const simdjson::simdjson_error& error) {
    return InvalidArgument(std::string("JSON: ") + error.what());
  }
}

}  // namespace clew::base
