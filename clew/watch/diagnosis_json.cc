// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/diagnosis_json.h"

#include <string_view>
#include <vector>

#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/net/url.h"

namespace clew::watch {
namespace {

std::string TraceLink(const rca::Cause& cause, const rca::Finding& finding, const rca::Diagnosis& diagnosis) {
  net::Parameters parameters;
  parameters.Add("service", cause.service);
  parameters.Add("from", base::FormatTime(diagnosis.from));
  parameters.Add("to", base::FormatTime(diagnosis.to));
  if (finding.signal == rca::Finding::Signal::kLogs) {
    return "/api/clew/logs?" + net::FormatParameters(parameters);
  }
  parameters.Add("order", "slowest");
  return "/api/clew/traces?" + net::FormatParameters(parameters);
}

void WriteNumbers(std::string_view name, const std::vector<double>& numbers, base::JsonWriter& json) {
  json.Key(name).BeginArray();
  for (const double number : numbers) json.Double(number);
  json.EndArray();
}

void WriteCause(const rca::Cause& cause, size_t rank, const rca::Diagnosis& diagnosis, base::JsonWriter& json) {
  json.BeginObject().Field("rank", uint64_t{rank}).Field("service", cause.service).Field("pod", cause.instance);
  json.Field("score", cause.score).Field("kind", rca::CauseKindName(cause.kind)).Field("where", cause.where);
  json.Key("evidence").BeginArray();
  for (const rca::Finding& finding : cause.findings) {
    json.BeginObject().Field("signal", rca::SignalName(finding.signal)).Field("text", finding.text);
    json.Field("before", finding.before).Field("after", finding.after).Field("unit", finding.unit);
    json.Field("link", TraceLink(cause, finding, diagnosis)).Key("trace_ids").BeginArray();
    for (const model::TraceId& trace : finding.traces) json.String(trace.ToHex());
    json.EndArray();
    if (!finding.history_during.empty()) {
      json.Key("history").BeginObject();
      WriteNumbers("before", finding.history_before, json);
      WriteNumbers("during", finding.history_during, json);
      json.EndObject();
    }
    json.EndObject();
  }
  json.EndArray().Key("steps").BeginArray();
  for (const std::string& step : cause.steps) json.String(step);
  json.EndArray().EndObject();
}

}  // namespace

std::string DiagnosisJson(const rca::Diagnosis& diagnosis) {
  base::JsonWriter json;
  json.BeginObject().Field("from", base::FormatTime(diagnosis.from)).Field("to", base::FormatTime(diagnosis.to));
  json.Field("baseline_from", base::FormatTime(diagnosis.baseline_from));
  json.Field("baseline_to", base::FormatTime(diagnosis.baseline_to));
  json.Field("incident", diagnosis.incident).Field("summary", diagnosis.summary).Key("causes").BeginArray();
  for (size_t i = 0; i < diagnosis.causes.size(); ++i) WriteCause(diagnosis.causes[i], i + 1, diagnosis, json);
  json.EndArray().Key("impact").BeginArray();
  for (const rca::Impact& impact : diagnosis.impact) {
    json.BeginObject().Field("service", impact.service).Field("text", impact.text).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

}  // namespace clew::watch
