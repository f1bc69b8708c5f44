// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/record_batcher.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "clew/agent/drain/batch_writer.h"
#include "clew/base/time.h"

namespace clew::agent::drain {
namespace {

// Beside the texts, a row's numbers, ids and attribute envelopes take about that many bytes when encoded.
constexpr size_t kRowBytes = 96;

template <typename Batch>
uint32_t ProcessResource(BatchWriter<Batch>& writer, const KeyValuePairs& resource, const RecordSource& source) {
  return writer.Resource(source.id, [&](std::vector<model::KeyValue>& rows) {
    writer.AppendPairs(resource, rows);
    rows.push_back({writer.batch().strings.Intern("process.pid"), 0, model::Value::Int(source.pid)});
    record::AttributeReader identity({source.identity_count, source.identity});
    for (record::AttributeView attribute; identity.Next(attribute);) {
      const model::StringId key = writer.Key(attribute);
      const bool there = std::ranges::any_of(rows, [&](const model::KeyValue& row) { return row.key == key; });
      if (!there) rows.push_back({key, 0, writer.Value(attribute.value)});
    }
  });
}

template <typename Batch>
size_t EncodedBytes(const Batch& batch) {
  return batch.strings.size_bytes() + batch.attributes.key_values.size() * 24 + batch.size() * kRowBytes;
}

}  // namespace

int64_t ClockOffset() {
  // The look at the other clock is taken twice, so that being put to sleep in between shows.
  int64_t best_gap = INT64_MAX;
  int64_t offset = 0;
  auto now = [](clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return time.tv_sec * base::kNanosPerSecond + time.tv_nsec;
  };
  for (int i = 0; i < 3; ++i) {
    const int64_t before = now(CLOCK_MONOTONIC);
    const int64_t wall = now(CLOCK_REALTIME);
    const int64_t after = now(CLOCK_MONOTONIC);
    if (after - before >= best_gap) continue;
    best_gap = after - before;
    offset = wall - (before + (after - before) / 2);
  }
  return offset;
}

class SpanBatcher::Impl {
 public:
  explicit Impl(KeyValuePairs resource) : resource_(std::move(resource)) {}

  size_t AddRow(const RecordSource& source, const record::SpanView& span, int64_t offset,
                const std::vector<model::KeyValue>& more) {
    model::SpanBatch& batch = writer_.batch();
    const uint32_t resource = ProcessResource(writer_, resource_, source);
    const uint32_t scope = writer_.Scope(span.scope);
    const size_t row = batch.AddRow();
    const record::SpanFixed& fixed = span.fixed;
    batch.resource[row] = resource;
    batch.scope[row] = scope;
    std::memcpy(batch.trace_id[row].bytes.data(), fixed.trace_id, sizeof fixed.trace_id);
    std::memcpy(batch.span_id[row].bytes.data(), fixed.span_id, sizeof fixed.span_id);
    std::memcpy(batch.parent_span_id[row].bytes.data(), fixed.parent_span_id, sizeof fixed.parent_span_id);
    batch.trace_state[row] = writer_.Text(span.trace_state);
    batch.flags[row] = fixed.flags;
    batch.name[row] = writer_.Text(span.name);
    batch.kind[row] = fixed.kind <= 5 ? static_cast<model::SpanKind>(fixed.kind) : model::SpanKind::kUnspecified;
    batch.start_time[row] = Time(fixed.start, (fixed.clocks & record::kStartIsUnix) != 0, offset);
    batch.end_time[row] = Time(fixed.end, (fixed.clocks & record::kEndIsUnix) != 0, offset);
    batch.attribute_range[row] = writer_.Attributes(span.attributes, more);
    batch.dropped_attributes_count[row] = fixed.dropped_attributes;
    batch.dropped_events_count[row] = fixed.dropped_events;
    batch.dropped_links_count[row] = fixed.dropped_links;
    batch.status_code[row] =
        fixed.status <= 2 ? static_cast<model::StatusCode>(fixed.status) : model::StatusCode::kUnset;
    batch.status_message[row] = writer_.Text(span.status_message);
    AddEvents(row, span, offset);
    AddLinks(row, span);
    return row;
  }

  BatchWriter<model::SpanBatch>& writer() { return writer_; }

 private:
  static uint64_t Time(int64_t time, bool is_unix, int64_t offset) {
    return static_cast<uint64_t>(is_unix ? time : time + offset);
  }

  void AddEvents(size_t row, const record::SpanView& span, int64_t offset) {
    model::SpanBatch& batch = writer_.batch();
    const auto first = static_cast<uint32_t>(batch.events.size());
    record::EventReader events = span.events();
    for (record::EventView event; events.Next(event);) {
      model::SpanEvent out;
      out.time = Time(event.time, event.time_is_unix, offset);
      out.name = writer_.Text(event.name);
      out.attributes = writer_.Attributes(event.attributes);
      out.dropped_attributes_count = event.dropped_attributes;
      batch.events.push_back(out);
    }
    batch.event_range[row] = {first, static_cast<uint32_t>(batch.events.size()) - first};
  }

