// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "clew/base/result.h"
#include "clew/wire/batch_builder.h"
#include "clew/wire/otlp.h"
#include "clew/wire/otlp_decode.h"

// What the OTLP/JSON decoders of the three signals share; for this folder only. The whole text is checked and laid out
// (simdjson's DOM) before any of it is used: On-Demand parsing would not notice what is wrong within skipped fields.
namespace clew::wire::json {

using Object = simdjson::dom::object;
using Element = simdjson::dom::element;

// All field names of OTLP's messages. Some stand for several messages' fields.
enum class Field : uint8_t {
  kUnknown,
  kAggregationTemporality,
  kArrayValue,
  kAsDouble,
  kAsInt,
  kAttributes,
  kBody,
  kBoolValue,
  kBucketCounts,
  kBytesValue,
  kCode,
  kCount,
  kDataPoints,
  kDescription,
  kDetails,
  kDoubleValue,
  kDroppedAttributesCount,
  kDroppedEventsCount,
  kDroppedLinksCount,
  kEndTimeUnixNano,
  kErrorMessage,
  kEventName,
  kEvents,
  kExemplars,
  kExplicitBounds,
  kExponentialHistogram,
  kFilteredAttributes,
  kFlags,
  kGauge,
  kHistogram,
  kIntValue,
  kIsMonotonic,
  kKey,
  kKind,
  kKvlistValue,
  kLinks,
  kLogRecords,
  kMax,
  kMessage,
  kMetadata,
  kMetrics,
  kMin,
  kName,
  kNegative,
  kObservedTimeUnixNano,
  kOffset,
  kParentSpanId,
  kPartialSuccess,
  kPositive,
  kQuantile,
  kQuantileValues,
  kRejectedDataPoints,
  kRejectedLogRecords,
  kRejectedSpans,
  kResource,
  kResourceLogs,
  kResourceMetrics,
  kResourceSpans,
  kRetryDelay,
  kScale,
  kSchemaUrl,
  kScope,
  kScopeLogs,
  kScopeMetrics,
  kScopeSpans,
  kSeverityNumber,
  kSeverityText,
  kSpanId,
  kSpans,
  kStartTimeUnixNano,
  kStatus,
  kStringValue,
  kSum,
  kSummary,
  kTimeUnixNano,
  kTraceId,
  kTraceState,
  kUnit,
  kValue,
  kValues,
  kVersion,
  kZeroCount,
  kZeroThreshold,
};

// The field that a name means, in lowerCamelCase or snake_case (proto3 JSON mapping accepts both).
Field FieldOf(std::string_view name);
// Its lowerCamelCase name.
std::string_view NameOf(Field field);

// A value is not of its field's type; thrown and caught within this folder only.
struct WrongType {
  Field field = Field::kUnknown;
  const char* expected = "";
};

// The value of `field` as its type; null never gets here. Throw WrongType.
Object AsObject(Field field, Element value);
std::string_view AsText(Field field, Element value);
bool AsBool(Field field, Element value);
// Integers as JSON numbers (with a fraction of zero too) or decimal strings.
uint64_t AsUint64(Field field, Element value);
int64_t AsInt64(Field field, Element value);
uint32_t AsUint32(Field field, Element value);
int32_t AsInt32(Field field, Element value);
// Numbers, or strings of numbers, "NaN", "Infinity", "-Infinity".
double AsDouble(Field field, Element value);
// The number of an enum value, whose names all begin with `prefix`; `names` are in the order of their numbers.
int64_t AsEnum(Field field, Element value, std::string_view prefix, std::span<const std::string_view> names);
model::Temporality AsTemporality(Element value);

// Calls visit(field, value) for each member that is known and not null.
template <typename Visitor>
void ForEachField(Object object, Visitor&& visit) {
  for (const auto& member : object) {
    if (member.value.is_null()) continue;
    const Field field = FieldOf(member.key);
    if (field != Field::kUnknown) visit(field, member.value);
  }
}

// Calls visit(element) for each element of a list; nulls are left out.
template <typename Visitor>
void ForEachElement(Field field, Element value, Visitor&& visit) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) throw WrongType{field, "an array"};
  for (const Element element : array) {
    if (!element.is_null()) visit(element);
  }
}

