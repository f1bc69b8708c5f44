// SPDX-License-Identifier: Apache-2.0
#include "clew/store/span_decoder.h"

#include "clew/store/attribute_codec.h"
#include "clew/store/sender_resolver.h"

namespace clew::store {
namespace {

// Places in the column list.
enum CoreColumn : size_t {
  kServiceName,
  kName,
  kKind,
  kStartTime,
  kDuration,
  kStatusCode,
  kTraceId,
  kSpanId,
  kParentSpanId,
  kFlags,
  kResourceId,
  kScopeId,
  kCoreColumns
};
enum FullColumn : size_t {
  kStatusMessage = kCoreColumns,
  kTraceState,
  kAttributes,
  kAttributeKinds,
  kAttributeExtra,
  kDroppedAttributes,
  kDroppedEvents,
  kDroppedLinks,
  kEventTime,
  kEventName,
  kEventAttributes,
  kEventKinds,
  kEventExtra,
  kEventDropped,
  kLinkTraceId,
  kLinkSpanId,
  kLinkTraceState,
  kLinkFlags,
  kLinkAttributes,
  kLinkKinds,
  kLinkExtra,
  kLinkDropped,
};

class SpanDecoder {
 public:
  SpanDecoder(const engine::Block& block, StoreState& state, std::string_view tenant, model::SpanBatch& batch)
      : block_(block), batch_(batch), senders_(state.resources(), state.scopes(), tenant, batch) {}

  base::Status DecodeCore() {
    for (size_t row = 0; row < block_.rows; ++row) {
      const size_t span = batch_.AddRow();
      const std::string_view service = block_[kServiceName].Text(row);
      CLEW_ASSIGN_OR_RETURN(batch_.resource[span], senders_.Resource(block_[kResourceId].At<uint64_t>(row), service));
      CLEW_ASSIGN_OR_RETURN(batch_.scope[span], senders_.Scope(block_[kScopeId].At<uint64_t>(row)));
      batch_.name[span] = batch_.strings.Intern(block_[kName].Text(row));
      batch_.kind[span] = static_cast<model::SpanKind>(block_[kKind].At<uint8_t>(row));
      batch_.start_time[span] = block_[kStartTime].At<uint64_t>(row);
      batch_.end_time[span] = batch_.start_time[span] + static_cast<uint64_t>(block_[kDuration].At<int64_t>(row));
      batch_.status_code[span] = static_cast<model::StatusCode>(block_[kStatusCode].At<uint8_t>(row));
      batch_.trace_id[span] = block_[kTraceId].At<model::TraceId>(row);
      batch_.span_id[span] = block_[kSpanId].At<model::SpanId>(row);
      batch_.parent_span_id[span] = block_[kParentSpanId].At<model::SpanId>(row);
      batch_.flags[span] = block_[kFlags].At<uint32_t>(row);
    }
    return {};
  }

  // The rest of the rows that DecodeCore has appended.
  base::Status DecodeRest(size_t first_span) {
    AttributeReader attributes(block_[kAttributes], batch_.attributes, batch_.strings);
    for (size_t row = 0; row < block_.rows; ++row) {
      const size_t span = first_span + row;
      batch_.status_message[span] = batch_.strings.Intern(block_[kStatusMessage].Text(row));
      batch_.trace_state[span] = batch_.strings.Intern(block_[kTraceState].Text(row));
      CLEW_ASSIGN_OR_RETURN(batch_.attribute_range[span],
                            attributes.Read(row, block_[kAttributeKinds].Text(row), block_[kAttributeExtra].Text(row)));
      batch_.dropped_attributes_count[span] = block_[kDroppedAttributes].At<uint32_t>(row);
      batch_.dropped_events_count[span] = block_[kDroppedEvents].At<uint32_t>(row);
      batch_.dropped_links_count[span] = block_[kDroppedLinks].At<uint32_t>(row);
    }
    CLEW_RETURN_IF_ERROR(DecodeEvents(first_span));
    return DecodeLinks(first_span);
  }

 private:
  base::Status DecodeEvents(size_t first_span) {
    AttributeReader attributes(block_[kEventAttributes].element(), batch_.attributes, batch_.strings);
    for (size_t row = 0; row < block_.rows; ++row) {
      const auto [first, last] = block_[kEventTime].Elements(row);
      batch_.event_range[first_span + row] = {static_cast<uint32_t>(batch_.events.size()),
                                              static_cast<uint32_t>(last - first)};
      for (size_t i = first; i < last; ++i) {
        model::SpanEvent event;
        event.time = block_[kEventTime].element().At<uint64_t>(i);
        event.name = batch_.strings.Intern(block_[kEventName].element().Text(i));
        CLEW_ASSIGN_OR_RETURN(event.attributes, attributes.Read(i, block_[kEventKinds].element().Text(i),
                                                                block_[kEventExtra].element().Text(i)));
        event.dropped_attributes_count = block_[kEventDropped].element().At<uint32_t>(i);
        batch_.events.push_back(event);
      }
    }
    return {};
  }

  base::Status DecodeLinks(size_t first_span) {
    AttributeReader attributes(block_[kLinkAttributes].element(), batch_.attributes, batch_.strings);
    for (size_t row = 0; row < block_.rows; ++row) {
      const auto [first, last] = block_[kLinkTraceId].Elements(row);
      batch_.link_range[first_span + row] = {static_cast<uint32_t>(batch_.links.size()),
                                             static_cast<uint32_t>(last - first)};
      for (size_t i = first; i < last; ++i) {
        model::SpanLink link;
        link.trace_id = block_[kLinkTraceId].element().At<model::TraceId>(i);
        link.span_id = block_[kLinkSpanId].element().At<model::SpanId>(i);
        link.trace_state = batch_.strings.Intern(block_[kLinkTraceState].element().Text(i));
        link.flags = block_[kLinkFlags].element().At<uint32_t>(i);
        CLEW_ASSIGN_OR_RETURN(link.attributes, attributes.Read(i, block_[kLinkKinds].element().Text(i),
                                                               block_[kLinkExtra].element().Text(i)));
        link.dropped_attributes_count = block_[kLinkDropped].element().At<uint32_t>(i);
        batch_.links.push_back(link);
      }
    }
    return {};
  }

  const engine::Block& block_;
  model::SpanBatch& batch_;
  SenderResolver senders_;
};

}  // namespace

std::string_view SpanColumnList(bool with_attributes) {
  // In the order of CoreColumn and FullColumn.
  constexpr std::string_view kFull =
      "service_name, name, kind, start_time, duration, status_code, trace_id, span_id, parent_span_id, flags, "
      "resource_id, scope_id, status_message, trace_state, attributes, attribute_kinds, attribute_extra, "
      "dropped_attributes_count, dropped_events_count, dropped_links_count, events.time, events.name, "
      "events.attributes, events.attribute_kinds, events.attribute_extra, events.dropped_attributes_count, "
      "links.trace_id, links.span_id, links.trace_state, links.flags, links.attributes, links.attribute_kinds, "
      "links.attribute_extra, links.dropped_attributes_count";
  constexpr std::string_view kCore = kFull.substr(0, kFull.find(", status_message"));
  return with_attributes ? kFull : kCore;
}

base::Status DecodeSpans(const engine::Block& block, bool with_attributes, StoreState& state, std::string_view tenant,
                         model::SpanBatch& batch) {
  const size_t first_span = batch.size();
  SpanDecoder decoder(block, state, tenant, batch);
  CLEW_RETURN_IF_ERROR(decoder.DecodeCore());
  return with_attributes ? decoder.DecodeRest(first_span) : base::Status();
}

}  // namespace clew::store
