// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/model/log_batch.h"
#include "clew/model/span_batch.h"
#include "clew/model/template_miner.h"

namespace clew::query::evidence {

// Makes segments (model/evidence.h) of spans and log records that come in any order. Spans that name themselves or each
// other as parents, whose parent is missing, or that end before they start are taken as they are and break nothing.
// Clocks that differ are put right where calls prove it (clock_offset.h).
// Not thread-safe.
class SegmentBuilder {
 public:
  void AddSpans(const model::SpanBatch& batch);
  // Records without a trace id say nothing about a segment and are passed over.
  void AddLogs(const model::LogBatch& batch);
  // Everything so far; the builder is empty afterwards.
  model::Evidence Finish();

  // The id of a name in what Finish() will give.
  model::NameId NameOf(std::string_view name);

 private:
  static constexpr uint32_t kNone = model::kNoSegment;

  struct SpanKey {
    model::TraceId trace_id;
    model::SpanId span_id;
    bool operator==(const SpanKey&) const = default;
  };
  struct SpanKeyHash {
    size_t operator()(const SpanKey& key) const {
      return model::TraceIdHash()(key.trace_id) ^ model::SpanIdHash()(key.span_id);
    }
  };
  struct Span {
    SpanKey key;
    model::SpanId parent_id;
    model::NameId service = 0;
    model::NameId instance = 0;
    model::NameId version = 0;
    model::NameId name = 0;
    model::NameId peer = 0;    // "address:port" of a client span
    model::NameId status = 0;  // other than success
    int64_t start = 0;
    int64_t end = 0;
    uint32_t parent = kNone;
    uint32_t entry = kNone;
    bool is_entry_kind = false;
    bool is_client = false;
    bool is_error = false;
    bool calls_remote = false;
    bool has_children = false;
    bool is_async = false;  // a consumer: its caller does not wait
    bool visiting = false;  // its ancestors are being walked
  };
  struct ResourceNames {
    model::NameId service = 0;
    model::NameId instance = 0;
    model::NameId version = 0;
  };
  struct SpanPoint {
    uint32_t span = 0;
    model::SegmentEvent event;
  };
  struct LogPoint {
    SpanKey key;
    model::NameId service = 0;
    uint32_t template_id = 0;
    model::SegmentEvent event;
  };

  std::vector<ResourceNames> NamesOfResources(const model::BatchBase& batch);
  void ReadAttributes(const model::SpanBatch& batch, size_t row, Span& span);
  void AddExceptions(const model::SpanBatch& batch, size_t row);
  void LinkParents();
  uint32_t FindEntry(uint32_t span);
  // Puts all times of a trace on the clock of its root.
  void AlignClocks();
  // Per entry span: its segment; then parents, hops and own times.
  void MakeSegments(model::Evidence& evidence);
  void MeasureCalls(model::Evidence& evidence);
  void AddEvents(model::Evidence& evidence);
  void AddEvent(uint32_t span, const model::SegmentEvent& event);
  // Nanoseconds of a span with nothing below it in which no other service was waited for; -1 for any other span.
  int64_t OwnDuration(uint32_t span) const;

  std::vector<std::string> names_{""};
  std::unordered_map<std::string, model::NameId> name_ids_;
  std::vector<Span> spans_;
  std::unordered_map<SpanKey, uint32_t, SpanKeyHash> index_;
  std::vector<SpanPoint> exceptions_;
  std::vector<LogPoint> logs_;
  model::TemplateMiner miner_;
  // By entry span, while Finish() runs.
  std::vector<uint32_t> segment_of_;
  std::vector<std::vector<model::SegmentEvent>> events_of_;
  // By segment: when calls to other services were under way.
  std::vector<std::vector<std::pair<int64_t, int64_t>>> remote_of_;
};

}  // namespace clew::query::evidence
