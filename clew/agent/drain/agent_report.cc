// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/agent_report.h"

#include <utility>

#include "clew/base/json_writer.h"
#include "clew/base/time.h"

namespace clew::agent::drain {
namespace {

using base::JsonWriter;

void WriteSignal(JsonWriter& json, const AgentReport& report, Signal signal) {
  const size_t index = IndexOf(signal);
  json.Key(SignalName(signal)).BeginObject();
  json.Field("exporter", report.exporter_names[index]);
  if (const auto& exporter = report.exporters[index]) {
    json.Field("endpoint", report.endpoints[index]);
    json.Field("queued_batches", exporter->queued_batches);
    json.Field("queued_records", exporter->queued_records);
    json.Field("queued_bytes", exporter->queued_bytes);
    json.Field("delivered_batches", exporter->delivered_batches);
    json.Field("delivered_records", exporter->delivered_records);
    json.Field("delivered_bytes", exporter->delivered_bytes);
    json.Field("attempts", exporter->attempts);
    json.Field("failed_attempts", exporter->failed_attempts);
    json.Key("dropped").BeginObject();
    json.Field("queue_full", exporter->dropped_queue_full);
    json.Field("refused", exporter->dropped_refused);
    json.Field("deadline", exporter->dropped_deadline);
    json.Field("exit", exporter->dropped_at_exit);
    json.EndObject();
    json.Field("rejected", exporter->rejected);
    json.Field("failing", exporter->failing);
    if (exporter->last_error_unix_nanos != 0) {
      json.Field("last_error", exporter->last_error);
      json.Field("last_error_time", base::FormatTime(exporter->last_error_unix_nanos));
    }
  }
  json.EndObject();
}

// One family with samples told apart by up to two labels.
class FamilyBuilder {
 public:
  explicit FamilyBuilder(std::vector<wire::MetricFamily>& families) : families_(families) {}

  FamilyBuilder& Start(std::string name, std::string help, model::FamilyType type) {
    families_.push_back({std::move(name), std::move(help), {}, type, {}});
    return *this;
  }
  FamilyBuilder& Add(double value, std::vector<model::Label> labels = {}) {
    wire::MetricFamily& family = families_.back();
    wire::TextSample sample;
    if (family.type == model::FamilyType::kCounter) sample.suffix = "_total";
    sample.labels = std::move(labels);
    sample.value = value;
    family.samples.push_back(std::move(sample));
    return *this;
  }
  FamilyBuilder& Add(uint64_t value, std::vector<model::Label> labels = {}) {
    return Add(static_cast<double>(value), std::move(labels));
  }

