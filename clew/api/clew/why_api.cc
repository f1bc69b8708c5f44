// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/why_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "clew/api/clew/parameters.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/net/url.h"
#include "clew/query/evidence/evidence_reader.h"
#include "clew/rca/diagnose.h"

namespace clew::api::clew_api {
namespace {

// With no times given: how far back the incident is looked for.
constexpr int64_t kSearch = 30 * 60 * base::kNanosPerSecond;
// With an incident given and no baseline: what lies before it, at least and at most so much.
constexpr int64_t kMinBaseline = 10 * 60 * base::kNanosPerSecond;
constexpr int64_t kMaxBaseline = 3600 * base::kNanosPerSecond;

struct Asked {
  rca::DiagnoseOptions options;
  store::TimeRange read;  // everything that is compared
};

base::Result<base::UnixNanos> ReadTime(const net::Parameters& parameters, std::string_view name, base::UnixNanos now,
                                       base::UnixNanos otherwise) {
  const std::string_view text = parameters.Get(name);
  if (text.empty()) return otherwise;
  auto time = base::ParseTime(text, now);
  if (!time) return base::InvalidArgument(fmt::format("parameter '{}': {}", name, time.error().message));
  return time;
}

base::Result<Asked> ReadAsked(const net::Parameters& parameters, base::UnixNanos now) {
  Asked asked;
  rca::DiagnoseOptions& options = asked.options;
  options.incident_given = parameters.Has("from");
  CLEW_ASSIGN_OR_RETURN(options.incident.to, ReadTime(parameters, "to", now, now));
  CLEW_ASSIGN_OR_RETURN(options.incident.from, ReadTime(parameters, "from", now, options.incident.to - kSearch));
  if (options.incident.from >= options.incident.to) {
    return base::InvalidArgument("parameter 'from': expected a time before 'to'");
  }
  if (parameters.Has("baseline_from") != parameters.Has("baseline_to")) {
    return base::InvalidArgument("a baseline needs both 'baseline_from' and 'baseline_to'");
  }
  asked.read = {options.incident.from, options.incident.to};
  if (parameters.Has("baseline_from")) {
    CLEW_ASSIGN_OR_RETURN(options.baseline.from, ReadTime(parameters, "baseline_from", now, 0));
    CLEW_ASSIGN_OR_RETURN(options.baseline.to, ReadTime(parameters, "baseline_to", now, 0));
    if (options.baseline.from >= options.baseline.to) {
      return base::InvalidArgument("parameter 'baseline_from': expected a time before 'baseline_to'");
    }
    if (options.baseline.from < options.incident.to && options.incident.from < options.baseline.to) {
      return base::InvalidArgument("the baseline overlaps the incident; take one that lies before it");
    }
    asked.read.from = std::min(asked.read.from - options.slack, options.baseline.from);
    asked.read.to = std::max(asked.read.to, options.baseline.to);
  } else if (options.incident_given) {
    const int64_t length = options.incident.to - options.incident.from;
    asked.read.from -= std::clamp(3 * length, kMinBaseline, kMaxBaseline);
  }
  return asked;
}

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

void WriteCause(const rca::Cause& cause, size_t rank, const rca::Diagnosis& diagnosis, base::JsonWriter& json) {
  json.BeginObject().Field("rank", uint64_t{rank}).Field("service", cause.service).Field("pod", cause.instance);
  json.Field("score", cause.score).Field("kind", rca::CauseKindName(cause.kind)).Field("where", cause.where);
  json.Key("evidence").BeginArray();
  for (const rca::Finding& finding : cause.findings) {
    json.BeginObject().Field("signal", rca::SignalName(finding.signal)).Field("text", finding.text);
    json.Field("before", finding.before).Field("after", finding.after).Field("unit", finding.unit);
    json.Field("link", TraceLink(cause, finding, diagnosis)).EndObject();
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

void WhyApi::Register(net::HttpRouter& router) const {
  router.Add("GET", "/api/clew/why",
             net::Synchronous([this](const net::HttpRequest& request) { return Why(request); }));
}

net::HttpResponse WhyApi::Why(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto asked = ReadAsked(request.query, base::Clock::System().Now());
  if (!asked) return http::JsonError(asked.error());
  query::evidence::EvidenceOptions options;
  options.service = request.query.Get("service");
  const auto evidence = query::evidence::ReadEvidence(store_, *context, asked->read, options);
  if (!evidence) return http::JsonError(evidence.error());
  return net::HttpResponse::Json(200, DiagnosisJson(rca::Diagnose(*evidence, asked->options)));
}

}  // namespace clew::api::clew_api
