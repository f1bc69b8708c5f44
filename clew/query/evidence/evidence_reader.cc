// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/evidence_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "clew/model/labels.h"
#include "clew/query/evidence/segment_builder.h"
#include "clew/store/log_reader.h"
#include "clew/store/series_reader.h"
#include "clew/store/span_reader.h"

namespace clew::query::evidence {
namespace {

// By their names in the store (OpenTelemetry's k8s, container and process conventions through the Prometheus
// translation): metrics that are a share of a limit, …
constexpr std::array<std::string_view, 6> kUtilizationMetrics = {
    "k8s_pod_cpu_limit_utilization_ratio",       "k8s_pod_memory_limit_utilization_ratio",
    "container_cpu_limit_utilization_ratio",     "container_memory_limit_utilization_ratio",
    "k8s_container_cpu_limit_utilization_ratio", "k8s_container_memory_limit_utilization_ratio"};
// … and counters of processor time.
constexpr std::array<std::string_view, 2> kProcessorMetrics = {"process_cpu_time_seconds_total",
                                                               "container_cpu_time_seconds_total"};
// What had been at its limit before an onset is no cause of it: metrics are read from so long before each range on.
constexpr int64_t kMetricLead = 600 * int64_t{1'000'000'000};

// Ranges in ascending order that do not touch.
std::vector<store::TimeRange> Merged(std::vector<store::TimeRange> ranges) {
  std::ranges::sort(ranges, {}, &store::TimeRange::from);
  std::vector<store::TimeRange> merged;
  for (const store::TimeRange& range : ranges) {
    if (range.from >= range.to) continue;
    if (!merged.empty() && range.from <= merged.back().to) {
      merged.back().to = std::max(merged.back().to, range.to);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// Keeps whole traces whose id, read as a number, lies below a bound.
class TraceSample {
 public:
  TraceSample(uint64_t present, uint64_t most) {
    if (present > most) share_ = static_cast<double>(most) / static_cast<double>(present);
    bound_ = share_ >= 1 ? std::numeric_limits<size_t>::max()
                         : static_cast<size_t>(share_ * static_cast<double>(std::numeric_limits<size_t>::max()));
  }
  bool Keeps(const model::TraceId& id) const { return model::TraceIdHash()(id) <= bound_; }
  double share() const { return share_; }

 private:
  double share_ = 1;
  size_t bound_ = 0;
};

template <typename Batch>
void DropOthers(Batch& batch, const TraceSample& sample) {
  if (sample.share() >= 1) return;
  std::vector<bool> keep(batch.size());
  for (size_t row = 0; row < batch.size(); ++row) keep[row] = sample.Keeps(batch.trace_id[row]);
  batch.VisitRowColumns([&](auto& column) {
    size_t kept = 0;
    for (size_t row = 0; row < keep.size(); ++row) {
      if (keep[row]) column[kept++] = column[row];
    }
    column.resize(kept);
  });
}

void KeepTracesThrough(std::string_view service, model::Evidence& evidence) {
  std::unordered_set<model::TraceId, model::TraceIdHash> kept;
  for (const model::Segment& segment : evidence.segments) {
    if (evidence.Name(segment.service) == service) kept.insert(segment.trace_id);
  }
  std::vector<uint32_t> moved(evidence.segments.size(), model::kNoSegment);
  uint32_t count = 0;
  for (uint32_t i = 0; i < evidence.segments.size(); ++i) {
    if (!kept.contains(evidence.segments[i].trace_id)) continue;
    moved[i] = count;
    evidence.segments[count++] = evidence.segments[i];
  }
  evidence.segments.resize(count);
  for (model::Segment& segment : evidence.segments) {
    if (segment.parent != model::kNoSegment) segment.parent = moved[segment.parent];
  }
}

base::Result<uint64_t> CountSpans(store::SpanReader& reader, std::span<const store::TimeRange> ranges) {
  uint64_t count = 0;
  store::SpanFilter filter;
  filter.with_attributes = false;
  for (const store::TimeRange& range : ranges) {
    filter.range = range;
    CLEW_RETURN_IF_ERROR(reader.Scan(filter, [&](const model::SpanBatch& batch) {
      count += batch.size();
      return base::Status();
    }));
  }
  return count;
}

// Series of `metrics` over all ranges, by service, instance and series.
base::Result<std::vector<model::Utilization>> ReadSeries(store::Store& store, const model::RequestContext& context,
                                                         std::span<const store::TimeRange> ranges,
                                                         std::span<const std::string_view> metrics,
                                                         SegmentBuilder& builder) {
  std::string pattern;
  for (const std::string_view name : metrics) {
    if (!pattern.empty()) pattern += '|';
    pattern += name;
  }
  const std::vector<model::LabelMatcher> matchers{
      {model::MatchType::kRegex, std::string(model::kMetricName), std::move(pattern)}};
  std::map<uint64_t, model::Utilization> series;
  for (const store::TimeRange& range : ranges) {
    CLEW_ASSIGN_OR_RETURN(const auto all, store::SeriesReader(store, context).Samples(matchers, range));
    for (const store::SeriesSamples& samples : all) {
      const model::Labels& labels = samples.series->labels;
      // job is namespace/name; the service is its last part.
      std::string_view service = labels.Get("job");
      service = service.substr(service.rfind('/') == std::string_view::npos ? 0 : service.rfind('/') + 1);
      model::Utilization& one = series[samples.series->id];
      one.service = builder.NameOf(service);
      one.instance = builder.NameOf(labels.Get("instance"));
      one.metric = builder.NameOf(labels.Get(model::kMetricName));
      for (size_t i = 0; i < samples.times.size(); ++i) {
        // A stale marker says that the series has ended.
        if (!std::isnan(samples.values[i])) one.points.push_back({samples.times[i], samples.values[i]});
      }
    }
  }
  std::vector<model::Utilization> list;
  list.reserve(series.size());
  for (auto& [id, one] : series) list.push_back(std::move(one));
  return list;
}

base::Status ReadSpans(store::SpanReader& reader, std::span<const store::TimeRange> ranges, const TraceSample& sample,
                       SegmentBuilder& builder) {
  store::SpanFilter filter;
  for (const store::TimeRange& range : ranges) {
    filter.range = range;
    CLEW_RETURN_IF_ERROR(reader.Scan(filter, [&](const model::SpanBatch& batch) {
      if (sample.share() >= 1) {
        builder.AddSpans(batch);
      } else {
        model::SpanBatch kept = batch;
        DropOthers(kept, sample);
        builder.AddSpans(kept);
      }
      return base::Status();
    }));
  }
  return {};
}

}  // namespace

base::Result<model::Evidence> ReadEvidence(store::Store& store, const model::RequestContext& context,
                                           std::vector<store::TimeRange> asked, const EvidenceOptions& options) {
  const std::vector<store::TimeRange> ranges = Merged(std::move(asked));
  SegmentBuilder builder;
  store::SpanReader spans(store, context);
  CLEW_ASSIGN_OR_RETURN(const uint64_t present, CountSpans(spans, ranges));
  const TraceSample sample(present, options.max_spans);
  CLEW_RETURN_IF_ERROR(ReadSpans(spans, ranges, sample, builder));
  store::LogQuery logs;
  logs.newest_first = false;
  logs.limit = options.max_logs;
  for (const store::TimeRange& range : ranges) {
    logs.range = range;
    CLEW_RETURN_IF_ERROR(store::LogReader(store, context).Scan(logs, [&](const model::LogBatch& batch) {
      builder.AddLogs(batch);
      return base::Status();
    }));
  }
  std::vector<store::TimeRange> metric_ranges = ranges;
  for (store::TimeRange& range : metric_ranges) {
    if (range.from > std::numeric_limits<int64_t>::min() + kMetricLead) range.from -= kMetricLead;
  }
  metric_ranges = Merged(std::move(metric_ranges));
  CLEW_ASSIGN_OR_RETURN(auto utilizations, ReadSeries(store, context, metric_ranges, kUtilizationMetrics, builder));
  CLEW_ASSIGN_OR_RETURN(auto processors, ReadSeries(store, context, metric_ranges, kProcessorMetrics, builder));
  model::Evidence evidence = builder.Finish();
  evidence.utilizations = std::move(utilizations);
  evidence.processor_seconds = std::move(processors);
  evidence.sampled = sample.share();
  if (!options.service.empty()) KeepTracesThrough(options.service, evidence);
  return evidence;
}

}  // namespace clew::query::evidence