// Each KeyValue of a list, pushed to the list that is open.
void DecodeKeyValues(Field field, Element list, BatchBuilder& builder, int depth = 0);
void DecodeAnyValue(Object message, BatchBuilder& builder, BatchBuilder::OpenValue& open, int depth);
void DecodeResource(Object message, BatchBuilder& builder, model::Resource& resource);
void DecodeScope(Object message, BatchBuilder& builder, model::Scope& scope);

// How the three signals name the lists of their requests.
struct GroupNames {
  Field resource_groups;
  Field scope_groups;
  Field records;
};

// DecodeScopeGroup, DecodeResourceGroup and DecodeRequest of otlp_decode.h, from JSON.
template <typename Record>
bool DecodeScopeGroup(Object message, const GroupNames& names, model::BatchBase& batch, BatchBuilder& builder,
                      uint32_t resource, Record&& record) {
  const uint32_t row = static_cast<uint32_t>(batch.scopes.size());
  batch.scopes.emplace_back();
  const size_t mark = builder.BeginKeyValues();
  bool used = false;
  ForEachField(message, [&](Field field, Element value) {
    if (field == Field::kScope) {
      DecodeScope(AsObject(field, value), builder, batch.scopes[row]);
    } else if (field == Field::kSchemaUrl) {
      batch.scopes[row].schema_url = builder.Text(AsText(field, value));
    } else if (field == names.records) {
      ForEachElement(field, value, [&](Element element) { used |= record(AsObject(field, element), resource, row); });
    }
  });
  batch.scopes[row].attributes = builder.EndKeyValues(mark);
  if (!used) batch.scopes.pop_back();
  return used;
}

template <typename Record>
void DecodeResourceGroup(Object message, const GroupNames& names, model::BatchBase& batch, BatchBuilder& builder,
                         Record&& record) {
  const uint32_t row = static_cast<uint32_t>(batch.resources.size());
  batch.resources.emplace_back();
  const size_t mark = builder.BeginKeyValues();
  bool used = false;
  ForEachField(message, [&](Field field, Element value) {
    if (field == Field::kResource) {
      DecodeResource(AsObject(field, value), builder, batch.resources[row]);
    } else if (field == Field::kSchemaUrl) {
      batch.resources[row].schema_url = builder.Text(AsText(field, value));
    } else if (field == names.scope_groups) {
      ForEachElement(field, value, [&](Element element) {
        used |= DecodeScopeGroup(AsObject(field, element), names, batch, builder, row, record);
      });
    }
  });
  batch.resources[row].attributes = builder.EndKeyValues(mark);
  if (!used) batch.resources.pop_back();
}

template <typename Record>
void DecodeRequest(Object message, const GroupNames& names, model::BatchBase& batch, BatchBuilder& builder,
                   Record&& record) {
  ForEachField(message, [&](Field field, Element value) {
    if (field != names.resource_groups) return;
    ForEachElement(field, value, [&](Element element) {
      DecodeResourceGroup(AsObject(field, element), names, batch, builder, record);
    });
  });
}

// A JSON text laid out; values are views of it.
class Document {
 public:
  // INVALID_ARGUMENT where the text is no JSON object; ill-formed UTF-8 and lone surrogates are repaired first.
  static base::Result<Document> Parse(std::string_view text);
  Object root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  Object root_;
};

base::Error WrongTypeError(const WrongType& wrong);

// Parses `text`, runs decode(root object, Decoded<Batch>&) and turns what it throws into errors.
template <typename Batch, typename Decode>
base::Result<Decoded<Batch>> DecodeGuarded(std::string_view text, Decode&& decode) {
  if (text.size() > kMaxMessageBytes) return std::unexpected(TooLargeError());
  try {
    CLEW_ASSIGN_OR_RETURN(const Document document, Document::Parse(text));
    Decoded<Batch> decoded;
    decode(document.root(), decoded);
    return decoded;
  } catch (const WrongType& wrong) {
    return std::unexpected(WrongTypeError(wrong));
  } catch (const TooDeep&) {
    return std::unexpected(TooDeepError());
  } catch (const TooMany&) {
    return std::unexpected(TooManyError());
  } catch (const std::bad_alloc&) {
    return base::ResourceExhausted("not enough memory to decode the message");
  }
}

}  // namespace clew::wire::json
