// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/otlp_decode.h"

namespace clew::wire {

using model::Value;

namespace {

void DecodeArray(std::string_view message, BatchBuilder& builder, int depth) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    if (reader.tag() == LengthTag(field::value_list::kValues)) {
      BatchBuilder::OpenValue element = builder.BeginValue();
      DecodeAnyValue(reader.Bytes(), builder, element, depth);
      builder.PushValue(builder.EndValue(element));
    } else {
      reader.Skip();
    }
  }
}

void DecodeKeyValueList(std::string_view message, BatchBuilder& builder, int depth) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    if (reader.tag() == LengthTag(field::value_list::kValues)) {
      DecodeKeyValue(reader.Bytes(), builder, depth);
    } else {
      reader.Skip();
    }
  }
}

}  // namespace

void DecodeAnyValue(std::string_view message, BatchBuilder& builder, BatchBuilder::OpenValue& open, int depth) {
  if (depth >= model::kMaxValueDepth) throw TooDeep{};
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::any_value::kString): builder.Set(open, Value::String(builder.Text(reader.Bytes()))); break;
      case VarintTag(field::any_value::kBool): builder.Set(open, Value::Bool(reader.Bool())); break;
      case VarintTag(field::any_value::kInt):
        builder.Set(open, Value::Int(static_cast<int64_t>(reader.Varint())));
        break;
      case Fixed64Tag(field::any_value::kDouble): builder.Set(open, Value::Double(reader.Double())); break;
      case LengthTag(field::any_value::kArray):
        builder.SetArray(open);
        DecodeArray(reader.Bytes(), builder, depth + 1);
        break;
      case LengthTag(field::any_value::kKeyValueList):
        builder.SetKeyValueList(open);
        DecodeKeyValueList(reader.Bytes(), builder, depth + 1);
        break;
      case LengthTag(field::any_value::kBytes): builder.Set(open, Value::Bytes(builder.Bytes(reader.Bytes()))); break;
      default: reader.Skip();
    }
  }
}

void DecodeKeyValue(std::string_view message, BatchBuilder& builder, int depth) {
  model::StringId key = 0;
  BatchBuilder::OpenValue value = builder.BeginValue();
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::key_value::kKey): key = builder.Text(reader.Bytes()); break;
      case LengthTag(field::key_value::kValue): DecodeAnyValue(reader.Bytes(), builder, value, depth); break;
      default: reader.Skip();
    }
  }
  const Value ended = builder.EndValue(value);
  builder.PushKeyValue(key, ended);
}

void DecodeResource(std::string_view message, BatchBuilder& builder, model::Resource& resource) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::resource::kAttributes): DecodeKeyValue(reader.Bytes(), builder); break;
      case VarintTag(field::resource::kDroppedAttributesCount):
        resource.dropped_attributes_count = reader.Uint32();
        break;
      default: reader.Skip();
    }
  }
}

void DecodeScope(std::string_view message, BatchBuilder& builder, model::Scope& scope) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::scope::kName): scope.name = builder.Text(reader.Bytes()); break;
      case LengthTag(field::scope::kVersion): scope.version = builder.Text(reader.Bytes()); break;
      case LengthTag(field::scope::kAttributes): DecodeKeyValue(reader.Bytes(), builder); break;
      case VarintTag(field::scope::kDroppedAttributesCount): scope.dropped_attributes_count = reader.Uint32(); break;
      default: reader.Skip();
    }
  }
}

base::Error TooDeepError() {
  return {base::Code::kInvalidArgument,
          fmt::format("values are nested deeper than {} levels; flatten them", model::kMaxValueDepth),
          {}};
}

base::Error TooLargeError() {
  return {base::Code::kOutOfRange,
          fmt::format("the message is over {} MiB; send smaller batches", kMaxMessageBytes >> 20),
          {}};
}

base::Error TooManyError() {
  return {base::Code::kOutOfRange,
          fmt::format("the message has over {} attributes and values; send smaller batches", kMaxBatchValues),
          {}};
}

}  // namespace clew::wire