 private:
  std::vector<wire::MetricFamily>& families_;
};

void AddExporterFamilies(const AgentReport& report, FamilyBuilder& build) {
  constexpr auto kCounter = model::FamilyType::kCounter;
  auto each = [&](auto&& add) {
    for (Signal signal : kSignals) {
      if (const auto& exporter = report.exporters[IndexOf(signal)]) add(std::string(SignalName(signal)), *exporter);
    }
  };
  build.Start("clew_agent_delivered_records", "Spans, log records and data points that the receiver took.", kCounter);
  each([&](const std::string& signal, const ExporterStats& stats) {
    build.Add(stats.delivered_records, {{"signal", signal}});
  });
  build.Start("clew_agent_lost_records", "Spans, log records and data points that were not delivered.", kCounter);
  each([&](const std::string& signal, const ExporterStats& stats) {
    build.Add(stats.dropped_deadline, {{"reason", "deadline"}, {"signal", signal}});
    build.Add(stats.dropped_queue_full, {{"reason", "queue_full"}, {"signal", signal}});
    build.Add(stats.dropped_refused, {{"reason", "refused"}, {"signal", signal}});
    build.Add(stats.rejected, {{"reason", "rejected"}, {"signal", signal}});
  });
  build.Start("clew_agent_export_attempts", "Requests to the receiver.", kCounter);
  each([&](const std::string& signal, const ExporterStats& stats) {
    build.Add(stats.failed_attempts, {{"outcome", "failure"}, {"signal", signal}});
    build.Add(stats.attempts - stats.failed_attempts, {{"outcome", "success"}, {"signal", signal}});
  });
  build.Start("clew_agent_queue_records", "Records that wait for delivery.", model::FamilyType::kGauge);
  each([&](const std::string& signal, const ExporterStats& stats) {
    build.Add(stats.queued_records, {{"signal", signal}});
  });
  build.Start("clew_agent_queue_bytes", "Encoded size of what waits for delivery.", model::FamilyType::kGauge);
  each([&](const std::string& signal, const ExporterStats& stats) {
    build.Add(stats.queued_bytes, {{"signal", signal}});
  });
}

}  // namespace

std::string ReportJson(const AgentReport& report) {
  const DrainerStats& stats = report.stats;
  JsonWriter json;
  json.BeginObject();
  json.Field("pid", report.pid);
  json.Field("service", report.service);
  json.Field("instance", report.instance);
  json.Key("command").BeginArray();
  for (const std::string& word : report.command) json.String(word);
  json.EndArray();
  json.Field("started", base::FormatTime(report.started_unix_nanos));
  if (report.page_address.empty()) {
    json.Key("page").Null();
  } else {
    json.Field("page", "http://" + report.page_address + "/metrics");
  }
  json.Key("processes").BeginArray();
  for (const ArenaDrain::ProcessInfo& process : report.processes) {
    json.BeginObject();
    json.Field("pid", process.pid);
    json.Field("worker", process.number);
    json.Field("spans", process.spans);
    json.Field("logs", process.logs);
    json.EndObject();
  }
  json.EndArray();
  json.Key("recorded").BeginObject();
  json.Field("spans", stats.spans);
  json.Field("logs", stats.logs);
  json.Field("series", stats.series);
  json.Field("cut_short_spans", stats.cut_short_spans);
  json.Field("dropped_records", stats.ring_dropped_records);
  json.Field("lost_records", stats.lost_records);
  json.Field("broken_records", stats.broken_records);
  json.Field("truncated_records", stats.truncated_records);
  json.Field("refused_series", stats.series_refused);
  json.EndObject();
  json.Key("attached").Uint(stats.attached);
  json.Key("ended_processes").Uint(stats.ended_processes);
  json.Key("killed_processes").Uint(stats.killed_processes);
  json.Key("claims_failed").Uint(stats.claims_failed);
  json.Key("foreign_namespace").Uint(stats.foreign_namespace);
  json.Key("signals").BeginObject();
  for (Signal signal : kSignals) WriteSignal(json, report, signal);
  json.EndObject();
  json.Field("cpu_seconds", report.cpu_seconds);
  json.EndObject();
  return json.Take();
}

std::vector<wire::MetricFamily> ReportFamilies(const AgentReport& report) {
  constexpr auto kCounter = model::FamilyType::kCounter;
  constexpr auto kGauge = model::FamilyType::kGauge;
  const DrainerStats& stats = report.stats;
  std::vector<wire::MetricFamily> families;
  FamilyBuilder build(families);
  build.Start("clew_agent_recorded", "Records read from the service's rings.", kCounter)
      .Add(stats.logs, {{"signal", "logs"}})
      .Add(stats.spans, {{"signal", "traces"}});
  build.Start("clew_agent_dropped_records", "Records that found their ring full, or no ring.", kCounter)
      .Add(stats.ring_dropped_records);
  build.Start("clew_agent_broken_records", "Records that failed their checks or were missing.", kCounter)
      .Add(stats.broken_records + stats.lost_records);
  build.Start("clew_agent_truncated_records", "Records that were cut to fit.", kCounter).Add(stats.truncated_records);
  build.Start("clew_agent_cut_short_spans", "Spans whose process ended before them.", kCounter)
      .Add(stats.cut_short_spans);
  build.Start("clew_agent_refused_series", "Label sets that went to an overflow series.", kCounter)
      .Add(stats.series_refused);
  build.Start("clew_agent_failed_claims", "Threads and processes that found no free slot.", kCounter)
      .Add(stats.claims_failed);
  build.Start("clew_agent_processes", "Processes of the service that record.", kGauge).Add(stats.processes);
  build.Start("clew_agent_ended_processes", "Processes of the service that have ended.", kCounter)
      .Add(stats.ended_processes - stats.killed_processes, {{"how", "exit"}})
      .Add(stats.killed_processes, {{"how", "signal"}});
  build.Start("clew_agent_rings", "Rings held by threads of the service.", kGauge).Add(stats.rings);
  build.Start("clew_agent_series", "Metric series of the service.", kGauge).Add(stats.series);
  build.Start("clew_agent_cpu_seconds", "CPU time of the agent outside of the service.", kCounter)
      .Add(report.cpu_seconds);
  AddExporterFamilies(report, build);
  // An exporter that is off leaves families without samples.
  std::erase_if(families, [](const wire::MetricFamily& family) { return family.samples.empty(); });
  return families;
}

std::string DisplayUrl(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t authority = scheme + 3;
  const size_t end = url.find('/', authority);
  const size_t at = url.substr(0, end).rfind('@');
  std::string result(url.substr(0, authority));
  result += url.substr(at == std::string_view::npos || at < authority ? authority : at + 1);
  return result;
}

}  // namespace clew::agent::drain
