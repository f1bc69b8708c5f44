// SPDX-License-Identifier: Apache-2.0
#include "recordings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clew/base/file.h"
#include "clew/base/hash.h"
#include "clew/base/json_reader.h"
#include "clew/base/time.h"
#include "clew/query/evidence/segment_builder.h"
#include "clew/wire/compression.h"
#include "clew/wire/otlp.h"

namespace clew::bench {
namespace {

using base::JsonValue;
using base::Result;

int64_t TimeOf(const JsonValue& value) { return base::ParseTime(value.AsString(), 0).value_or(0); }

Result<std::string> Unpacked(const std::string& path) {
  CLEW_ASSIGN_OR_RETURN(const std::string packed, base::ReadFile(path));
  return wire::Decompress(wire::Compression::kGzip, packed, size_t{1} << 30);
}

template <typename Batch, typename Keep>
void KeepRows(Batch& batch, const Keep& keep) {
  std::vector<bool> kept(batch.size());
  for (size_t row = 0; row < kept.size(); ++row) kept[row] = keep(row);
  batch.VisitRowColumns([&](auto& column) {
    size_t count = 0;
    for (size_t row = 0; row < kept.size(); ++row) {
      if (kept[row]) column[count++] = column[row];
    }
    column.resize(count);
  });
}

// How far a resource's clock is ahead.
uint64_t Ahead(const model::BatchBase& batch, uint32_t resource, int64_t skew) {
  return base::Hash64(batch.ResourceText(resource, "service.name")) % 2 == 0 ? static_cast<uint64_t>(skew) : 0;
}

model::SpanBatch Vary(model::SpanBatch batch, const Variant& variant) {
  if (variant.traces < 1) {
    KeepRows(batch, [&](size_t row) {
      const auto number =
          static_cast<double>(base::Hash64(base::BytesOf(batch.trace_id[row].bytes), variant.draw) % 1000);
      return number < 1000 * variant.traces;
    });
  }
  for (size_t row = 0; row < batch.size() && variant.skew != 0; ++row) {
    const uint64_t ahead = Ahead(batch, batch.resource[row], variant.skew);
    batch.start_time[row] += ahead;
    batch.end_time[row] += ahead;
  }
  return batch;
}

model::LogBatch Vary(model::LogBatch batch, const Variant& variant) {
  for (size_t row = 0; row < batch.size() && variant.skew != 0; ++row) {
    const uint64_t ahead = Ahead(batch, batch.resource[row], variant.skew);
    if (batch.time[row] != 0) batch.time[row] += ahead;
    if (batch.observed_time[row] != 0) batch.observed_time[row] += ahead;
  }
  return batch;
}

using Utilizations = std::map<std::string, model::Utilization>;

void AddMetrics(const model::MetricBatch& batch, query::evidence::SegmentBuilder& builder, Utilizations& all) {
  for (const model::NumberPoint& point : batch.numbers) {
    const model::Metric& metric = batch.metrics[point.metric];
    const std::string_view name = batch.Text(metric.name);
    if (!name.ends_with("limit_utilization")) continue;
    const std::string_view service = batch.ResourceText(metric.resource, "service.name");
    const std::string_view pod = batch.ResourceText(metric.resource, "k8s.pod.name");
    model::Utilization& utilization = all[fmt::format("{}\n{}\n{}", service, pod, name)];
    utilization.service = builder.NameOf(service);
    utilization.instance = builder.NameOf(pod);
    utilization.metric = builder.NameOf(name);
    utilization.points.push_back({static_cast<int64_t>(point.time), point.value.AsDouble()});
  }
}

}  // namespace

Result<std::vector<FaultCase>> ReadCases(const std::string& folder) {
  CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(folder + "/cases.json"));
  CLEW_ASSIGN_OR_RETURN(const JsonValue rows, base::ParseJson(text));
  std::vector<FaultCase> cases;
  for (const JsonValue& row : rows.AsArray()) {
    const JsonValue& cause = row["root_cause"];
    FaultCase fault;
    fault.id = row["id"].AsString();
    fault.folder = folder + '/' + fault.id;
    fault.baseline = folder + '/' + std::string(row["baseline"].AsString());
    fault.service = cause["service"].AsString();
    fault.fault = cause["fault"].AsString();
    fault.kind = cause["kind"].AsString();
    fault.where = cause["where"].AsString();
    fault.injected = TimeOf(row["fault_injected_at"]);
    fault.from = TimeOf(row["from"]);
    fault.to = TimeOf(row["to"]) + base::kNanosPerSecond;  // written in whole seconds
    fault.baseline_from = TimeOf(row["baseline_from"]);
    fault.baseline_to = TimeOf(row["baseline_to"]);
    cases.push_back(std::move(fault));
  }
  return cases;
}

Result<const Recordings::Recording*> Recordings::Read(const std::string& folder) {
  if (const auto found = read_.find(folder); found != read_.end()) return &found->second;
  CLEW_ASSIGN_OR_RETURN(const std::string traces, Unpacked(folder + "/traces.pb.gz"));
  CLEW_ASSIGN_OR_RETURN(auto spans, wire::DecodeTraces(traces));
  CLEW_ASSIGN_OR_RETURN(const std::string log_bytes, Unpacked(folder + "/logs.pb.gz"));
  CLEW_ASSIGN_OR_RETURN(auto logs, wire::DecodeLogs(log_bytes));
  CLEW_ASSIGN_OR_RETURN(const std::string metric_bytes, Unpacked(folder + "/metrics.pb.gz"));
  CLEW_ASSIGN_OR_RETURN(auto metrics, wire::DecodeMetrics(metric_bytes));
  Recording& recording = read_[folder];
  recording.spans = std::move(spans.batch);
  recording.logs = std::move(logs.batch);
  recording.metrics = std::move(metrics.batch);
  return &recording;
}

Result<model::Evidence> Recordings::Load(const FaultCase& fault, const Variant& variant) {
  query::evidence::SegmentBuilder builder;
  Utilizations utilizations;
  for (const std::string& folder : {fault.baseline, fault.folder}) {
    CLEW_ASSIGN_OR_RETURN(const Recording* recording, Read(folder));
    builder.AddSpans(Vary(recording->spans, variant));
    if (variant.logs) builder.AddLogs(Vary(recording->logs, variant));
    if (variant.metrics) AddMetrics(recording->metrics, builder, utilizations);
  }
  model::Evidence evidence = builder.Finish();
  for (auto& [key, utilization] : utilizations) {
    std::ranges::sort(utilization.points, {}, &model::UtilizationPoint::time);
    evidence.utilizations.push_back(std::move(utilization));
  }
  return evidence;
}

}  // namespace clew::bench
