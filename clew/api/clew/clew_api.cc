// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/clew_api.h"

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "clew/api/clew/openapi.h"
#include "clew/api/clew/parameters.h"
#include "clew/api/clew/telemetry_json.h"
#include "clew/api/clew/trace_outline.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/store/edge_reader.h"

namespace clew::api::clew_api {
namespace {

// Of one trace; more are not sent, and the answer says so.
constexpr uint64_t kMaxTraceLogs = 10'000;

double Milliseconds(double nanos) { return nanos / 1e6; }

void WriteRange(store::TimeRange range, base::JsonWriter& json) {
  json.Field("from", base::FormatTime(range.from)).Field("to", base::FormatTime(range.to));
}

double Seconds(store::TimeRange range) { return static_cast<double>(range.to - range.from) / 1e9; }

std::string_view NodeKindName(store::NodeKind kind) {
  switch (kind) {
    case store::NodeKind::kService: return "service";
    case store::NodeKind::kDatabase: return "database";
    case store::NodeKind::kMessaging: return "messaging";
    case store::NodeKind::kExternal: return "external";
  }
  return "service";
}

base::Result<model::TraceId> ReadTraceId(const net::HttpRequest& request) {
  const auto id = model::TraceId::FromHex(request.path_parameters.Get("id"));
  if (!id) return base::InvalidArgument("expected a trace id of 32 hexadecimal digits");
  return *id;
}

base::Error NoSuchTrace() { return {base::Code::kNotFound, "no span and no log record of that trace is stored", {}}; }

// "logs", oldest first, and whether there are more; the number written.
base::Result<uint64_t> WriteLogsOf(const model::TraceId& id, store::Store& store, const model::RequestContext& context,
                                   base::JsonWriter& json) {
  uint64_t logs = 0;
  store::LogQuery query;
  query.newest_first = false;
  query.limit = kMaxTraceLogs;
  query.trace_ids = {id};
  json.Key("logs").BeginArray();
  CLEW_RETURN_IF_ERROR(store::LogReader(store, context).Scan(query, [&](const model::LogBatch& batch) -> base::Status {
    for (size_t row = 0; row < batch.size(); ++row) WriteLogRecord(batch, row, json);
    logs += batch.size();
    return {};
  }));
  json.EndArray().Field("logs_cut", logs >= kMaxTraceLogs);
  return logs;
}

net::HttpResponse Finish(base::JsonWriter& json) {
  json.EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

}  // namespace

void ClewApi::Register(net::HttpRouter& router) const {
  using Method = net::HttpResponse (ClewApi::*)(const net::HttpRequest&) const;
  const auto add = [&](const char* pattern, Method method) {
    router.Add("GET", pattern,
               net::Synchronous([this, method](const net::HttpRequest& request) { return (this->*method)(request); }));
  };
  add("/api/clew/services", &ClewApi::Services);
  add("/api/clew/map", &ClewApi::Map);
  add("/api/clew/traces", &ClewApi::Traces);
  add("/api/clew/traces/{id}", &ClewApi::Trace);
  add("/api/clew/traces/{id}/outline", &ClewApi::Outline);
  add("/api/clew/traces/{id}/spans/{span}", &ClewApi::Span);
  add("/api/clew/logs", &ClewApi::Logs);
  router.Add("GET", "/api/clew/openapi.yaml", net::Synchronous([](const net::HttpRequest&) {
               return net::HttpResponse{200, "application/yaml", {}, std::string(kOpenApi)};
             }));
  router.SetErrors("/api/clew/", http::JsonErrors());
}

net::HttpResponse ClewApi::Services(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto range = ReadRange(request.query, base::Clock::System().Now());
  if (!range) return http::JsonError(range.error());
  const auto stats = store::SpanReader(store_, *context).Stats(*range);
  if (!stats) return http::JsonError(stats.error());
  base::JsonWriter json;
  json.BeginObject();
  WriteRange(*range, json);
  json.Key("services").BeginArray();
  for (const store::ServiceStats& service : *stats) {
    json.BeginObject().Field("service", service.service);
    WriteStats(service, *range, json);
    json.EndObject();
  }
  json.EndArray();
  return Finish(json);
}

net::HttpResponse ClewApi::Map(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto range = ReadRange(request.query, base::Clock::System().Now());
  if (!range) return http::JsonError(range.error());
  store::EdgeReader reader(store_, *context);
  const auto services = reader.Services(*range);
  if (!services) return http::JsonError(services.error());
  const auto edges = reader.Edges(*range);
  if (!edges) return http::JsonError(edges.error());
  std::map<std::string, store::NodeKind> nodes;
  for (const std::string& service : *services) nodes.emplace(service, store::NodeKind::kService);
  for (const store::ServiceEdge& edge : *edges) {
    nodes.emplace(edge.client, store::NodeKind::kService);
    nodes.emplace(edge.server, edge.server_kind);
  }
  base::JsonWriter json;
  json.BeginObject();
  WriteRange(*range, json);
  json.Key("nodes").BeginArray();
  for (const auto& [name, kind] : nodes) {
    json.BeginObject().Field("name", name).Field("kind", NodeKindName(kind)).EndObject();
  }
  json.EndArray().Key("edges").BeginArray();
  for (const store::ServiceEdge& edge : *edges) {
    json.BeginObject().Field("client", edge.client).Field("server", edge.server);
    json.Field("calls", edge.calls).Field("errors", edge.errors);
    json.Field("calls_per_second", static_cast<double>(edge.calls) / Seconds(*range));
    json.Field("p50_ms", Milliseconds(edge.p50)).Field("p95_ms", Milliseconds(edge.p95));
    json.Field("p99_ms", Milliseconds(edge.p99)).EndObject();
  }
  json.EndArray();
  return Finish(json);
}

net::HttpResponse ClewApi::Traces(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto query = ReadTraceQuery(request.query, base::Clock::System().Now());
  if (!query) return http::JsonError(query.error());
  const auto traces = store::SpanReader(store_, *context).Search(*query);
  if (!traces) return http::JsonError(traces.error());
  base::JsonWriter json;
  json.BeginObject();
  WriteRange(query->range, json);
  json.Key("traces").BeginArray();
  for (const store::TraceSummary& trace : *traces) {
    json.BeginObject().Field("trace_id", trace.trace_id.ToHex());
    json.Field("root_service", trace.root_service)
        .Field("root_name", trace.root_name)
        .Field("complete", trace.has_root);
    json.Field("start", base::FormatTime(static_cast<base::UnixNanos>(trace.start_time)));
    json.Field("duration_ms", Milliseconds(static_cast<double>(trace.duration)));
    json.Field("spans", trace.span_count).Field("errors", trace.error_count).Key("services").BeginArray();
    for (const store::TraceServiceSummary& service : trace.services) {
      json.BeginObject().Field("service", service.service).Field("spans", service.span_count);
      json.Field("errors", service.error_count).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  return Finish(json);
}

net::HttpResponse ClewApi::Trace(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto id = ReadTraceId(request);
  if (!id) return http::JsonError(id.error());
  const auto trace = store::SpanReader(store_, *context).Trace(*id);
  if (!trace) return http::JsonError(trace.error());
  base::JsonWriter json;
  json.BeginObject().Field("trace_id", id->ToHex()).Key("spans").BeginArray();
  for (size_t row = 0; row < trace->size(); ++row) WriteSpan(*trace, row, json);
  json.EndArray();
  const auto logs = WriteLogsOf(*id, store_, *context, json);
  if (!logs) return http::JsonError(logs.error());
  if (trace->size() == 0 && *logs == 0) return http::JsonError(NoSuchTrace());
  return Finish(json);
}

net::HttpResponse ClewApi::Outline(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto id = ReadTraceId(request);
  if (!id) return http::JsonError(id.error());
  TraceOutline outline;
  store::SpanFilter filter;
  filter.trace_ids = {*id};
  filter.with_attributes = false;
  const base::Status scanned =
      store::SpanReader(store_, *context).Scan(filter, [&](const model::SpanBatch& batch) -> base::Status {
        outline.Add(batch);
        return {};
      });
  if (!scanned) return http::JsonError(scanned.error());
  base::JsonWriter json;
  json.BeginObject().Field("trace_id", id->ToHex());
  const size_t spans = outline.Write(json);
  const auto logs = WriteLogsOf(*id, store_, *context, json);
  if (!logs) return http::JsonError(logs.error());
  if (spans == 0 && *logs == 0) return http::JsonError(NoSuchTrace());
  return Finish(json);
}

net::HttpResponse ClewApi::Span(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto id = ReadTraceId(request);
  if (!id) return http::JsonError(id.error());
  const auto span_id = model::SpanId::FromHex(request.path_parameters.Get("span"));
  if (!span_id)
    return http::JsonError({base::Code::kInvalidArgument, "expected a span id of 16 hexadecimal digits", {}});
  const auto at = base::ParseTime(request.query.Get("start"), base::Clock::System().Now());
  if (!at) {
    return http::JsonError(
        {base::Code::kInvalidArgument, "parameter 'start': expected the time at which it starts", {}});
  }
  store::SpanFilter filter;
  filter.trace_ids = {*id};
  filter.range = {*at, *at + 1};
  base::JsonWriter json;
  const base::Status scanned =
      store::SpanReader(store_, *context).Scan(filter, [&](const model::SpanBatch& batch) -> base::Status {
        for (size_t row = 0; row < batch.size() && json.size() == 0; ++row) {
          if (batch.span_id[row] == *span_id) WriteSpan(batch, row, json);
        }
        return {};
      });
  if (!scanned) return http::JsonError(scanned.error());
  if (json.size() == 0) {
    return http::JsonError({base::Code::kNotFound, "no such span of that trace starts at that time", {}});
  }
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse ClewApi::Logs(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto query = ReadLogQuery(request.query, base::Clock::System().Now());
  if (!query) return http::JsonError(query.error());
  base::JsonWriter json;
  json.BeginObject();
  WriteRange(query->range, json);
  json.Key("logs").BeginArray();
  const base::Status scanned = store::LogReader(store_, *context).Scan(*query, [&](const model::LogBatch& batch) {
    for (size_t row = 0; row < batch.size(); ++row) WriteLogRecord(batch, row, json);
    return base::Status();
  });
  if (!scanned) return http::JsonError(scanned.error());
  json.EndArray();
  return Finish(json);
}

}  // namespace clew::api::clew_api
