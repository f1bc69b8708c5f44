// SPDX-License-Identifier: Apache-2.0
#include "clew/store/attribute_codec.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "clew/base/bytes.h"

namespace clew::store {
namespace {

using model::Value;
using model::ValueKind;

// By ValueKind.
constexpr std::string_view kLetters = "esbidyam";

std::unexpected<base::Error> Corrupt() {
  return base::Fail(base::Code::kDataLoss, "stored attributes cannot be read: the store is damaged");
}

void AppendText(std::string_view text, std::string& out) {
  engine::AppendVarint(out, text.size());
  out += text;
}

void AppendBinaryAt(const model::Attributes& attributes, const model::Strings& strings, const Value& value, int depth,
                    std::string& out);

void AppendListAt(const model::Attributes& attributes, const model::Strings& strings, model::Range range, int depth,
                  std::string& out) {
  engine::AppendVarint(out, range.count);
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& row = attributes.key_values[range.first + i];
    AppendText(strings.Get(row.key), out);
    AppendBinaryAt(attributes, strings, row.value, depth, out);
  }
}

void AppendBinaryAt(const model::Attributes& attributes, const model::Strings& strings, const Value& value, int depth,
                    std::string& out) {
  const bool nests = value.kind == ValueKind::kArray || value.kind == ValueKind::kKeyValueList;
  // What decoders let through is never so deep.
  if (nests && depth >= model::kMaxValueDepth) {
    out += 'e';
    return;
  }
  out += kLetters[static_cast<size_t>(value.kind)];
  switch (value.kind) {
    case ValueKind::kEmpty: return;
    case ValueKind::kString:
    case ValueKind::kBytes: AppendText(strings.Get(value.string_id()), out); return;
    case ValueKind::kBool: out += value.bool_value() ? '\1' : '\0'; return;
    case ValueKind::kInt:
    case ValueKind::kDouble: out += base::BytesOf(value.payload); return;
    case ValueKind::kArray: {
      const model::Range range = value.range();
      engine::AppendVarint(out, range.count);
      for (uint32_t i = 0; i < range.count; ++i) {
        AppendBinaryAt(attributes, strings, attributes.values[range.first + i], depth + 1, out);
      }
      return;
    }
    case ValueKind::kKeyValueList: AppendListAt(attributes, strings, value.range(), depth + 1, out); return;
  }
}

class BinaryReader {
 public:
  BinaryReader(std::string_view bytes, model::Attributes& attributes, model::Strings& strings)
      : rest_(bytes), attributes_(attributes), strings_(strings) {}

  std::string_view rest() const { return rest_; }

  bool ReadValue(Value& value, int depth) {
    if (rest_.empty()) return false;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    switch (letter) {
      case 'e': value = Value(); return true;
      case 's':
      case 'y': {
        std::string_view text;
        if (!ReadText(text)) return false;
        const model::StringId id = strings_.Add(text);
        value = letter == 's' ? Value::String(id) : Value::Bytes(id);
        return true;
      }
      case 'b':
        if (rest_.empty()) return false;
        value = Value::Bool(rest_.front() != '\0');
        rest_.remove_prefix(1);
        return true;
      case 'i':
      case 'd': {
        int64_t bits = 0;
        if (rest_.size() < sizeof bits) return false;
        std::memcpy(&bits, rest_.data(), sizeof bits);
        rest_.remove_prefix(sizeof bits);
        value = letter == 'i' ? Value::Int(bits) : Value::Double(std::bit_cast<double>(bits));
        return true;
      }
      case 'a': return ReadArray(value, depth + 1);
      case 'm': {
        model::Range range;
        if (!ReadList(range, depth + 1)) return false;
        value = Value::KeyValueList(range);
        return true;
      }
      default: return false;
    }
  }

  bool ReadList(model::Range& range, int depth) {
    uint64_t count = 0;
    if (depth > model::kMaxValueDepth || !ReadCount(count)) return false;
    std::vector<model::KeyValue> rows;
    for (uint64_t i = 0; i < count; ++i) {
      std::string_view key;
      model::KeyValue row;
      if (!ReadText(key) || !ReadValue(row.value, depth)) return false;
      row.key = strings_.Intern(key);
      rows.push_back(row);
    }
    range = attributes_.AddKeyValues(rows);
    return true;
  }

