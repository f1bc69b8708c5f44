// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/limits.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <vector>

namespace clew::ingest {
namespace {

using model::Range;
using model::StringId;
using model::Value;
using model::ValueKind;

constexpr uint64_t kLastTime = std::numeric_limits<int64_t>::max();
constexpr Rejection kTooLate{RejectReason::kTime, "a time lies after the year 2262"};

// `text` cut to at most `limit` bytes, not within a UTF-8 sequence.
std::string_view CutText(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

size_t LongestText(const model::Strings& strings) {
  size_t longest = 0;
  for (StringId id = 0; id < strings.size(); ++id) longest = std::max(longest, strings.Get(id).size());
  return longest;
}

// Cuts what is too long and too many in the parts that all OTLP batches share.
class BatchLimiter {
 public:
  BatchLimiter(const Limits& limits, model::BatchBase& batch, LimitReport& report)
      : limits_(limits),
        batch_(batch),
        report_(report),
        texts_fit_(LongestText(batch.strings) <= std::min({limits.key_bytes, limits.name_bytes, limits.value_bytes})) {}

  // Values of attributes of whatever, nested ones included; resources and scopes. Before any range is cut.
  void LimitShared() {
    for (Value& value : batch_.attributes.values) LimitValue(value, limits_.value_bytes);
    for (model::KeyValue& row : batch_.attributes.key_values) LimitValue(row.value, limits_.value_bytes);
    for (model::Resource& resource : batch_.resources) {
      LimitName(resource.schema_url);
      LimitAttributes(resource.attributes, &resource.dropped_attributes_count);
    }
    for (model::Scope& scope : batch_.scopes) {
      LimitName(scope.name);
      LimitName(scope.version);
      LimitName(scope.schema_url);
      LimitAttributes(scope.attributes, &scope.dropped_attributes_count);
    }
  }

  void LimitValue(Value& value, uint32_t bytes) {
    switch (value.kind) {
      case ValueKind::kString:
      case ValueKind::kBytes: {
        StringId id = value.string_id();
        LimitText(id, bytes, value.kind == ValueKind::kBytes);
        value.payload = id;
        break;
      }
      case ValueKind::kKeyValueList: {
        Range range = value.range();
        if (!texts_fit_) DropLongKeys(range);
        value.count = range.count;
        [[fallthrough]];
      }
      case ValueKind::kArray:
        if (value.count > limits_.elements) {
          value.count = limits_.elements;
          NoteCut();
        }
        break;
      default: break;
    }
  }

  void LimitName(StringId& id) { LimitText(id, limits_.name_bytes, false); }
  void LimitLongText(StringId& id) { LimitText(id, limits_.value_bytes, false); }

  void LimitAttributes(Range& range, uint32_t* dropped) {
    const uint32_t before = range.count;
    if (!texts_fit_) DropLongKeys(range);
    if (range.count > limits_.attributes) {
      report_.attributes_dropped += range.count - limits_.attributes;
      range.count = limits_.attributes;
      Note("attributes beyond the limit were dropped");
    }
    if (dropped != nullptr) *dropped += before - range.count;
  }

  // Events and links: rows of their own columns.
  void LimitRange(Range& range, uint32_t limit, uint32_t& dropped) {
    if (range.count <= limit) return;
    report_.attributes_dropped += range.count - limit;
    dropped += range.count - limit;
    range.count = limit;
    Note("events or links beyond the limit were dropped");
  }

 private:
  void Note(std::string_view reason) {
    if (report_.reason.empty()) report_.reason = reason;
  }
  void NoteCut() {
    ++report_.values_cut;
    Note("values beyond the size limit were cut");
  }

  void LimitText(StringId& id, uint32_t bytes, bool is_binary) {
    if (texts_fit_) return;
    const std::string_view text = batch_.strings.Get(id);
    if (text.size() <= bytes) return;
    NoteCut();
    const auto [known, is_new] = cut_.try_emplace(uint64_t{id} << 32 | bytes);
    if (is_new) {
      const std::string copy(is_binary ? text.substr(0, bytes) : CutText(text, bytes));
      known->second = batch_.strings.Add(copy);
    }
    id = known->second;
  }

  void DropLongKeys(Range& range) {
    auto& rows = batch_.attributes.key_values;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::KeyValue row = rows[range.first + i];
      if (batch_.strings.Get(row.key).size() > limits_.key_bytes) continue;
      rows[range.first + kept++] = row;
    }
    if (kept == range.count) return;
    report_.attributes_dropped += range.count - kept;
    range.count = kept;
    Note("attributes with keys beyond the size limit were dropped");
  }

  const Limits& limits_;
  model::BatchBase& batch_;
  LimitReport& report_;
  // No text in the batch is longer than the least limit: nearly always so, and then none is looked at again.
  const bool texts_fit_;
  std::unordered_map<uint64_t, StringId> cut_;
};

// Keeps the rows with `keep` in every row column.
template <typename Batch>
void KeepRows(Batch& batch, const std::vector<bool>& keep) {
  batch.VisitRowColumns([&](auto& column) {
    size_t kept = 0;
    for (size_t row = 0; row < keep.size(); ++row) {
      if (keep[row]) column[kept++] = column[row];
    }
    column.resize(kept);
  });
}

void LimitEvents(const Range& range, uint64_t span_end, model::SpanBatch& batch, BatchLimiter& limiter,
                 LimitReport& report) {
  for (uint32_t i = 0; i < range.count; ++i) {
    model::SpanEvent& event = batch.events[range.first + i];
    limiter.LimitName(event.name);
    limiter.LimitAttributes(event.attributes, &event.dropped_attributes_count);
    if (event.time > kLastTime) {
      event.time = span_end;
      ++report.times_replaced;
    }
  }
}

}  // namespace

std::string_view NameOf(RejectReason reason) {
  switch (reason) {
    case RejectReason::kTime: return "time";
    case RejectReason::kLabels: return "labels";
    case RejectReason::kLabelSize: return "label_size";
    case RejectReason::kBuckets: return "buckets";
    case RejectReason::kConversion: return "conversion";
    case RejectReason::kTenantSeries: return "tenant_series";
  }
  return "";
}

void LimitReport::Reject(const Rejection& rejection, uint64_t rows) {
  if (rejected_rows == 0) reason = rejection.text;
  rejected_rows += rows;
  rejected_by_reason[static_cast<size_t>(rejection.reason)] += rows;
}

void LimitReport::Add(const LimitReport& other) {
  if (other.rejected_rows > 0 ? rejected_rows == 0 : reason.empty()) reason = other.reason;
  rejected_rows += other.rejected_rows;
  for (size_t i = 0; i < kRejectReasons; ++i) rejected_by_reason[i] += other.rejected_by_reason[i];
  attributes_dropped += other.attributes_dropped;
  values_cut += other.values_cut;
  times_replaced += other.times_replaced;
}

LimitReport ApplyLimits(const Limits& limits, base::UnixNanos, model::SpanBatch& batch) {
  LimitReport report;
  BatchLimiter limiter(limits, batch, report);
  limiter.LimitShared();
  std::vector<bool> keep(batch.size(), true);
  for (size_t row = 0; row < batch.size(); ++row) {
    if (batch.start_time[row] > kLastTime || batch.end_time[row] > kLastTime) {
      keep[row] = false;
      report.Reject(kTooLate);
      continue;
    }
    limiter.LimitName(batch.name[row]);
    limiter.LimitName(batch.trace_state[row]);
    limiter.LimitLongText(batch.status_message[row]);
    limiter.LimitAttributes(batch.attribute_range[row], &batch.dropped_attributes_count[row]);
    limiter.LimitRange(batch.event_range[row], limits.events, batch.dropped_events_count[row]);
    limiter.LimitRange(batch.link_range[row], limits.events, batch.dropped_links_count[row]);
    LimitEvents(batch.event_range[row], std::max(batch.start_time[row], batch.end_time[row]), batch, limiter, report);
    for (uint32_t i = 0; i < batch.link_range[row].count; ++i) {
      model::SpanLink& link = batch.links[batch.link_range[row].first + i];
      limiter.LimitName(link.trace_state);
      limiter.LimitAttributes(link.attributes, &link.dropped_attributes_count);
    }
  }
  if (report.rejected_rows > 0) KeepRows(batch, keep);
  return report;
}

LimitReport ApplyLimits(const Limits& limits, base::UnixNanos now, model::LogBatch& batch) {
  LimitReport report;
  BatchLimiter limiter(limits, batch, report);
  limiter.LimitShared();
  std::vector<bool> keep(batch.size(), true);
  for (size_t row = 0; row < batch.size(); ++row) {
    if (batch.time[row] == 0 && batch.observed_time[row] == 0) batch.observed_time[row] = static_cast<uint64_t>(now);
    if (batch.effective_time(row) > kLastTime) {
      keep[row] = false;
      report.Reject(kTooLate);
      continue;
    }
    if (batch.observed_time[row] > kLastTime) {
      batch.observed_time[row] = static_cast<uint64_t>(now);
      ++report.times_replaced;
    }
    limiter.LimitName(batch.severity_text[row]);
    limiter.LimitName(batch.event_name[row]);
    limiter.LimitValue(batch.body[row], limits.body_bytes);
    limiter.LimitAttributes(batch.attribute_range[row], &batch.dropped_attributes_count[row]);
  }
  if (report.rejected_rows > 0) KeepRows(batch, keep);
  return report;
}

LimitReport ApplyLimits(const Limits&, base::UnixNanos, model::MetricBatch& batch) {
  LimitReport report;
  const auto limit_points = [&](auto& points) {
    for (auto& point : points) {
      if (point.start_time > kLastTime) {
        point.start_time = 0;
        ++report.times_replaced;
      }
    }
    const auto too_late = [](const model::PointBase& point) { return point.time > kLastTime; };
    if (const size_t late = std::erase_if(points, too_late); late > 0) report.Reject(kTooLate, late);
  };
  limit_points(batch.numbers);
  limit_points(batch.histograms);
  limit_points(batch.exponential_histograms);
  limit_points(batch.summaries);
  for (model::Exemplar& exemplar : batch.exemplars) {
    if (exemplar.time > kLastTime) {
      exemplar.time = kLastTime;
      ++report.times_replaced;
    }
  }
  return report;
}

}  // namespace clew::ingest
