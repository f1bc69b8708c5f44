// SPDX-License-Identifier: Apache-2.0
#include "clew/api/loki/loki_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/api/loki/log_search.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/query/logql/parser.h"
#include "clew/store/log_reader.h"
#include "clew/store/log_template_reader.h"

namespace clew::api::loki {
namespace {

constexpr int64_t kHour = 3600 * base::kNanosPerSecond;
constexpr uint32_t kDefaultLimit = 100;
constexpr uint32_t kMaxLimit = 5000;  // Loki's max_entries_limit_per_query

base::Result<store::TimeRange> ReadRange(const net::Parameters& parameters, base::UnixNanos now) {
  store::TimeRange range{now - kHour, now};
  if (const std::string_view text = parameters.Get("end"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(range.to, base::ParseTime(text, now));
  }
  if (const std::string_view text = parameters.Get("start"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(range.from, base::ParseTime(text, now));
  } else {
    const std::string_view since = parameters.Get("since");
    int64_t length = kHour;
    if (!since.empty()) {
      CLEW_ASSIGN_OR_RETURN(const auto duration, base::ParseDuration(since));
      length = duration.count();
    }
    range.from = range.to - length;
  }
  if (range.from > range.to) return base::InvalidArgument("end timestamp must not be before or equal to start time");
  return range;
}

base::Result<SearchOptions> ReadOptions(const net::HttpRequest& request, const net::Parameters& parameters) {
  SearchOptions options;
  options.limit = kDefaultLimit;
  if (const std::string_view text = parameters.Get("limit"); !text.empty()) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), options.limit);
    if (error != std::errc() || rest != text.data() + text.size()) {
      return base::InvalidArgument("limit: expected a positive whole number");
    }
    if (options.limit > kMaxLimit) {
      return base::InvalidArgument(
          fmt::format("max entries limit per query exceeded, limit > max_entries_limit_per_query ({} > {})",
                      options.limit, kMaxLimit));
    }
  }
  const std::string_view direction = parameters.Get("direction", "backward");
  if (!net::EqualsIgnoringCase(direction, "backward") && !net::EqualsIgnoringCase(direction, "forward")) {
    return base::InvalidArgument("direction: expected forward or backward");
  }
  options.newest_first = net::EqualsIgnoringCase(direction, "backward");
  options.categorize_labels = request.headers.HasToken("X-Loki-Response-Encoding-Flags", "categorize-labels");
  return options;
}

void WriteLabels(base::JsonWriter& json, const model::Labels& labels) {
  json.BeginObject();
  for (const model::Label& label : labels) json.Field(label.name, label.value);
  json.EndObject();
}

net::HttpResponse StreamsResponse(const std::vector<LogStream>& streams, bool categorize_labels) {
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").BeginObject().Field("resultType", "streams");
  if (categorize_labels) json.Key("encodingFlags").BeginArray().String("categorize-labels").EndArray();
  json.Key("result").BeginArray();
  for (const LogStream& stream : streams) {
    json.BeginObject().Key("stream");
    WriteLabels(json, stream.labels);
    json.Key("values").BeginArray();
    for (const LogEntry& entry : stream.entries) {
      json.BeginArray().String(std::to_string(entry.time)).String(entry.line);
      if (categorize_labels) {
        json.BeginObject().Key("structuredMetadata");
        WriteLabels(json, entry.metadata);
        json.EndObject();
      }
      json.EndArray();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().Key("stats").BeginObject().EndObject().EndObject().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

void WriteSample(base::JsonWriter& json, double seconds, double value) {
  json.BeginArray().Double(seconds).String(fmt::format("{}", value)).EndArray();
}

// vector(n) once, or at each step of a range.
net::HttpResponse ConstantResponse(double value, store::TimeRange range, std::optional<int64_t> step) {
  const auto seconds = [](int64_t time) { return static_cast<double>(time / base::kNanosPerMilli) / 1000; };
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").BeginObject();
  json.Field("resultType", step ? "matrix" : "vector").Key("result").BeginArray();
  json.BeginObject().Key("metric").BeginObject().EndObject();
  if (step) {
    json.Key("values").BeginArray();
    for (int64_t time = range.from; time <= range.to; time += *step) WriteSample(json, seconds(time), value);
    json.EndArray();
  } else {
    json.Key("value");
    WriteSample(json, seconds(range.to), value);
  }
  json.EndObject().EndArray().Key("stats").BeginObject().EndObject().EndObject().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

base::Result<int64_t> ReadStep(const net::Parameters& parameters, store::TimeRange range) {
  constexpr int64_t kMaxPoints = 11'000;
  const std::string_view text = parameters.Get("step");
  int64_t step = std::max(base::kNanosPerSecond, (range.to - range.from) / 250);
  if (!text.empty()) {
    CLEW_ASSIGN_OR_RETURN(const auto duration, base::ParseDuration(text));
    step = duration.count();
  }
  if (step <= 0) return base::InvalidArgument("zero or negative query resolution step widths are not accepted");
  if ((range.to - range.from) / step > kMaxPoints) {
    return base::InvalidArgument("exceeded maximum resolution of 11,000 points per time series; take a longer step");
  }
  return step;
}

net::HttpResponse ListResponse(const std::vector<std::string>& values) {
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

base::Result<net::HttpResponse> Search(store::Store& store, const model::RequestContext& context,
                                       const query::logql::Query& query, const SearchOptions& options) {
  CLEW_ASSIGN_OR_RETURN(const auto streams,
                        SearchLogs(store, context, std::get<query::logql::LogQuery>(query), options));
  return StreamsResponse(streams, options.categorize_labels);
}

}  // namespace

void LokiApi::Register(net::HttpRouter& router) const {
  using Method = Answer (LokiApi::*)(const net::HttpRequest&, const net::Parameters&) const;
  const auto add = [&](const char* pattern, Method method) {
    const auto handler = net::Synchronous([this, method](const net::HttpRequest& request) {
      const auto parameters = request.Form();
      if (!parameters) return http::TextError(parameters.error());
      auto answer = (this->*method)(request, *parameters);
      return answer ? *std::move(answer) : http::TextError(answer.error());
    });
    router.Add("GET", pattern, handler);
    router.Add("POST", pattern, handler);
  };
  add("/loki/api/v1/query_range", &LokiApi::QueryRange);
  add("/loki/api/v1/query", &LokiApi::Query);
  add("/loki/api/v1/labels", &LokiApi::Labels);
  add("/loki/api/v1/label", &LokiApi::Labels);
  add("/loki/api/v1/label/{name}/values", &LokiApi::LabelValues);
  add("/loki/api/v1/series", &LokiApi::Series);
  add("/loki/api/v1/patterns", &LokiApi::Patterns);
  add("/loki/api/v1/format_query", &LokiApi::FormatQuery);
  router.Add("GET", "/loki/api/v1/status/buildinfo", net::Synchronous([](const net::HttpRequest&) {
               // Grafana switches features by this number.
               return net::HttpResponse::Json(
                   200,
                   R"({"version":"3.4.0","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""})");
             }));
  router.Add("GET", "/loki/ready",
             net::Synchronous([](const net::HttpRequest&) { return net::HttpResponse::Text(200, "ready\n"); }));
  for (const char* path :
       {"/loki/api/v1/push", "/loki/api/v1/index/stats", "/loki/api/v1/index/volume", "/loki/api/v1/index/volume_range",
        "/loki/api/v1/detected_labels", "/loki/api/v1/detected_fields", "/loki/api/v1/tail"}) {
    const auto not_yet = net::Synchronous([path = std::string(path)](const net::HttpRequest&) {
      return http::TextError({base::Code::kUnimplemented, path + " is not supported by Clew yet", {}});
    });
    router.Add("GET", path, not_yet);
    router.Add("POST", path, not_yet);
  }
  router.SetErrors("/loki/", http::TextErrors());
}

LokiApi::Answer LokiApi::QueryRange(const net::HttpRequest& request, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto query, query::logql::Parse(parameters.Get("query")));
  CLEW_ASSIGN_OR_RETURN(const auto range, ReadRange(parameters, base::Clock::System().Now()));
  if (const auto* constant = std::get_if<query::logql::ConstantVector>(&query)) {
    CLEW_ASSIGN_OR_RETURN(const int64_t step, ReadStep(parameters, range));
    return ConstantResponse(constant->value, range, step);
  }
  CLEW_ASSIGN_OR_RETURN(auto options, ReadOptions(request, parameters));
  options.range = range;
  return Search(store_, context, query, options);
}

LokiApi::Answer LokiApi::Query(const net::HttpRequest& request, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto query, query::logql::Parse(parameters.Get("query")));
  const base::UnixNanos now = base::Clock::System().Now();
  base::UnixNanos time = now;
  if (const std::string_view text = parameters.Get("time"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(time, base::ParseTime(text, now));
  }
  if (const auto* constant = std::get_if<query::logql::ConstantVector>(&query)) {
    return ConstantResponse(constant->value, {time, time}, std::nullopt);
  }
  CLEW_ASSIGN_OR_RETURN(auto options, ReadOptions(request, parameters));
  // The hour up to the moment that is asked for; the end is included, as the moment itself belongs to it.
  options.range = {time - kHour, time + 1};
  return Search(store_, context, query, options);
}

LokiApi::Answer LokiApi::Labels(const net::HttpRequest& request, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto range, ReadRange(parameters, base::Clock::System().Now()));
  CLEW_ASSIGN_OR_RETURN(const auto labels, store::LogReader(store_, context).Labels(range));
  return ListResponse(labels);
}

LokiApi::Answer LokiApi::LabelValues(const net::HttpRequest& request, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto range, ReadRange(parameters, base::Clock::System().Now()));
  const std::string_view name = request.path_parameters.Get("name");
  store::LogReader reader(store_, context);
  const std::string_view selector = parameters.Get("query");
  if (selector.empty()) {
    CLEW_ASSIGN_OR_RETURN(const auto values, reader.LabelValues(name, range));
    return ListResponse(values);
  }
  CLEW_ASSIGN_OR_RETURN(const auto matchers, query::logql::ParseSelector(selector));
  CLEW_ASSIGN_OR_RETURN(const auto streams, reader.Streams(matchers, range));
  std::set<std::string> values;
  for (const model::Labels& labels : streams) {
    if (const std::string_view value = labels.Get(name); !value.empty()) values.emplace(value);
  }
  return ListResponse({values.begin(), values.end()});
}

// https://grafana.com/docs/loki/latest/reference/loki-http-api/#patterns-detection: samples are Unix seconds and
// counts.
LokiApi::Answer LokiApi::Patterns(const net::HttpRequest& request, const net::Parameters& parameters) const {
  constexpr int64_t kMinute = 60 * base::kNanosPerSecond;
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto range, ReadRange(parameters, base::Clock::System().Now()));
  CLEW_ASSIGN_OR_RETURN(const int64_t step, ReadStep(parameters, range));
  CLEW_ASSIGN_OR_RETURN(const auto matchers, query::logql::ParseSelector(parameters.Get("query")));
  if (matchers.size() != 1 || matchers[0].name != "service_name" || matchers[0].type != model::MatchType::kEqual) {
    return base::Unimplemented(R"(patterns are kept by service: expected the query {service_name="NAME"})");
  }
  const auto step_minutes = static_cast<uint32_t>(std::clamp<int64_t>(step / kMinute, 1, 24 * 60));
  CLEW_ASSIGN_OR_RETURN(const auto found,
                        store::LogTemplateReader(store_, context).Find(range, matchers[0].value, step_minutes));
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").BeginArray();
  for (const store::LogTemplate& one : found.templates) {
    json.BeginObject().Field("pattern", one.text).Key("samples").BeginArray();
    for (const auto& [start, records] : one.steps) {
      json.BeginArray().Int(start / base::kNanosPerSecond).Uint(records).EndArray();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

LokiApi::Answer LokiApi::Series(const net::HttpRequest& request, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto context, http::ContextOf(request, parameters));
  CLEW_ASSIGN_OR_RETURN(const auto range, ReadRange(parameters, base::Clock::System().Now()));
  auto selectors = parameters.All("match[]");
  if (selectors.empty()) selectors = parameters.All("match");
  if (selectors.empty()) return base::InvalidArgument("0 matcher groups supplied");
  store::LogReader reader(store_, context);
  std::set<model::Labels> found;
  for (const std::string_view selector : selectors) {
    CLEW_ASSIGN_OR_RETURN(const auto matchers, query::logql::ParseSelector(selector));
    CLEW_ASSIGN_OR_RETURN(const auto streams, reader.Streams(matchers, range));
    found.insert(streams.begin(), streams.end());
  }
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Key("data").BeginArray();
  for (const model::Labels& labels : found) WriteLabels(json, labels);
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

LokiApi::Answer LokiApi::FormatQuery(const net::HttpRequest&, const net::Parameters& parameters) const {
  CLEW_ASSIGN_OR_RETURN(const auto query, query::logql::Parse(parameters.Get("query")));
  base::JsonWriter json;
  json.BeginObject().Field("status", "success").Field("data", query::logql::Format(query)).EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

}  // namespace clew::api::loki
