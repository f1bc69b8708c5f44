// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/privacy_api.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/http/authentication.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_reader.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/govern/scanner.h"

namespace clew::api::clew_api {
namespace {

constexpr size_t kMostBodyBytes = 64u << 10;
// With a configuration in it.
constexpr size_t kMostScanBytes = 2u << 20;
constexpr int64_t kUsualRows = 20'000;

// {"user":"…","also":["…"]}
base::Result<govern::Identifiers> IdentifiersOf(const net::HttpRequest& request) {
  const auto json = base::ParseJson(request.body);
  // Its own words could quote a part of the body.
  if (!json || !(*json)["user"].is_string()) {
    return base::InvalidArgument("body: expected JSON such as {\"user\":\"zoe@example.net\",\"also\":[\"u-17\"]}");
  }
  govern::Identifiers identifiers = {std::string((*json)["user"].AsString())};
  for (const base::JsonValue& also : (*json)["also"].AsArray()) {
    if (!also.is_string()) return base::InvalidArgument("also: expected a list of texts");
    identifiers.emplace_back(also.AsString());
  }
  return identifiers;
}

std::string_view SignalOf(std::string_view table) {
  if (table.starts_with("span") || table.starts_with("edge")) return "traces";
  if (table == "logs") return "logs";
  for (const std::string_view points : {"series", "samples", "histograms", "exemplars", "point_flags"}) {
    if (table == points) return "metrics";
  }
  return table == "resources" || table == "scopes" ? "senders" : table;
}

void WriteErasure(const store::Erasure& erasure, base::JsonWriter& json) {
  json.BeginObject().Field("id", erasure.id).Field("state", erasure.state);
  json.Field("started", base::FormatTime(erasure.started));
  if (erasure.finished > 0) json.Field("finished", base::FormatTime(erasure.finished));
  json.Field("who", erasure.who).Field("digest", erasure.digest);
  json.Field("identifiers", uint64_t{erasure.identifiers});
  json.Key("rows").BeginObject();
  for (const auto& [table, rows] : erasure.rows) json.Field(table, rows);
  json.EndObject();
  if (!erasure.note.empty()) json.Field("note", erasure.note);
  json.EndObject();
}

net::HttpResponse ErasureAnswer(int status, const store::Erasure& erasure) {
  base::JsonWriter json;
  WriteErasure(erasure, json);
  return net::HttpResponse::Json(status, json.Take());
}

}  // namespace

void PrivacyApi::Register(net::HttpRouter& router) const {
  const net::RouteOptions small{net::Run::kOnPool, kMostBodyBytes};
  router.Add("POST", "/api/clew/privacy/scan",
             net::Synchronous([this](const net::HttpRequest& request) { return Scan(request); }),
             {net::Run::kOnPool, kMostScanBytes});
  router.Add("POST", "/api/clew/privacy/find",
             net::Synchronous([this](const net::HttpRequest& request) { return Find(request); }), small);
  router.Add("POST", "/api/clew/privacy/erasures",
             net::Synchronous([this](const net::HttpRequest& request) { return Erase(request); }), small);
  router.Add("GET", "/api/clew/privacy/erasures",
             net::Synchronous([this](const net::HttpRequest& request) { return List(request); }));
  router.Add("GET", "/api/clew/privacy/erasures/{id}",
             net::Synchronous([this](const net::HttpRequest& request) { return Get(request); }));
}

net::HttpResponse PrivacyApi::Scan(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto json = base::ParseJson(request.body.empty() ? "{}" : std::string_view(request.body));
  if (!json || !json->is_object()) {
    return http::JsonError(
        {base::Code::kInvalidArgument, "body: expected JSON such as {\"cursor\":\"\",\"rows\":20000}", {}});
  }
  auto rules = redactor_.rules();
  if ((*json)["config"].is_string()) {
    auto policy = read_policy_((*json)["config"].AsString());
    if (!policy) return http::JsonError(policy.error());
    auto others = privacy::RuleSet::Make(*std::move(policy), rules->pseudonyms().keys());
    if (!others) return http::JsonError(others.error());
    rules = *std::move(others);
  }
  const int64_t rows = (*json)["rows"].AsInt(kUsualRows);
  if (rows < 1) return http::JsonError({base::Code::kInvalidArgument, "rows: expected a number from 1 on", {}});
  const auto answer = govern::Scan(store_, *context, rules, (*json)["cursor"].AsString(), static_cast<uint64_t>(rows));
  if (!answer) return http::JsonError(answer.error());
  base::JsonWriter out;
  out.BeginObject().Field("rows", answer->step.rows);
  if (!answer->step.cursor.empty()) out.Field("cursor", answer->step.cursor);
  out.Key("findings").BeginArray();
  for (const govern::ScanFinding& one : answer->findings) {
    out.BeginObject().Field("signal", one.signal).Field("service", one.service).Field("column", one.column);
    out.Field("key", one.key).Field("rule", one.rule).Field("count", one.count).EndObject();
  }
  out.EndArray().EndObject();
  return net::HttpResponse::Json(200, out.Take());
}

net::HttpResponse PrivacyApi::Find(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request, model::Role::kAdmin);
  if (!context) return http::JsonError(context.error());
  const auto identifiers = IdentifiersOf(request);
  if (!identifiers) return http::JsonError(identifiers.error());
  const auto rows = eraser_.Preview(*context, *identifiers);
  if (!rows) return http::JsonError(rows.error());
  base::JsonWriter json;
  json.BeginObject().Key("rows").BeginArray();
  for (const store::PersonRows& one : *rows) {
    json.BeginObject().Field("signal", SignalOf(one.table)).Field("table", one.table).Field("service", one.service);
    json.Field("rows", one.rows).EndObject();
  }
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse PrivacyApi::Erase(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request, model::Role::kAdmin);
  if (!context) return http::JsonError(context.error());
  const auto identifiers = IdentifiersOf(request);
  if (!identifiers) return http::JsonError(identifiers.error());
  const auth::Grant* grant = http::GrantOf(request);
  const auto erasure = eraser_.Start(*context, *identifiers, grant == nullptr ? "somebody" : grant->name);
  return erasure ? ErasureAnswer(202, *erasure) : http::JsonError(erasure.error());
}

net::HttpResponse PrivacyApi::List(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto erasures = eraser_.List(*context);
  if (!erasures) return http::JsonError(erasures.error());
  base::JsonWriter json;
  json.BeginObject().Key("erasures").BeginArray();
  for (const store::Erasure& erasure : *erasures) WriteErasure(erasure, json);
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

net::HttpResponse PrivacyApi::Get(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto erasures = eraser_.List(*context);
  if (!erasures) return http::JsonError(erasures.error());
  const auto found = std::ranges::find(*erasures, request.path_parameters.Get("id"), &store::Erasure::id);
  if (found != erasures->end()) return ErasureAnswer(200, *found);
  return http::JsonError(
      {base::Code::kNotFound, "no erasure has this id; GET /api/clew/privacy/erasures lists them", {}});
}

}  // namespace clew::api::clew_api
