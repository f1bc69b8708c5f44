// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "clew/base/bytes.h"

namespace clew::wire::json {

using model::Value;

namespace {

// In the order of Field.
constexpr std::array kNames = std::to_array<std::string_view>({
    "",
    "aggregationTemporality",
    "arrayValue",
    "asDouble",
    "asInt",
    "attributes",
    "body",
    "boolValue",
    "bucketCounts",
    "bytesValue",
    "code",
    "count",
    "dataPoints",
    "description",
    "details",
    "doubleValue",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
    "endTimeUnixNano",
    "errorMessage",
    "eventName",
    "events",
    "exemplars",
    "explicitBounds",
    "exponentialHistogram",
    "filteredAttributes",
    "flags",
    "gauge",
    "histogram",
    "intValue",
    "isMonotonic",
    "key",
    "kind",
    "kvlistValue",
    "links",
    "logRecords",
    "max",
    "message",
    "metadata",
    "metrics",
    "min",
    "name",
    "negative",
    "observedTimeUnixNano",
    "offset",
    "parentSpanId",
    "partialSuccess",
    "positive",
    "quantile",
    "quantileValues",
    "rejectedDataPoints",
    "rejectedLogRecords",
    "rejectedSpans",
    "resource",
    "resourceLogs",
    "resourceMetrics",
    "resourceSpans",
    "retryDelay",
    "scale",
    "schemaUrl",
    "scope",
    "scopeLogs",
    "scopeMetrics",
    "scopeSpans",
    "severityNumber",
    "severityText",
    "spanId",
    "spans",
    "startTimeUnixNano",
    "status",
    "stringValue",
    "sum",
    "summary",
    "timeUnixNano",
    "traceId",
    "traceState",
    "unit",
    "value",
    "values",
    "version",
    "zeroCount",
    "zeroThreshold",
});
static_assert(kNames.size() == static_cast<size_t>(Field::kZeroThreshold) + 1);

std::string SnakeCase(std::string_view camel) {
  std::string snake;
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      snake += '_';
      snake += static_cast<char>(c - 'A' + 'a');
    } else {
      snake += c;
    }
  }
  return snake;
}

std::unordered_map<std::string_view, Field> MakeFields() {
  static const std::array<std::string, kNames.size()> snakes = [] {
    std::array<std::string, kNames.size()> all;
    for (size_t i = 1; i < kNames.size(); ++i) all[i] = SnakeCase(kNames[i]);
    return all;
  }();
  std::unordered_map<std::string_view, Field> fields;
  for (size_t i = 1; i < kNames.size(); ++i) {
    fields.emplace(kNames[i], static_cast<Field>(i));
    fields.emplace(snakes[i], static_cast<Field>(i));
  }
  return fields;
}

// The whole of `text` as a T.
template <typename T>
bool ParseWhole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// `number` as a T where it is whole and fits.
template <typename T>
bool WholeNumber(double number, T& value) {
  // The bounds are powers of two, so they are exact; the upper one is just outside.
  constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
  const double high = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (!(number >= kLow && number < high) || number != std::floor(number)) return false;
  value = static_cast<T>(number);
  return true;
}

template <typename T>
T AsInteger(Field field, Element value, const char* expected) {
  T number = 0;
  switch (value.type()) {
    case simdjson::dom::element_type::INT64: {
      const int64_t whole = value.get_int64().value_unsafe();
      if (std::in_range<T>(whole)) return static_cast<T>(whole);
      break;
    }
    case simdjson::dom::element_type::UINT64: {
      const uint64_t whole = value.get_uint64().value_unsafe();
      if (std::in_range<T>(whole)) return static_cast<T>(whole);
      break;
    }
    case simdjson::dom::element_type::DOUBLE:
      if (WholeNumber(value.get_double().value_unsafe(), number)) return number;
      break;
    case simdjson::dom::element_type::STRING: {
      const std::string_view text = value.get_string().value_unsafe();
      double fraction = 0;
      if (ParseWhole(text, number) || (ParseWhole(text, fraction) && WholeNumber(fraction, number))) return number;
      break;
    }
    default: break;
  }
  throw WrongType{field, expected};
}

}  // namespace

Field FieldOf(std::string_view name) {
  static const std::unordered_map<std::string_view, Field> fields = MakeFields();
  const auto found = fields.find(name);
  return found == fields.end() ? Field::kUnknown : found->second;
}

std::string_view NameOf(Field field) { return kNames[static_cast<size_t>(field)]; }

