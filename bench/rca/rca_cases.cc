// SPDX-License-Identifier: Apache-2.0
// Scores root-cause analysis on a folder of recorded fault cases: cases.json with the truth, a folder a case and a
// baseline with traces.pb.gz, logs.pb.gz and metrics.pb.gz (OTLP Export…ServiceRequest). Prints a line a case and the
// share of cases whose true service is among the first k.
//   clew_bench_rca FOLDER [--shift SECONDS] [--verbose]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/json_reader.h"
#include "clew/base/time.h"
#include "clew/query/evidence/segment_builder.h"
#include "clew/rca/diagnose.h"
#include "clew/wire/compression.h"
#include "clew/wire/otlp.h"

namespace {

using clew::base::JsonValue;
using clew::base::Result;

Result<std::string> Unpacked(const std::string& path) {
  CLEW_ASSIGN_OR_RETURN(const std::string packed, clew::base::ReadFile(path));
  return clew::wire::Decompress(clew::wire::Compression::kGzip, packed, size_t{1} << 30);
}

// Utilizations by service, instance and metric, collected over all files of a case.
class Loader {
 public:
  clew::base::Status Add(const std::string& folder) {
    CLEW_ASSIGN_OR_RETURN(const std::string traces, Unpacked(folder + "/traces.pb.gz"));
    CLEW_ASSIGN_OR_RETURN(const auto spans, clew::wire::DecodeTraces(traces));
    builder_.AddSpans(spans.batch);
    CLEW_ASSIGN_OR_RETURN(const std::string log_bytes, Unpacked(folder + "/logs.pb.gz"));
    CLEW_ASSIGN_OR_RETURN(const auto logs, clew::wire::DecodeLogs(log_bytes));
    builder_.AddLogs(logs.batch);
    CLEW_ASSIGN_OR_RETURN(const std::string metric_bytes, Unpacked(folder + "/metrics.pb.gz"));
    CLEW_ASSIGN_OR_RETURN(const auto metrics, clew::wire::DecodeMetrics(metric_bytes));
    AddMetrics(metrics.batch);
    return {};
  }

  clew::model::Evidence Finish() {
    clew::model::Evidence evidence = builder_.Finish();
    for (auto& [key, utilization] : utilizations_) {
      std::ranges::sort(utilization.points, {}, &clew::model::UtilizationPoint::time);
      evidence.utilizations.push_back(std::move(utilization));
    }
    return evidence;
  }

 private:
  void AddMetrics(const clew::model::MetricBatch& batch) {
    for (const auto& point : batch.numbers) {
      const auto& metric = batch.metrics[point.metric];
      const std::string_view name = batch.Text(metric.name);
      if (!name.ends_with("limit_utilization")) continue;
      const std::string_view service = batch.ResourceText(metric.resource, "service.name");
      const std::string_view pod = batch.ResourceText(metric.resource, "k8s.pod.name");
      auto& utilization = utilizations_[fmt::format("{}\n{}\n{}", service, pod, name)];
      utilization.service = builder_.NameOf(service);
      utilization.instance = builder_.NameOf(pod);
      utilization.metric = builder_.NameOf(name);
      utilization.points.push_back({static_cast<int64_t>(point.time), point.value.AsDouble()});
    }
  }

  clew::query::evidence::SegmentBuilder builder_;
  std::map<std::string, clew::model::Utilization> utilizations_;
};

int64_t TimeOf(const JsonValue& value) { return clew::base::ParseTime(value.AsString(), 0).value_or(0); }

struct Score {
  int cases = 0;
  int first = 0;
  int third = 0;
  int fifth = 0;
};

Result<int> RunCase(const std::string& folder, const JsonValue& truth, int64_t shift, bool verbose) {
  Loader loader;
  CLEW_RETURN_IF_ERROR(loader.Add(folder + '/' + std::string(truth["baseline"].AsString())));
  CLEW_RETURN_IF_ERROR(loader.Add(folder + '/' + std::string(truth["id"].AsString())));
  const clew::model::Evidence evidence = loader.Finish();
  clew::rca::DiagnoseOptions options;
  options.baseline = {TimeOf(truth["baseline_from"]), TimeOf(truth["baseline_to"])};
  options.incident = {TimeOf(truth["from"]) + shift, TimeOf(truth["to"]) + clew::base::kNanosPerSecond};
  options.incident_given = true;
  const auto started = std::chrono::steady_clock::now();
  const clew::rca::Diagnosis diagnosis = clew::rca::Diagnose(evidence, options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  const std::string_view service = truth["root_cause"]["service"].AsString();
  int rank = 99;
  for (size_t i = 0; i < diagnosis.causes.size(); ++i) {
    if (diagnosis.causes[i].service == service) rank = std::min(rank, static_cast<int>(i) + 1);
  }
  fmt::print("{} {:<28} {:<16} rank {:>2}  onset {:+.0f} s  {:.2f} s  {}\n", truth["id"].AsString(), service,
             truth["root_cause"]["fault"].AsString(), rank,
             static_cast<double>(diagnosis.from - TimeOf(truth["fault_injected_at"])) / 1e9, took.count(),
             diagnosis.incident ? diagnosis.causes.front().service : "no incident");
  if (verbose) {
    for (size_t i = 0; i < std::min<size_t>(3, diagnosis.causes.size()); ++i) {
      const auto& cause = diagnosis.causes[i];
      fmt::print("    {:.2f} {} {} {}\n", cause.score, cause.service, clew::rca::CauseKindName(cause.kind),
                 cause.where);
      for (const auto& finding : cause.findings) {
        fmt::print("        {:.2f} {} {:.4g} -> {:.4g} {}\n", finding.strength, finding.text, finding.before,
                   finding.after, finding.unit);
      }
    }
  }
  return rank;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    fmt::print(stderr, "usage: clew_bench_rca FOLDER [--shift SECONDS] [--verbose]\n");
    return 2;
  }
  const std::string folder(arguments[0]);
  int64_t shift = 0;
  bool verbose = false;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "--verbose") verbose = true;
    if (arguments[i] == "--shift" && i + 1 < arguments.size()) {
      shift = std::stoll(std::string(arguments[++i])) * clew::base::kNanosPerSecond;
    }
  }
  const auto text = clew::base::ReadFile(folder + "/cases.json");
  if (!text) {
    fmt::print(stderr, "{}\n", text.error().message);
    return 1;
  }
  const auto cases = clew::base::ParseJson(*text);
  if (!cases) {
    fmt::print(stderr, "cases.json: {}\n", cases.error().message);
    return 1;
  }
  std::map<std::string, Score> scores;
  for (const JsonValue& truth : cases->AsArray()) {
    const auto rank = RunCase(folder, truth, shift, verbose);
    if (!rank) {
      fmt::print(stderr, "{}: {}\n", truth["id"].AsString(), rank.error().message);
      return 1;
    }
    for (const std::string& row : {std::string(truth["root_cause"]["fault"].AsString()), std::string("all")}) {
      Score& score = scores[row];
      ++score.cases;
      score.first += *rank <= 1 ? 1 : 0;
      score.third += *rank <= 3 ? 1 : 0;
      score.fifth += *rank <= 5 ? 1 : 0;
    }
  }
  for (const auto& [row, score] : scores) {
    const double n = score.cases;
    fmt::print("{:<16} {:>3} cases  AS@1 {:.3f}  AS@3 {:.3f}  AS@5 {:.3f}\n", row, score.cases, score.first / n,
               score.third / n, score.fifth / n);
  }
  return 0;
}
