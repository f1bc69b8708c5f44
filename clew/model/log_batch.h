// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "clew/model/ids.h"
#include "clew/model/resource.h"

namespace clew::model {

// Log records by column (opentelemetry/proto/logs/v1/logs.proto, LogRecord), as SpanBatch is for spans.
struct LogBatch : BatchBase {
  std::vector<uint32_t> resource;
  std::vector<uint32_t> scope;
  std::vector<uint64_t> time;           // Unix nanoseconds; 0: not known, use observed_time
  std::vector<uint64_t> observed_time;  // Unix nanoseconds
  std::vector<uint8_t>
      severity_number;  // 0 unspecified, 1–4 TRACE, 5–8 DEBUG, 9–12 INFO, 13–16 WARN, 17–20 ERROR, 21–24 FATAL
  std::vector<StringId> severity_text;
  std::vector<Value> body;  // any kind
  std::vector<Range> attribute_range;
  std::vector<uint32_t> dropped_attributes_count;
  std::vector<uint32_t> flags;
  std::vector<TraceId> trace_id;  // zero: none
  std::vector<SpanId> span_id;
  std::vector<StringId> event_name;

  size_t size() const { return time.size(); }
  size_t AddRow();
  void RemoveLastRow();
  // The record's own time, or when it was first seen.
  uint64_t effective_time(size_t row) const { return time[row] != 0 ? time[row] : observed_time[row]; }

  template <typename Visitor>
  void VisitRowColumns(Visitor&& visit) {
    VisitRows(*this, visit);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    VisitBaseColumns(visit);
    VisitRows(*this, visit);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    VisitBaseColumns(visit);
    VisitRows(*this, visit);
  }
  bool IsConsistent() const;

 private:
  template <typename Self, typename Visitor>
  static void VisitRows(Self& self, Visitor& visit) {
    visit(self.resource);
    visit(self.scope);
    visit(self.time);
    visit(self.observed_time);
    visit(self.severity_number);
    visit(self.severity_text);
    visit(self.body);
    visit(self.attribute_range);
    visit(self.dropped_attributes_count);
    visit(self.flags);
    visit(self.trace_id);
    visit(self.span_id);
    visit(self.event_name);
  }
};

}  // namespace clew::model
