// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clew/model/ids.h"
#include "clew/model/resource.h"
#include "clew/wire/otlp_fields.h"
#include "clew/wire/protobuf_writer.h"

// What the protobuf encoders of the three signals share; for this folder only.
namespace clew::wire {

// proto3 leaves out what has its default value.
inline void PutString(ProtobufWriter& to, uint32_t field, std::string_view text) {
  if (!text.empty()) to.add_bytes(field, text.data(), text.size());
}
inline void PutUint32(ProtobufWriter& to, uint32_t field, uint32_t value) {
  if (value != 0) to.add_uint32(field, value);
}
inline void PutFixed32(ProtobufWriter& to, uint32_t field, uint32_t value) {
  if (value != 0) to.add_fixed32(field, value);
}
inline void PutFixed64(ProtobufWriter& to, uint32_t field, uint64_t value) {
  if (value != 0) to.add_fixed64(field, value);
}
// Minus zero is not the default.
inline void PutDouble(ProtobufWriter& to, uint32_t field, double value) {
  if (std::bit_cast<uint64_t>(value) != 0) to.add_double(field, value);
}
template <size_t N>
void PutId(ProtobufWriter& to, uint32_t field, const model::Id<N>& id) {
  if (!id.IsZero()) to.add_bytes(field, id.View().data(), N);
}

// The fields of an AnyValue.
void PutValue(ProtobufWriter& to, const model::BatchBase& batch, const model::Value& value, int depth = 0);
// A repeated KeyValue.
void PutKeyValues(ProtobufWriter& to, uint32_t field, const model::BatchBase& batch, model::Range range, int depth = 0);

// Writes the groups around the records of a request; Derived writes record i into scope_group().
template <typename Derived>
class GroupEncoder {
 public:
  explicit GroupEncoder(const model::BatchBase& batch) : base_(batch), request_(out_) {}

  void BeginResource(uint32_t row);
  void BeginScope(uint32_t row);
  void Record(size_t row) { static_cast<Derived*>(this)->WriteRecord(row, *scope_group_); }
  void EndScope();
  void EndResource();
  std::string Take() { return std::move(out_); }

 private:
  const model::BatchBase& base_;
  std::string out_;
  ProtobufWriter request_;
  std::optional<ProtobufWriter> resource_group_;
  std::optional<ProtobufWriter> scope_group_;
  uint32_t resource_ = 0;
  uint32_t scope_ = 0;
};

// Nothing where they are empty.
void PutResource(ProtobufWriter& group, const model::BatchBase& batch, const model::Resource& resource);
void PutScope(ProtobufWriter& group, const model::BatchBase& batch, const model::Scope& scope);

template <typename Derived>
void GroupEncoder<Derived>::BeginResource(uint32_t row) {
  resource_ = row;
  resource_group_.emplace(request_, field::request::kResourceGroups);
  PutResource(*resource_group_, base_, base_.resources[row]);
}

template <typename Derived>
void GroupEncoder<Derived>::BeginScope(uint32_t row) {
  scope_ = row;
  scope_group_.emplace(*resource_group_, field::resource_group::kScopeGroups);
  PutScope(*scope_group_, base_, base_.scopes[row]);
}

template <typename Derived>
void GroupEncoder<Derived>::EndScope() {
  PutString(*scope_group_, field::scope_group::kSchemaUrl, base_.Text(base_.scopes[scope_].schema_url));
  scope_group_.reset();
}

template <typename Derived>
void GroupEncoder<Derived>::EndResource() {
  PutString(*resource_group_, field::resource_group::kSchemaUrl, base_.Text(base_.resources[resource_].schema_url));
  resource_group_.reset();
}

}  // namespace clew::wire