  void AddLinks(size_t row, const record::SpanView& span) {
    model::SpanBatch& batch = writer_.batch();
    const auto first = static_cast<uint32_t>(batch.links.size());
    record::LinkReader links = span.links();
    for (record::LinkView link; links.Next(link);) {
      model::SpanLink out;
      std::memcpy(out.trace_id.bytes.data(), link.trace_id, sizeof link.trace_id);
      std::memcpy(out.span_id.bytes.data(), link.span_id, sizeof link.span_id);
      out.trace_state = writer_.Text(link.trace_state);
      out.flags = link.flags;
      out.attributes = writer_.Attributes(link.attributes);
      out.dropped_attributes_count = link.dropped_attributes;
      batch.links.push_back(out);
    }
    batch.link_range[row] = {first, static_cast<uint32_t>(batch.links.size()) - first};
  }

  KeyValuePairs resource_;
  BatchWriter<model::SpanBatch> writer_;
};

SpanBatcher::SpanBatcher(KeyValuePairs resource) : impl_(std::make_unique<Impl>(std::move(resource))) {}
SpanBatcher::~SpanBatcher() = default;

void SpanBatcher::Add(const RecordSource& source, const record::SpanView& span, int64_t clock_offset) {
  impl_->AddRow(source, span, clock_offset, {});
}

void SpanBatcher::AddCutShort(const RecordSource& source, const record::SpanView& span, int64_t clock_offset,
                              const CutShort& end) {
  BatchWriter<model::SpanBatch>& writer = impl_->writer();
  std::vector<model::KeyValue> more;
  more.push_back({writer.batch().strings.Intern("clew.span.cut_short"), 0, model::Value::Bool(true)});
  bool has_error_type = false;
  record::AttributeReader attributes(span.attributes);
  for (record::AttributeView attribute; attributes.Next(attribute);) {
    has_error_type |= attribute.key == "error.type";
  }
  if (!has_error_type) more.push_back(writer.StringRow("error.type", end.error_type));
  const size_t row = impl_->AddRow(source, span, clock_offset, more);
  model::SpanBatch& batch = writer.batch();
  batch.end_time[row] = std::max(static_cast<uint64_t>(end.end_unix_nanos), batch.start_time[row]);
  batch.status_code[row] = model::StatusCode::kError;
  batch.status_message[row] = writer.Text(end.description);
}

size_t SpanBatcher::size() const { return impl_->writer().batch().size(); }
size_t SpanBatcher::size_bytes() const { return EncodedBytes(impl_->writer().batch()); }
model::SpanBatch SpanBatcher::Take() {
  model::SpanBatch batch = impl_->writer().Take();
  GroupRows(batch);
  return batch;
}

class LogBatcher::Impl {
 public:
  explicit Impl(KeyValuePairs resource) : resource_(std::move(resource)) {}

  void Add(const RecordSource& source, const record::LogView& log, int64_t offset) {
    model::LogBatch& batch = writer_.batch();
    const uint32_t resource = ProcessResource(writer_, resource_, source);
    const uint32_t scope = writer_.Scope(log.scope);
    const size_t row = batch.AddRow();
    const record::LogFixed& fixed = log.fixed;
    batch.resource[row] = resource;
    batch.scope[row] = scope;
    batch.time[row] = static_cast<uint64_t>(fixed.time_unix);
    batch.observed_time[row] = static_cast<uint64_t>(fixed.observed + offset);
    batch.severity_number[row] = fixed.severity <= 24 ? fixed.severity : 0;
    batch.severity_text[row] = writer_.Text(log.severity_text);
    batch.body[row] = writer_.Value(log.body);
    batch.attribute_range[row] = writer_.Attributes(log.attributes);
    batch.dropped_attributes_count[row] = fixed.dropped_attributes;
    // OTLP's LogRecordFlags are the trace flags alone.
    batch.flags[row] = fixed.flags & 0xff;
    std::memcpy(batch.trace_id[row].bytes.data(), fixed.trace_id, sizeof fixed.trace_id);
    std::memcpy(batch.span_id[row].bytes.data(), fixed.span_id, sizeof fixed.span_id);
    batch.event_name[row] = writer_.Text(log.event_name);
  }

  BatchWriter<model::LogBatch>& writer() { return writer_; }

 private:
  KeyValuePairs resource_;
  BatchWriter<model::LogBatch> writer_;
};

LogBatcher::LogBatcher(KeyValuePairs resource) : impl_(std::make_unique<Impl>(std::move(resource))) {}
LogBatcher::~LogBatcher() = default;
void LogBatcher::Add(const RecordSource& source, const record::LogView& log, int64_t clock_offset) {
  impl_->Add(source, log, clock_offset);
}
size_t LogBatcher::size() const { return impl_->writer().batch().size(); }
size_t LogBatcher::size_bytes() const { return EncodedBytes(impl_->writer().batch()); }
model::LogBatch LogBatcher::Take() {
  model::LogBatch batch = impl_->writer().Take();
  GroupRows(batch);
  return batch;
}

}  // namespace clew::agent::drain
