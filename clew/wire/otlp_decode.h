// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "clew/base/result.h"
#include "clew/model/resource.h"
#include "clew/wire/batch_builder.h"
#include "clew/wire/otlp.h"
#include "clew/wire/otlp_fields.h"
#include "clew/wire/protobuf_reader.h"

// What the decoders of the three signals share; for this folder only. Functions throw Malformed and TooDeep.
namespace clew::wire {

// An AnyValue's fields into `open`; `depth` values are around it.
void DecodeAnyValue(std::string_view message, BatchBuilder& builder, BatchBuilder::OpenValue& open, int depth);
// One KeyValue, pushed to the list that is open.
void DecodeKeyValue(std::string_view message, BatchBuilder& builder, int depth = 0);
// The fields of a Resource and of an InstrumentationScope; attributes are pushed to the list that is open.
void DecodeResource(std::string_view message, BatchBuilder& builder, model::Resource& resource);
void DecodeScope(std::string_view message, BatchBuilder& builder, model::Scope& scope);

// One ScopeSpans, ScopeLogs or ScopeMetrics: calls record(message, resource row, scope row) for each of its records.
// The scope goes again when it turns out to hold none; says whether it stayed.
template <typename Record>
bool DecodeScopeGroup(std::string_view message, model::BatchBase& batch, BatchBuilder& builder, uint32_t resource,
                      Record&& record) {
  const uint32_t row = static_cast<uint32_t>(batch.scopes.size());
  batch.scopes.emplace_back();
  const size_t mark = builder.BeginKeyValues();
  bool used = false;
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::scope_group::kScope): DecodeScope(reader.Bytes(), builder, batch.scopes[row]); break;
      case LengthTag(field::scope_group::kRecords): used |= record(reader.Bytes(), resource, row); break;
      case LengthTag(field::scope_group::kSchemaUrl):
        batch.scopes[row].schema_url = builder.Text(reader.Bytes());
        break;
      default: reader.Skip();
    }
  }
  batch.scopes[row].attributes = builder.EndKeyValues(mark);
  if (!used) batch.scopes.pop_back();
  return used;
}

// One ResourceSpans, ResourceLogs or ResourceMetrics.
template <typename Record>
void DecodeResourceGroup(std::string_view message, model::BatchBase& batch, BatchBuilder& builder, Record&& record) {
  const uint32_t row = static_cast<uint32_t>(batch.resources.size());
  batch.resources.emplace_back();
  const size_t mark = builder.BeginKeyValues();
  bool used = false;
  ProtobufReader reader(message);
  while (reader.Next()) {
    switch (reader.tag()) {
      case LengthTag(field::resource_group::kResource):
        DecodeResource(reader.Bytes(), builder, batch.resources[row]);
        break;
      case LengthTag(field::resource_group::kScopeGroups):
        used |= DecodeScopeGroup(reader.Bytes(), batch, builder, row, record);
        break;
      case LengthTag(field::resource_group::kSchemaUrl):
        batch.resources[row].schema_url = builder.Text(reader.Bytes());
        break;
      default: reader.Skip();
    }
  }
  batch.resources[row].attributes = builder.EndKeyValues(mark);
  if (!used) batch.resources.pop_back();
}

template <typename Record>
void DecodeRequest(std::string_view message, model::BatchBase& batch, BatchBuilder& builder, Record&& record) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    if (reader.tag() == LengthTag(field::request::kResourceGroups)) {
      DecodeResourceGroup(reader.Bytes(), batch, builder, record);
    } else {
      reader.Skip();
    }
  }
}

base::Error TooDeepError();
base::Error TooLargeError();
base::Error TooManyError();

// Runs `decode(message, Decoded<Batch>&)` and turns what it throws into errors.
template <typename Batch, typename Decode>
base::Result<Decoded<Batch>> DecodeGuarded(std::string_view message, Decode&& decode) {
  if (message.size() > kMaxMessageBytes) return std::unexpected(TooLargeError());
  try {
    Decoded<Batch> decoded;
    decode(message, decoded);
    return decoded;
  } catch (const Malformed& malformed) {
    return base::InvalidArgument(fmt::format("the body is not an OTLP protobuf message: {} (byte {} of {})",
                                             malformed.what, malformed.at - message.data(), message.size()));
  } catch (const TooDeep&) {
    return std::unexpected(TooDeepError());
  } catch (const TooMany&) {
    return std::unexpected(TooManyError());
  } catch (const std::bad_alloc&) {
    return base::ResourceExhausted("not enough memory to decode the message");
  }
}

}  // namespace clew::wire
