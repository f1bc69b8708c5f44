// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_decoder.h"

#include "clew/store/attribute_codec.h"
#include "clew/store/sender_resolver.h"

namespace clew::store {
namespace {

// Places in kLogColumnList.
enum LogColumn : size_t {
  kServiceName,
  kTime,
  kTimeUnknown,
  kObservedDelay,
  kSeverityNumber,
  kSeverityText,
  kBody,
  kBodyKind,
  kBodyExtra,
  kTraceId,
  kSpanId,
  kFlags,
  kEventName,
  kResourceId,
  kScopeId,
  kAttributes,
  kAttributeKinds,
  kAttributeExtra,
  kDroppedAttributes,
};

base::Result<model::Value> DecodeBody(const engine::Block& block, size_t row, model::LogBatch& batch) {
  const std::string_view kind = block[kBodyKind].Text(row);
  std::string_view extra = block[kBodyExtra].Text(row);
  const std::string_view text = block[kBody].Text(row);
  // Bodies hardly repeat.
  if (kind == "s") return model::Value::String(batch.strings.Add(text));
  return ReadValue(kind.empty() ? '\0' : kind[0], text, extra, batch.attributes, batch.strings);
}

}  // namespace

base::Status DecodeLogs(const engine::Block& block, StoreState& state, std::string_view tenant,
                        model::LogBatch& batch) {
  SenderResolver senders(state.resources(), state.scopes(), tenant, batch);
  AttributeReader attributes(block[kAttributes], batch.attributes, batch.strings);
  for (size_t row = 0; row < block.rows; ++row) {
    const size_t record = batch.AddRow();
    CLEW_ASSIGN_OR_RETURN(batch.resource[record],
                          senders.Resource(block[kResourceId].At<uint64_t>(row), block[kServiceName].Text(row)));
    CLEW_ASSIGN_OR_RETURN(batch.scope[record], senders.Scope(block[kScopeId].At<uint64_t>(row)));
    const uint64_t time = block[kTime].At<uint64_t>(row);
    batch.time[record] = block[kTimeUnknown].At<uint8_t>(row) != 0 ? 0 : time;
    batch.observed_time[record] = time + static_cast<uint64_t>(block[kObservedDelay].At<int64_t>(row));
    batch.severity_number[record] = block[kSeverityNumber].At<uint8_t>(row);
    batch.severity_text[record] = batch.strings.Intern(block[kSeverityText].Text(row));
    CLEW_ASSIGN_OR_RETURN(batch.body[record], DecodeBody(block, row, batch));
    batch.trace_id[record] = block[kTraceId].At<model::TraceId>(row);
    batch.span_id[record] = block[kSpanId].At<model::SpanId>(row);
    batch.flags[record] = block[kFlags].At<uint32_t>(row);
    batch.event_name[record] = batch.strings.Intern(block[kEventName].Text(row));
    CLEW_ASSIGN_OR_RETURN(batch.attribute_range[record],
                          attributes.Read(row, block[kAttributeKinds].Text(row), block[kAttributeExtra].Text(row)));
    batch.dropped_attributes_count[record] = block[kDroppedAttributes].At<uint32_t>(row);
  }
  return {};
}

}  // namespace clew::store
