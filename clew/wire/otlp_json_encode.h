// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "clew/base/json_writer.h"
#include "clew/model/ids.h"
#include "clew/model/resource.h"

// What the OTLP/JSON encoders of the three signals share; for this folder only.
namespace clew::wire::json {

using base::JsonWriter;

// The JSON mapping leaves out what has its default value; 64-bit integers are decimal strings.
inline void PutText(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.Field(name, text);
}
inline void PutUint32(JsonWriter& json, std::string_view name, uint32_t value) {
  if (value != 0) json.Field(name, value);
}
inline void PutUint64(JsonWriter& json, std::string_view name, uint64_t value) {
  const fmt::format_int digits(value);
  if (value != 0) json.Field(name, std::string_view(digits.data(), digits.size()));
}
inline void PutInt64(JsonWriter& json, std::string_view name, int64_t value) {
  const fmt::format_int digits(value);
  json.Field(name, std::string_view(digits.data(), digits.size()));
}
// "-0" would be read as an integer, which has no sign.
inline void WriteDouble(JsonWriter& json, double value) {
  if (std::bit_cast<uint64_t>(value) == std::bit_cast<uint64_t>(-0.0)) {
    json.Raw("-0.0");
  } else {
    json.Double(value);
  }
}
inline void PutDouble(JsonWriter& json, std::string_view name, double value) {
  if (std::bit_cast<uint64_t>(value) != 0) WriteDouble(json.Key(name), value);
}
template <size_t N>
void PutId(JsonWriter& json, std::string_view name, const model::Id<N>& id) {
  if (!id.IsZero()) json.Field(name, id.ToHex());
}
// A list of KeyValues; nothing where it is empty.
void PutKeyValues(JsonWriter& json, std::string_view name, const model::BatchBase& batch, model::Range range,
                  int depth = 0);
// An AnyValue.
void WriteValue(JsonWriter& json, const model::BatchBase& batch, const model::Value& value, int depth = 0);

void WriteResource(JsonWriter& json, const model::BatchBase& batch, const model::Resource& resource);
void WriteScope(JsonWriter& json, const model::BatchBase& batch, const model::Scope& scope);

// How the three signals name the lists of their requests.
struct GroupLists {
  std::string_view resource_groups;
  std::string_view scope_groups;
  std::string_view records;
};

// Writes the groups around the records of a request; Derived writes record i as a value.
template <typename Derived>
class GroupEncoder {
 public:
  GroupEncoder(const model::BatchBase& batch, const GroupLists& lists) : base_(batch), lists_(lists) {
    json_.BeginObject().Key(lists_.resource_groups).BeginArray();
  }

  void BeginResource(uint32_t row) {
    json_.BeginObject().Key("resource");
    WriteResource(json_, base_, base_.resources[row]);
    PutText(json_, "schemaUrl", base_.Text(base_.resources[row].schema_url));
    json_.Key(lists_.scope_groups).BeginArray();
  }
  void BeginScope(uint32_t row) {
    json_.BeginObject().Key("scope");
    WriteScope(json_, base_, base_.scopes[row]);
    PutText(json_, "schemaUrl", base_.Text(base_.scopes[row].schema_url));
    json_.Key(lists_.records).BeginArray();
  }
  void Record(size_t row) {
    json_.BeginObject();
    static_cast<Derived*>(this)->WriteRecord(row, json_);
    json_.EndObject();
  }
  void EndScope() { json_.EndArray().EndObject(); }
  void EndResource() { json_.EndArray().EndObject(); }
  std::string Take() {
    json_.EndArray().EndObject();
    return json_.Take();
  }

 private:
  const model::BatchBase& base_;
  GroupLists lists_;
  JsonWriter json_;
};

}  // namespace clew::wire::json
