// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/incidents_api.h"

#include <chrono>

#include "clew/api/clew/parameters.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/store/incident_table.h"
#include "clew/watch/incident_json.h"

namespace clew::api::clew_api {

void IncidentsApi::Register(net::HttpRouter& router) const {
  router.Add("GET", "/api/clew/incidents",
             net::Synchronous([this](const net::HttpRequest& request) { return List(request); }));
  router.Add("GET", "/api/clew/incidents/{id}",
             net::Synchronous([this](const net::HttpRequest& request) { return Get(request); }));
}

net::HttpResponse IncidentsApi::List(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto range = ReadRange(request.query, base::Clock::System().Now(), std::chrono::hours(24));
  if (!range) return http::JsonError(range.error());
  const auto limit = ReadLimit(request.query, 20, 500);
  if (!limit) return http::JsonError(limit.error());
  const auto incidents = store::IncidentTable(store_, *context).List(*range, *limit);
  if (!incidents) return http::JsonError(incidents.error());
  base::JsonWriter json;
  json.BeginObject().Field("from", base::FormatTime(range->from)).Field("to", base::FormatTime(range->to));
  json.Key("incidents").BeginArray();
  for (const store::Incident& incident : *incidents) watch::WriteIncident(incident, json);
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse IncidentsApi::Get(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto incident = store::IncidentTable(store_, *context).Get(request.path_parameters.Get("id"));
  if (!incident) return http::JsonError(incident.error());
  base::JsonWriter json;
  watch::WriteIncident(*incident, json);
  return net::HttpResponse::Json(200, json.Take());
}

}  // namespace clew::api::clew_api
