// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "clew/model/ids.h"
#include "clew/model/resource.h"

namespace clew::model {

// opentelemetry/proto/trace/v1/trace.proto, Span.SpanKind
enum class SpanKind : uint8_t {
  kUnspecified = 0,
  kInternal = 1,
  kServer = 2,
  kClient = 3,
  kProducer = 4,
  kConsumer = 5
};
// "server", "client", …; empty for kUnspecified. As Jaeger, Prometheus labels and people write it.
std::string_view SpanKindName(SpanKind kind);
// The kind of that name; kUnspecified for any other word.
SpanKind SpanKindOf(std::string_view name);

// Status.StatusCode
enum class StatusCode : uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  uint64_t time = 0;  // Unix nanoseconds
  StringId name = 0;
  Range attributes;
  uint32_t dropped_attributes_count = 0;
};

struct SpanLink {
  TraceId trace_id;
  SpanId span_id;
  StringId trace_state = 0;
  uint32_t flags = 0;
  Range attributes;
  uint32_t dropped_attributes_count = 0;
};

// Spans by column, in the order in which they came: row i of each column is span i. Everything the OTLP message holds
// is kept. Trivially copyable rows, so a batch is written and read as bytes (write-ahead log).
struct SpanBatch : BatchBase {
  std::vector<uint32_t> resource;
  std::vector<uint32_t> scope;
  std::vector<TraceId> trace_id;
  std::vector<SpanId> span_id;
  std::vector<SpanId> parent_span_id;  // zero: a root
  std::vector<StringId> trace_state;
  std::vector<uint32_t> flags;  // W3C trace flags in the low byte, remote bits above (0x100, 0x200)
  std::vector<StringId> name;
  std::vector<SpanKind> kind;
  std::vector<uint64_t> start_time;  // Unix nanoseconds
  std::vector<uint64_t> end_time;
  std::vector<Range> attribute_range;
  std::vector<uint32_t> dropped_attributes_count;
  std::vector<Range> event_range;  // of `events`
  std::vector<uint32_t> dropped_events_count;
  std::vector<Range> link_range;  // of `links`
  std::vector<uint32_t> dropped_links_count;
  std::vector<StatusCode> status_code;
  std::vector<StringId> status_message;

  std::vector<SpanEvent> events;
  std::vector<SpanLink> links;

  size_t size() const { return span_id.size(); }
  // One more row of defaults in every per-span column; its index.
  size_t AddRow();
  // Drops the last row (its attributes, events and links stay unused).
  void RemoveLastRow();
  // Signed, since a skewed clock can end a span before it starts.
  int64_t duration(size_t row) const { return static_cast<int64_t>(end_time[row] - start_time[row]); }

  // Calls `visit` with each per-span column, in a fixed order.
  template <typename Visitor>
  void VisitRowColumns(Visitor&& visit) {
    VisitRows(*this, visit);
  }
  // Calls `visit` with every column of the batch, in a fixed order that the write-ahead log depends on.
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    VisitBaseColumns(visit);
    VisitRows(*this, visit);
    visit(events);
    visit(links);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    VisitBaseColumns(visit);
    VisitRows(*this, visit);
    visit(events);
    visit(links);
  }
  // After the columns were read from foreign bytes: all columns equally long, every id and range within bounds.
  bool IsConsistent() const;

 private:
  template <typename Self, typename Visitor>
  static void VisitRows(Self& self, Visitor& visit) {
    visit(self.resource);
    visit(self.scope);
    visit(self.trace_id);
    visit(self.span_id);
    visit(self.parent_span_id);
    visit(self.trace_state);
    visit(self.flags);
    visit(self.name);
    visit(self.kind);
    visit(self.start_time);
    visit(self.end_time);
    visit(self.attribute_range);
    visit(self.dropped_attributes_count);
    visit(self.event_range);
    visit(self.dropped_events_count);
    visit(self.link_range);
    visit(self.dropped_links_count);
    visit(self.status_code);
    visit(self.status_message);
  }
};

}  // namespace clew::model