Object AsObject(Field field, Element value) {
  Object object;
  if (value.get(object) != simdjson::SUCCESS) throw WrongType{field, "an object"};
  return object;
}

std::string_view AsText(Field field, Element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) throw WrongType{field, "a string"};
  return text;
}

bool AsBool(Field field, Element value) {
  bool flag = false;
  if (value.get(flag) != simdjson::SUCCESS) throw WrongType{field, "true or false"};
  return flag;
}

uint64_t AsUint64(Field field, Element value) {
  return AsInteger<uint64_t>(field, value, "an unsigned 64-bit integer, as a number or a string");
}
int64_t AsInt64(Field field, Element value) {
  return AsInteger<int64_t>(field, value, "a 64-bit integer, as a number or a string");
}
uint32_t AsUint32(Field field, Element value) {
  return AsInteger<uint32_t>(field, value, "an unsigned 32-bit integer");
}
int32_t AsInt32(Field field, Element value) { return AsInteger<int32_t>(field, value, "a 32-bit integer"); }

double AsDouble(Field field, Element value) {
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    // from_chars takes "inf" and "nan" of any case too, which JSON numbers never are.
    if (ParseWhole(text, number) && std::isfinite(number)) return number;
  }
  throw WrongType{field, "a number, \"NaN\", \"Infinity\" or \"-Infinity\""};
}

int64_t AsEnum(Field field, Element value, std::string_view prefix, std::span<const std::string_view> names) {
  std::string_view name;
  if (value.get(name) != simdjson::SUCCESS) return AsInteger<int64_t>(field, value, "a number");
  int64_t number = 0;
  if (ParseWhole(name, number)) return number;
  if (name.starts_with(prefix)) {
    name.remove_prefix(prefix.size());
    for (size_t i = 0; i < names.size(); ++i) {
      if (name == names[i]) return static_cast<int64_t>(i);
    }
  }
  return 0;
}

model::Temporality AsTemporality(Element value) {
  static constexpr std::array<std::string_view, 3> kTemporalities = {"UNSPECIFIED", "DELTA", "CUMULATIVE"};
  return KnownEnum(AsEnum(Field::kAggregationTemporality, value, "AGGREGATION_TEMPORALITY_", kTemporalities),
                   model::Temporality::kCumulative);
}

namespace {

void DecodeArray(Object message, BatchBuilder& builder, int depth) {
  ForEachField(message, [&](Field field, Element value) {
    if (field != Field::kValues) return;
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) throw WrongType{field, "an array"};
    for (const Element element : array) {
      BatchBuilder::OpenValue open = builder.BeginValue();
      // A null among the elements is an empty value, not a missing one.
      if (!element.is_null()) DecodeAnyValue(AsObject(field, element), builder, open, depth);
      builder.PushValue(builder.EndValue(open));
    }
  });
}

}  // namespace

void DecodeAnyValue(Object message, BatchBuilder& builder, BatchBuilder::OpenValue& open, int depth) {
  if (depth >= model::kMaxValueDepth) throw TooDeep{};
  ForEachField(message, [&](Field field, Element value) {
    switch (field) {
      case Field::kStringValue: builder.Set(open, Value::String(builder.Text(AsText(field, value)))); break;
      case Field::kBoolValue: builder.Set(open, Value::Bool(AsBool(field, value))); break;
      case Field::kIntValue: builder.Set(open, Value::Int(AsInt64(field, value))); break;
      case Field::kDoubleValue: builder.Set(open, Value::Double(AsDouble(field, value))); break;
      case Field::kArrayValue:
        builder.SetArray(open);
        DecodeArray(AsObject(field, value), builder, depth + 1);
        break;
      case Field::kKvlistValue:
        builder.SetKeyValueList(open);
        ForEachField(AsObject(field, value), [&](Field inner, Element list) {
          if (inner == Field::kValues) DecodeKeyValues(inner, list, builder, depth + 1);
        });
        break;
      case Field::kBytesValue: {
        const auto bytes = base::FromBase64(AsText(field, value));
        if (!bytes) throw WrongType{field, "base64"};
        builder.Set(open, Value::Bytes(builder.Bytes(*bytes)));
        break;
      }
      default: break;
    }
  });
}