 private:
  bool ReadArray(Value& value, int depth) {
    uint64_t count = 0;
    if (depth > model::kMaxValueDepth || !ReadCount(count)) return false;
    std::vector<Value> rows;
    for (uint64_t i = 0; i < count; ++i) {
      Value element;
      if (!ReadValue(element, depth)) return false;
      rows.push_back(element);
    }
    value = Value::Array(attributes_.AddValues(rows));
    return true;
  }
  bool ReadVarint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  // Every element has at least one byte.
  bool ReadCount(uint64_t& count) { return ReadVarint(count) && count <= rest_.size(); }
  bool ReadText(std::string_view& text) {
    uint64_t size = 0;
    if (!ReadCount(size)) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
  model::Attributes& attributes_;
  model::Strings& strings_;
};

// Whether the text "nan" brings back the same bits.
bool IsUsualNan(double value) {
  return std::bit_cast<uint64_t>(value) == std::bit_cast<uint64_t>(std::numeric_limits<double>::quiet_NaN());
}

template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void AppendBinaryValue(const model::Attributes& attributes, const model::Strings& strings, const Value& value,
                       std::string& out) {
  AppendBinaryAt(attributes, strings, value, 0, out);
}

void AppendBinaryList(const model::Attributes& attributes, const model::Strings& strings, model::Range range,
                      std::string& out) {
  AppendListAt(attributes, strings, range, 0, out);
}

base::Result<Value> ReadBinaryValue(std::string_view& bytes, model::Attributes& attributes, model::Strings& strings) {
  BinaryReader reader(bytes, attributes, strings);
  Value value;
  if (!reader.ReadValue(value, 0)) return Corrupt();
  bytes = reader.rest();
  return value;
}

base::Result<model::Range> ReadBinaryList(std::string_view& bytes, model::Attributes& attributes,
                                          model::Strings& strings) {
  BinaryReader reader(bytes, attributes, strings);
  model::Range range;
  if (!reader.ReadList(range, 0)) return Corrupt();
  bytes = reader.rest();
  return range;
}

char KindLetter(const Value& value) {
  if (value.kind == ValueKind::kDouble && std::isnan(value.double_value()) && !IsUsualNan(value.double_value())) {
    return 'n';
  }
  return kLetters[static_cast<size_t>(value.kind)];
}

base::Result<Value> ReadValue(char kind, std::string_view text, std::string_view& extra, model::Attributes& attributes,
                              model::Strings& strings) {
  // Longer texts hardly repeat, so looking for an equal one is not worth it.
  constexpr size_t kInternBytes = 64;
  switch (kind) {
    case 's': return Value::String(text.size() <= kInternBytes ? strings.Intern(text) : strings.Add(text));
    case 'e': return Value();
    case 'b': return Value::Bool(text == "true");
    case 'i': {
      int64_t number = 0;
      if (!ReadNumber(text, number)) return Corrupt();
      return Value::Int(number);
    }
    case 'd': {
      if (text == "nan") return Value::Double(std::numeric_limits<double>::quiet_NaN());
      double number = 0;
      if (!ReadNumber(text, number)) return Corrupt();
      return Value::Double(number);
    }
    case 'y': {
      const auto bytes = base::FromBase64(text);
      if (!bytes) return Corrupt();
      return Value::Bytes(strings.Add(*bytes));
    }
    case 'a':
    case 'm':
    case 'n': return ReadBinaryValue(extra, attributes, strings);
    default: return Corrupt();
  }
}

void AttributeWriter::Write(model::Range range, engine::MapColumn& map, std::string& kinds, std::string& extra) {
  kinds.clear();
  extra.clear();
  bool all_strings = true;
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& row = attributes_.key_values[range.first + i];
    uint32_t& index = key_indexes_[row.key];
    if (index == kUnknown) index = map.keys().IndexOf(strings_.Get(row.key));
    map.keys().AddIndex(index);
    const char kind = KindLetter(row.value);
    kinds += kind;
    if (kind == 's') {
      map.values().Add(strings_.Get(row.value.string_id()));
      continue;
    }
    all_strings = false;
    if (kind == 'i') {
      const fmt::format_int text(row.value.int_value());
      map.values().Add(std::string_view(text.data(), text.size()));
      continue;
    }
    text_.clear();
    model::AppendValueText(attributes_, strings_, row.value, text_);
    map.values().Add(text_);
    if (kind == 'a' || kind == 'm' || kind == 'n') AppendBinaryValue(attributes_, strings_, row.value, extra);
  }
  if (all_strings) kinds.clear();
  map.EndRow();
}

AttributeReader::AttributeReader(const engine::Column& map, model::Attributes& attributes, model::Strings& strings)
    : map_(map), attributes_(attributes), strings_(strings) {
  const engine::Column& dictionary = map.element(0).element();
  keys_.reserve(dictionary.size());
  for (size_t i = 0; i < dictionary.size(); ++i) keys_.push_back(strings.Intern(dictionary.Text(i)));
}

base::Result<model::Range> AttributeReader::Read(size_t row, std::string_view kinds, std::string_view extra) {
  const auto [first, last] = map_.Elements(row);
  if (!kinds.empty() && kinds.size() != last - first) return Corrupt();
  rows_.clear();
  for (size_t i = first; i < last; ++i) {
    const char kind = kinds.empty() ? 's' : kinds[i - first];
    CLEW_ASSIGN_OR_RETURN(const Value value, ReadValue(kind, map_.element(1).Text(i), extra, attributes_, strings_));
    rows_.push_back({keys_[map_.element(0).Index(i)], 0, value});
  }
  if (!extra.empty()) return Corrupt();
  return attributes_.AddKeyValues(rows_);
}

}  // namespace clew::store
