// SPDX-License-Identifier: Apache-2.0
#include "clew/api/prometheus/prometheus_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/http/context.h"
#include "clew/api/prometheus/parameters.h"
#include "clew/api/prometheus/response.h"
#include "clew/base/bytes.h"
#include "clew/base/json_writer.h"
#include "clew/model/prometheus_names.h"
#include "clew/query/promql/engine.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/store_source.h"
#include "clew/query/promql/text.h"
#include "clew/store/series_reader.h"

namespace clew::api::prometheus {
namespace {

namespace promql = query::promql;

constexpr std::string_view kTruncated = "results truncated due to limit";

std::string TextsJson(const std::vector<std::string>& texts) {
  base::JsonWriter json;
  json.BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
  return json.Take();
}

// The first `limit` of the texts, and a warning where there are more.
net::HttpResponse LimitedTexts(std::vector<std::string> texts, size_t limit) {
  std::vector<std::string> warnings;
  if (limit > 0 && texts.size() > limit) {
    texts.resize(limit);
    warnings.emplace_back(kTruncated);
  }
  return Success(TextsJson(texts), warnings);
}

base::Result<promql::EngineOptions> EngineParameters(const net::Parameters& parameters) {
  promql::EngineOptions options;
  const std::string_view lookback = parameters.Get("lookback_delta");
  if (lookback.empty()) return options;
  const auto millis = ParseDuration(lookback);
  if (!millis) {
    return base::InvalidArgument(fmt::format("error parsing lookback delta duration: {}", millis.error().message));
  }
  if (*millis > 0) options.lookback_ms = *millis;
  return options;
}

// What the evaluation's own errors are called in Prometheus.
base::Error QueryError(base::Error error) {
  switch (error.code) {
    case base::Code::kInvalidArgument: return InvalidParameter("query", error.message).error();
    case base::Code::kDeadlineExceeded: error.message = "query timed out in expression evaluation"; return error;
    case base::Code::kCancelled: error.message = "query was canceled in expression evaluation"; return error;
    default: return error;
  }
}

net::HttpResponse QueryAnswer(promql::QueryResult result, size_t limit, const net::Parameters& parameters) {
  if (limit > 0 && result.series.size() > limit) {
    result.series.resize(limit);
    result.warnings.emplace_back(kTruncated);
  }
  if (!parameters.Get("stats").empty()) result.warnings.emplace_back("query statistics are not supported yet");
  return Success(ResultJson(result), result.warnings, result.infos);
}

void CollectSelectors(const promql::Expr& expr, std::vector<std::vector<model::LabelMatcher>>& selectors) {
  if (const auto* selector = expr.As<promql::VectorSelector>()) {
    selectors.push_back(selector->matchers);
  } else if (const auto* matrix = expr.As<promql::MatrixSelector>()) {
    selectors.push_back(matrix->selector.matchers);
  } else if (const auto* subquery = expr.As<promql::SubqueryExpr>()) {
    CollectSelectors(*subquery->expr, selectors);
  } else if (const auto* unary = expr.As<promql::UnaryExpr>()) {
    CollectSelectors(*unary->expr, selectors);
  } else if (const auto* paren = expr.As<promql::ParenExpr>()) {
    CollectSelectors(*paren->expr, selectors);
  } else if (const auto* binary = expr.As<promql::BinaryExpr>()) {
    CollectSelectors(*binary->left, selectors);
    CollectSelectors(*binary->right, selectors);
  } else if (const auto* aggregate = expr.As<promql::AggregateExpr>()) {
    CollectSelectors(*aggregate->expr, selectors);
  } else if (const auto* call = expr.As<promql::Call>()) {
    for (const promql::ExprPtr& arg : call->args) CollectSelectors(*arg, selectors);
  }
}

std::string ExemplarsJson(const std::map<model::Labels, std::vector<store::StoredExemplar>>& by_series) {
  base::JsonWriter json;
  json.BeginArray();
  for (const auto& [labels, exemplars] : by_series) {
    json.BeginObject().Key("seriesLabels");
    WriteLabels(json, labels);
    json.Key("exemplars").BeginArray();
    for (const store::StoredExemplar& exemplar : exemplars) {
      std::string value;
      promql::AppendSampleValue(exemplar.value, value);
      std::string time;
      AppendTime(promql::ToMillis(exemplar.time), time);
      json.BeginObject().Key("labels");
      WriteLabels(json, exemplar.labels);
      json.Field("value", value).Key("timestamp").Raw(time).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
  return json.Take();
}

base::Result<std::vector<store::SeriesPtr>> SelectAny(store::SeriesReader& reader,
                                                      const std::vector<std::vector<model::LabelMatcher>>& sets,
                                                      store::TimeRange range) {
  std::map<model::Labels, store::SeriesPtr> found;
  for (const std::vector<model::LabelMatcher>& matchers : sets) {
    CLEW_ASSIGN_OR_RETURN(const std::vector<store::SeriesPtr> selected, reader.Select(matchers, range));
    for (const store::SeriesPtr& series : selected) found.try_emplace(series->labels, series);
  }
  std::vector<store::SeriesPtr> result;
  result.reserve(found.size());
  for (auto& [labels, series] : found) result.push_back(std::move(series));
  return result;
}

}  // namespace

void PrometheusApi::Add(net::HttpRouter& router, std::string_view path, Call call, bool post) const {
  const net::HttpHandler handler =
      net::Synchronous([this, call](const net::HttpRequest& request) { return Answer(request, call); });
  router.Add("GET", path, handler);
  if (post) router.Add("POST", path, handler);
}

void PrometheusApi::Register(net::HttpRouter& router) const {
  router.SetErrors("/api/v1", Failures());
  Add(router, "/api/v1/query", &PrometheusApi::Query, true);
  Add(router, "/api/v1/query_range", &PrometheusApi::QueryRange, true);
  Add(router, "/api/v1/query_exemplars", &PrometheusApi::QueryExemplars, true);
  Add(router, "/api/v1/format_query", &PrometheusApi::FormatQuery, true);
  Add(router, "/api/v1/parse_query", &PrometheusApi::ParseQuery, true);
  Add(router, "/api/v1/labels", &PrometheusApi::Labels, true);
  Add(router, "/api/v1/label/{name}/values", &PrometheusApi::LabelValues, false);
  Add(router, "/api/v1/series", &PrometheusApi::Series, true);
  Add(router, "/api/v1/metadata", &PrometheusApi::Metadata, false);
  Add(router, "/api/v1/status/buildinfo", &PrometheusApi::BuildInfo, false);
  Add(router, "/api/v1/status/runtimeinfo", &PrometheusApi::RuntimeInfo, false);
  Add(router, "/api/v1/status/config", &PrometheusApi::Config, false);
  Add(router, "/api/v1/status/flags", &PrometheusApi::Flags, false);
  Add(router, "/api/v1/status/tsdb", &PrometheusApi::TsdbStatus, false);
  for (const std::string_view path :
       {"/api/v1/rules", "/api/v1/alerts", "/api/v1/targets", "/api/v1/targets/metadata", "/api/v1/alertmanagers",
        "/api/v1/scrape_pools", "/api/v1/status/walreplay", "/api/v1/notifications", "/api/v1/features", "/federate"}) {
    Add(router, path, &PrometheusApi::NotYet, false);
  }
  for (const std::string_view path : {"/api/v1/read", "/api/v1/write"}) {
    router.Add("POST", path, net::Synchronous([this](const net::HttpRequest& request) {
                 return Answer(request, &PrometheusApi::NotYet);
               }));
  }
}

net::HttpResponse PrometheusApi::Answer(const net::HttpRequest& request, Call call) const {
  const auto parameters = request.Form();
  if (!parameters) {
    return Failure(
        {base::Code::kInvalidArgument, fmt::format("error parsing form values: {}", parameters.error().message), {}});
  }
  const auto context = http::ContextOf(request, *parameters);
  if (!context) return Failure(context.error());
  auto response = (this->*call)(request, *parameters, *context);
  return response ? *std::move(response) : Failure(response.error());
}

base::Result<net::HttpResponse> PrometheusApi::Query(const net::HttpRequest&, const net::Parameters& parameters,
                                                     const model::RequestContext& context) const {
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  CLEW_ASSIGN_OR_RETURN(const int64_t time, TimeParameter(parameters, "time", promql::ToMillis(clock_.Now())));
  CLEW_ASSIGN_OR_RETURN(const promql::EngineOptions options, EngineParameters(parameters));
  store::SeriesReader reader(store_, context);
  promql::StoreSource source(reader);
  auto result = promql::EvaluateInstant(source, context, parameters.Get("query"), time, options);
  if (!result) return std::unexpected(QueryError(std::move(result).error()));
  return QueryAnswer(*std::move(result), limit, parameters);
}

base::Result<net::HttpResponse> PrometheusApi::QueryRange(const net::HttpRequest&, const net::Parameters& parameters,
                                                          const model::RequestContext& context) const {
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  CLEW_ASSIGN_OR_RETURN(const int64_t start, RequiredTime(parameters, "start"));
  CLEW_ASSIGN_OR_RETURN(const int64_t end, RequiredTime(parameters, "end"));
  if (end < start) return InvalidParameter("end", "end timestamp must not be before start time");
  CLEW_ASSIGN_OR_RETURN(const int64_t step, RequiredDuration(parameters, "step"));
  if (step <= 0) {
    return InvalidParameter("step",
                            "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  CLEW_ASSIGN_OR_RETURN(const promql::EngineOptions options, EngineParameters(parameters));
  if ((end - start) / step > options.max_points) {
    return base::InvalidArgument(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
  }
  store::SeriesReader reader(store_, context);
  promql::StoreSource source(reader);
  auto result = promql::EvaluateRange(source, context, parameters.Get("query"), start, end, step, options);
  if (!result) return std::unexpected(QueryError(std::move(result).error()));
  return QueryAnswer(*std::move(result), limit, parameters);
}

base::Result<net::HttpResponse> PrometheusApi::QueryExemplars(const net::HttpRequest&,
                                                              const net::Parameters& parameters,
                                                              const model::RequestContext& context) const {
  CLEW_ASSIGN_OR_RETURN(const store::TimeRange range, RangeParameters(parameters));
  if (range.IsEmpty()) return base::InvalidArgument("end timestamp must not be before start timestamp");
  CLEW_ASSIGN_OR_RETURN(const promql::ExprPtr expr, promql::ParseExpr(parameters.Get("query")));
  std::vector<std::vector<model::LabelMatcher>> selectors;
  CollectSelectors(*expr, selectors);
  store::SeriesReader reader(store_, context);
  std::map<model::Labels, std::vector<store::StoredExemplar>> by_series;
  for (const std::vector<model::LabelMatcher>& matchers : selectors) {
    CLEW_ASSIGN_OR_RETURN(std::vector<store::SeriesExemplars> found, reader.Exemplars(matchers, range));
    for (store::SeriesExemplars& one : found) {
      if (!one.exemplars.empty()) by_series.try_emplace(one.series->labels, std::move(one.exemplars));
    }
  }
  return Success(ExemplarsJson(by_series));
}

base::Result<net::HttpResponse> PrometheusApi::FormatQuery(const net::HttpRequest&, const net::Parameters& parameters,
                                                           const model::RequestContext&) const {
  const auto expr = promql::ParseExpr(parameters.Get("query"));
  if (!expr) return InvalidParameter("query", expr.error().message);
  base::JsonWriter json;
  json.String(promql::PrintPretty(**expr));
  return Success(json.View());
}

base::Result<net::HttpResponse> PrometheusApi::ParseQuery(const net::HttpRequest&, const net::Parameters& parameters,
                                                          const model::RequestContext&) const {
  const auto expr = promql::ParseExpr(parameters.Get("query"));
  if (!expr) return InvalidParameter("query", expr.error().message);
  return Success(TreeJson(**expr));
}

base::Result<net::HttpResponse> PrometheusApi::Labels(const net::HttpRequest&, const net::Parameters& parameters,
                                                      const model::RequestContext& context) const {
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  CLEW_ASSIGN_OR_RETURN(const store::TimeRange range, RangeParameters(parameters));
  CLEW_ASSIGN_OR_RETURN(std::vector<std::vector<model::LabelMatcher>> sets, MatchParameters(parameters));
  if (sets.empty()) sets.emplace_back();
  store::SeriesReader reader(store_, context);
  std::set<std::string> names;
  for (const std::vector<model::LabelMatcher>& matchers : sets) {
    CLEW_ASSIGN_OR_RETURN(std::vector<std::string> found, reader.LabelNames(matchers, range));
    names.insert(found.begin(), found.end());
  }
  return LimitedTexts({names.begin(), names.end()}, limit);
}

base::Result<net::HttpResponse> PrometheusApi::LabelValues(const net::HttpRequest& request,
                                                           const net::Parameters& parameters,
                                                           const model::RequestContext& context) const {
  const std::string name = UnescapeLabelName(request.path_parameters.Get("name"));
  if (name.empty() || !base::IsUtf8(name)) {
    return base::InvalidArgument(fmt::format("invalid label name: {}", promql::Quote(name)));
  }
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  CLEW_ASSIGN_OR_RETURN(const store::TimeRange range, RangeParameters(parameters));
  CLEW_ASSIGN_OR_RETURN(std::vector<std::vector<model::LabelMatcher>> sets, MatchParameters(parameters));
  if (sets.empty()) sets.emplace_back();
  store::SeriesReader reader(store_, context);
  std::set<std::string> values;
  for (const std::vector<model::LabelMatcher>& matchers : sets) {
    CLEW_ASSIGN_OR_RETURN(std::vector<std::string> found, reader.LabelValues(name, matchers, range));
    values.insert(found.begin(), found.end());
  }
  return LimitedTexts({values.begin(), values.end()}, limit);
}

base::Result<net::HttpResponse> PrometheusApi::Series(const net::HttpRequest&, const net::Parameters& parameters,
                                                      const model::RequestContext& context) const {
  if (!parameters.Has("match[]")) return base::InvalidArgument("no match[] parameter provided");
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  CLEW_ASSIGN_OR_RETURN(const store::TimeRange range, RangeParameters(parameters));
  const auto sets = MatchParameters(parameters);
  if (!sets) return InvalidParameter("match[]", sets.error().message);
  store::SeriesReader reader(store_, context);
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::SeriesPtr> found, SelectAny(reader, *sets, range));
  base::JsonWriter json;
  json.BeginArray();
  const size_t shown = limit > 0 ? std::min(limit, found.size()) : found.size();
  for (size_t i = 0; i < shown; ++i) WriteLabels(json, found[i]->labels);
  json.EndArray();
  std::vector<std::string> warnings;
  if (shown < found.size()) warnings.emplace_back(kTruncated);
  return Success(json.View(), warnings);
}

base::Result<net::HttpResponse> PrometheusApi::Metadata(const net::HttpRequest&, const net::Parameters& parameters,
                                                        const model::RequestContext& context) const {
  CLEW_ASSIGN_OR_RETURN(const size_t limit, LimitParameter(parameters));
  const std::string_view metric = parameters.Get("metric");
  store::SeriesReader reader(store_, context);
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::FamilyMetadata> families, reader.Metadata());
  base::JsonWriter json;
  json.BeginObject();
  size_t shown = 0;
  for (const store::FamilyMetadata& family : families) {
    if (!metric.empty() && family.family != metric) continue;
    if (parameters.Has("limit") && shown >= limit) break;
    ++shown;
    json.Key(family.family)
        .BeginArray()
        .BeginObject()
        .Field("type", model::FamilyTypeName(family.type))
        .Field("help", family.help)
        .Field("unit", family.unit)
        .EndObject()
        .EndArray();
  }
  json.EndObject();
  return Success(json.View());
}

base::Result<net::HttpResponse> PrometheusApi::NotYet(const net::HttpRequest& request, const net::Parameters&,
                                                      const model::RequestContext&) const {
  return base::Unimplemented(fmt::format("{} is not supported yet by Clew", request.path));
}

}  // namespace clew::api::prometheus