void DecodeKeyValues(Field list_field, Element list, BatchBuilder& builder, int depth) {
  ForEachElement(list_field, list, [&](Element element) {
    model::StringId key = 0;
    BatchBuilder::OpenValue open = builder.BeginValue();
    ForEachField(AsObject(list_field, element), [&](Field field, Element value) {
      if (field == Field::kKey) {
        key = builder.Text(AsText(field, value));
      } else if (field == Field::kValue) {
        DecodeAnyValue(AsObject(field, value), builder, open, depth);
      }
    });
    const Value ended = builder.EndValue(open);
    builder.PushKeyValue(key, ended);
  });
}

void DecodeResource(Object message, BatchBuilder& builder, model::Resource& resource) {
  ForEachField(message, [&](Field field, Element value) {
    if (field == Field::kAttributes) {
      DecodeKeyValues(field, value, builder);
    } else if (field == Field::kDroppedAttributesCount) {
      resource.dropped_attributes_count = AsUint32(field, value);
    }
  });
}

void DecodeScope(Object message, BatchBuilder& builder, model::Scope& scope) {
  ForEachField(message, [&](Field field, Element value) {
    switch (field) {
      case Field::kName: scope.name = builder.Text(AsText(field, value)); break;
      case Field::kVersion: scope.version = builder.Text(AsText(field, value)); break;
      case Field::kAttributes: DecodeKeyValues(field, value, builder); break;
      case Field::kDroppedAttributesCount: scope.dropped_attributes_count = AsUint32(field, value); break;
      default: break;
    }
  });
}

base::Error WrongTypeError(const WrongType& wrong) {
  return {base::Code::kInvalidArgument,
          fmt::format("the body is not OTLP/JSON: {} must be {}", NameOf(wrong.field), wrong.expected),
          {}};
}

namespace {

// Four hexadecimal digits behind a \u, or -1.
int Escape(std::string_view text, size_t at) {
  std::array<uint8_t, 2> unit{};
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  if (!base::FromHex(text.substr(at + 2, 4), unit)) return -1;
  return unit[0] << 8 | unit[1];
}

// Halves of surrogate pairs that stand alone (JavaScript's JSON.stringify writes them) become U+FFFD.
std::string WithoutLoneSurrogates(std::string_view text) {
  std::string repaired(text);
  for (size_t i = 0; i + 1 < repaired.size(); ++i) {
    if (repaired[i] != '\\') continue;
    const int unit = Escape(repaired, i);
    if (unit >= 0xD800 && unit <= 0xDBFF && Escape(repaired, i + 6) >= 0xDC00 && Escape(repaired, i + 6) <= 0xDFFF) {
      i += 11;
    } else if (unit >= 0xD800 && unit <= 0xDFFF) {
      repaired.replace(i, 6, "\\ufffd");
      i += 5;
    } else {
      ++i;  // the escaped character
    }
  }
  return repaired;
}

// simdjson's words, but for what they would tell badly.
std::string_view ParseErrorText(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return "it is empty";
    case simdjson::DEPTH_ERROR: return "it is nested too deeply";
    case simdjson::STRING_ERROR: return "a string has a wrong escape";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::UNESCAPED_CHARS: return "a string holds control characters";
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE: return "a number is malformed or does not fit 64 bits";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "a word other than true, false and null";
    default: return "brackets, commas or colons are not where they belong";
  }
}

// Deep enough for kMaxValueDepth values, each of which takes four brackets, within the deepest message.
constexpr size_t kMaxJsonDepth = 1024;

}  // namespace

base::Result<Document> Document::Parse(std::string_view text) {
  Document document;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  Element root;
  auto error = document.parser_->allocate(text.size(), kMaxJsonDepth);
  if (error == simdjson::SUCCESS) error = document.parser_->parse(text.data(), text.size()).get(root);
  if (error == simdjson::UTF8_ERROR || error == simdjson::STRING_ERROR) {
    const std::string repaired = WithoutLoneSurrogates(base::ToUtf8(text));
    error = document.parser_->parse(repaired).get(root);
  }
  if (error == simdjson::MEMALLOC) return base::ResourceExhausted("not enough memory to decode the message");
  if (error == simdjson::DEPTH_ERROR) return std::unexpected(TooDeepError());
  if (error != simdjson::SUCCESS) {
    return base::InvalidArgument(fmt::format("the body is not JSON: {}", ParseErrorText(error)));
  }
  if (root.get(document.root_) != simdjson::SUCCESS) {
    return base::InvalidArgument("the body is not OTLP/JSON: it must be an object");
  }
  return document;
}

}  // namespace clew::wire::json
