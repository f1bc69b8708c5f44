// SPDX-License-Identifier: Apache-2.0
#include "clew/api/jaeger/jaeger_api.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/api/jaeger/jaeger_json.h"
#include "clew/api/jaeger/jaeger_query.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/store/edge_reader.h"
#include "clew/store/span_reader.h"

namespace clew::api::jaeger {
namespace {

// How far back the lists of services and operations look: as long as spans are kept.
constexpr store::TimeRange kAllTime{};

// Jaeger's structuredResponse: {"data":…,"total":…,"limit":…,"offset":…,"errors":…}.
net::HttpResponse Failure(const base::Error& error) {
  const int status = http::HttpStatusOf(error.code);
  base::JsonWriter json;
  json.BeginObject().Key("data").Null().Field("total", 0).Field("limit", 0).Field("offset", 0);
  json.Key("errors")
      .BeginArray()
      .BeginObject()
      .Field("code", status)
      .Field("msg", error.message)
      .EndObject()
      .EndArray();
  json.EndObject();
  return http::ErrorResponse(status, "application/json", json.Take(), error);
}

class Envelope {
 public:
  Envelope() { json_.BeginObject().Key("data"); }
  base::JsonWriter& json() { return json_; }
  net::HttpResponse Finish(size_t total) {
    json_.Field("total", uint64_t{total}).Field("limit", 0).Field("offset", 0).Key("errors").Null().EndObject();
    return net::HttpResponse::Json(200, json_.Take());
  }

 private:
  base::JsonWriter json_;
};

net::HttpResponse Names(const std::vector<std::string>& names) {
  Envelope envelope;
  envelope.json().BeginArray();
  for (const std::string& name : names) envelope.json().String(name);
  envelope.json().EndArray();
  return envelope.Finish(names.size());
}

}  // namespace

void JaegerApi::Register(net::HttpRouter& router) const {
  using Method = net::HttpResponse (JaegerApi::*)(const net::HttpRequest&) const;
  const auto handler = [this](Method method) {
    return net::Synchronous([this, method](const net::HttpRequest& request) { return (this->*method)(request); });
  };
  const auto not_yet = [](std::string what) {
    return net::Synchronous([what](const net::HttpRequest&) {
      return Failure({base::Code::kUnimplemented, what + " is not supported by Clew yet", {}});
    });
  };
  for (const std::string prefix : {"/jaeger", ""}) {
    router.Add("GET", prefix + "/api/services", handler(&JaegerApi::Services));
    router.Add("GET", prefix + "/api/services/{service}/operations", handler(&JaegerApi::ServiceOperations));
    router.Add("GET", prefix + "/api/operations", handler(&JaegerApi::Operations));
    router.Add("GET", prefix + "/api/traces", handler(&JaegerApi::Search));
    router.Add("GET", prefix + "/api/traces/{id}", handler(&JaegerApi::Trace));
    router.Add("GET", prefix + "/api/dependencies", handler(&JaegerApi::Dependencies));
  }
  router.Add("GET", "/jaeger/api/metrics/{what}", not_yet("Jaeger's metrics API"));
  router.Add("GET", "/jaeger/api/v3/{rest...}", not_yet("Jaeger's API v3"));
  router.SetErrors("/jaeger/", [](const net::HttpRequest&, int status, const base::Error& error) {
    net::HttpResponse response = Failure(error);
    response.status = status;
    return response;
  });
}

net::HttpResponse JaegerApi::Services(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  const auto services = store::SpanReader(store_, *context).Services(kAllTime);
  return services ? Names(*services) : Failure(services.error());
}

net::HttpResponse JaegerApi::ServiceOperations(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  const auto operations =
      store::SpanReader(store_, *context).Operations(request.path_parameters.Get("service"), kAllTime);
  if (!operations) return Failure(operations.error());
  std::vector<std::string> names;
  for (const store::Operation& operation : *operations) names.push_back(operation.name);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return Names(names);
}

net::HttpResponse JaegerApi::Operations(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  const std::string_view service = request.query.Get("service");
  if (service.empty()) return Failure({base::Code::kInvalidArgument, "parameter 'service' is required", {}});
  const std::string_view kind = request.query.Get("spanKind");
  const auto operations = store::SpanReader(store_, *context).Operations(service, kAllTime);
  if (!operations) return Failure(operations.error());
  Envelope envelope;
  envelope.json().BeginArray();
  size_t count = 0;
  for (const store::Operation& operation : *operations) {
    if (!kind.empty() && kind != model::SpanKindName(operation.kind)) continue;
    envelope.json()
        .BeginObject()
        .Field("name", operation.name)
        .Field("spanKind", model::SpanKindName(operation.kind))
        .EndObject();
    ++count;
  }
  envelope.json().EndArray();
  return envelope.Finish(count);
}

net::HttpResponse JaegerApi::Search(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  auto asked = ReadTraceRequest(request.query, base::Clock::System().Now());
  if (!asked) return Failure(asked.error());
  store::SpanReader reader(store_, *context);
  if (asked->trace_ids.empty()) {
    const auto summaries = reader.Search(asked->query);
    if (!summaries) return Failure(summaries.error());
    for (const store::TraceSummary& summary : *summaries) asked->trace_ids.push_back(summary.trace_id);
  }
  Envelope envelope;
  envelope.json().BeginArray();
  size_t count = 0;
  // Several in one read, yet not all: a trace may be large.
  constexpr size_t kTracesARead = 32;
  std::span<const model::TraceId> left(asked->trace_ids);
  while (!left.empty()) {
    const auto ids = left.first(std::min(kTracesARead, left.size()));
    left = left.subspan(ids.size());
    const auto traces = reader.Traces(ids);
    if (!traces) return Failure(traces.error());
    count += WriteTraces(*traces, ids, envelope.json());
    if (envelope.json().size() > context->memory_budget_bytes) {
      return Failure({base::Code::kResourceExhausted, "the traces are too large for one answer; ask for fewer", {}});
    }
  }
  envelope.json().EndArray();
  return envelope.Finish(count);
}

net::HttpResponse JaegerApi::Trace(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  const auto id = ReadTraceId(request.path_parameters.Get("id"));
  if (!id) return Failure(id.error());
  const auto trace = store::SpanReader(store_, *context).Trace(*id);
  if (!trace) return Failure(trace.error());
  if (trace->size() == 0) return Failure({base::Code::kNotFound, "trace not found", {}});
  Envelope envelope;
  envelope.json().BeginArray();
  WriteTraces(*trace, std::span(&*id, 1), envelope.json());
  envelope.json().EndArray();
  return envelope.Finish(1);
}

net::HttpResponse JaegerApi::Dependencies(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return Failure(context.error());
  const auto range = ReadDependencyRange(request.query, base::Clock::System().Now());
  if (!range) return Failure(range.error());
  const auto edges = store::EdgeReader(store_, *context).Edges(*range);
  if (!edges) return Failure(edges.error());
  Envelope envelope;
  envelope.json().BeginArray();
  size_t count = 0;
  for (const store::ServiceEdge& edge : *edges) {
    // Jaeger's graph knows services only.
    if (edge.server_kind != store::NodeKind::kService) continue;
    ++count;
    envelope.json().BeginObject().Field("parent", edge.client).Field("child", edge.server);
    envelope.json().Field("callCount", edge.calls).EndObject();
  }
  envelope.json().EndArray();
  return envelope.Finish(count);
}

}  // namespace clew::api::jaeger
