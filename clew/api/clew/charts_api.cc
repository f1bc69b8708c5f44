// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/charts_api.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "clew/api/clew/parameters.h"
#include "clew/api/clew/telemetry_json.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/store/log_reader.h"
#include "clew/store/log_template_reader.h"
#include "clew/store/span_reader.h"

namespace clew::api::clew_api {
namespace {

constexpr uint32_t kDefaultPoints = 60;
constexpr uint32_t kMaxPoints = 500;
constexpr uint32_t kDefaultTemplates = 100;
constexpr uint32_t kMaxTemplates = 1000;

// OpenTelemetry's severity numbers come in fours: 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal.
constexpr std::array<std::string_view, 7> kLevels = {"unknown", "trace", "debug", "info", "warn", "error", "critical"};
size_t LevelOf(uint8_t severity) { return severity == 0 || severity > 24 ? 0 : size_t{1} + (severity - 1) / 4; }

// Steps of one length from `first` on that cover a range.
struct Grid {
  base::UnixNanos first = 0;
  std::chrono::nanoseconds step{};
  size_t count = 0;

  size_t Place(base::UnixNanos start) const { return static_cast<size_t>((start - first) / step.count()); }
};

// The shortest step of at least `least` that a person would choose and that needs no more than `points`; charts then
// keep still while time goes on.
Grid GridOf(store::TimeRange range, uint32_t points, std::chrono::nanoseconds least) {
  static constexpr std::array<int64_t, 17> kSeconds = {1,   2,   5,    10,   15,    30,    60,    120,  300,
                                                       600, 900, 1800, 3600, 10800, 21600, 43200, 86400};
  const int64_t length = range.to - range.from;
  int64_t step = 0;
  for (const int64_t seconds : kSeconds) {
    step = seconds * base::kNanosPerSecond;
    if (step >= least.count() && length / step < points) break;
  }
  while (length / step >= points) step *= 2;
  const base::UnixNanos first = range.from / step * step;
  return {first, std::chrono::nanoseconds(step), static_cast<size_t>((range.to - 1 - first) / step + 1)};
}

base::Result<Grid> ReadGrid(const net::Parameters& parameters, store::TimeRange range,
                            std::chrono::nanoseconds least = std::chrono::seconds(1)) {
  net::Parameters limit;
  if (parameters.Has("points")) limit.Add("limit", std::string(parameters.Get("points")));
  const auto points = ReadLimit(limit, kDefaultPoints, kMaxPoints);
  if (!points) return base::InvalidArgument("parameter 'points': expected a number from 1 to 500");
  return GridOf(range, *points, least);
}

void WriteGrid(const Grid& grid, base::JsonWriter& json) {
  json.Field("start", base::FormatTime(grid.first));
  json.Field("step_ms", std::chrono::duration<double, std::milli>(grid.step).count());
  json.Field("points", uint64_t{grid.count});
}

template <typename Write>
void Series(std::string_view name, const std::vector<const store::ServiceStats*>& points, base::JsonWriter& json,
            Write write) {
  json.Key(name).BeginArray();
  for (const store::ServiceStats* point : points) write(point);
  json.EndArray();
}

void WriteHistory(const std::vector<const store::ServiceStats*>& points, base::JsonWriter& json) {
  Series("requests", points, json, [&](const auto* point) { json.Uint(point == nullptr ? 0 : point->count); });
  Series("errors", points, json, [&](const auto* point) { json.Uint(point == nullptr ? 0 : point->errors); });
  const auto quantile = [&](std::string_view name, double store::ServiceStats::* member) {
    Series(name, points, json, [&](const store::ServiceStats* point) {
      point == nullptr ? json.Null() : json.Double(point->*member / 1e6);
    });
  };
  quantile("p50_ms", &store::ServiceStats::p50);
  quantile("p95_ms", &store::ServiceStats::p95);
  quantile("p99_ms", &store::ServiceStats::p99);
}

// What every question here begins with.
struct Asked {
  model::RequestContext context;
  store::TimeRange range;
  std::string service;
};

base::Result<Asked> ReadAsked(const net::HttpRequest& request, bool service_needed) {
  CLEW_ASSIGN_OR_RETURN(model::RequestContext context, http::ContextOf(request));
  CLEW_ASSIGN_OR_RETURN(const store::TimeRange range, ReadRange(request.query, base::Clock::System().Now()));
  std::string service(request.query.Get("service"));
  if (service_needed && service.empty()) return base::InvalidArgument("parameter 'service': expected a service's name");
  return Asked{std::move(context), range, std::move(service)};
}

void BeginAnswer(store::TimeRange range, base::JsonWriter& json) {
  json.BeginObject().Field("from", base::FormatTime(range.from)).Field("to", base::FormatTime(range.to));
}

net::HttpResponse Finish(base::JsonWriter& json) {
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

}  // namespace

void ChartsApi::Register(net::HttpRouter& router) const {
  using Method = net::HttpResponse (ChartsApi::*)(const net::HttpRequest&) const;
  const auto add = [&](const char* pattern, Method method) {
    router.Add("GET", pattern,
               net::Synchronous([this, method](const net::HttpRequest& request) { return (this->*method)(request); }));
  };
  add("/api/clew/services/history", &ChartsApi::History);
  add("/api/clew/operations", &ChartsApi::Operations);
  add("/api/clew/instances", &ChartsApi::Instances);
  add("/api/clew/logs/histogram", &ChartsApi::Histogram);
  add("/api/clew/logs/templates", &ChartsApi::Templates);
}

net::HttpResponse ChartsApi::History(const net::HttpRequest& request) const {
  const auto asked = ReadAsked(request, false);
  if (!asked) return http::JsonError(asked.error());
  const auto grid = ReadGrid(request.query, asked->range);
  if (!grid) return http::JsonError(grid.error());
  const auto steps = store::SpanReader(store_, asked->context).StatsOverTime(asked->range, grid->step, asked->service);
  if (!steps) return http::JsonError(steps.error());
  base::JsonWriter json;
  BeginAnswer(asked->range, json);
  WriteGrid(*grid, json);
  json.Key("services").BeginArray();
  for (auto row = steps->begin(); row != steps->end();) {
    const std::string& service = row->stats.service;
    std::vector<const store::ServiceStats*> points(grid->count);
    json.BeginObject().Field("service", service);
    for (; row != steps->end() && row->stats.service == service; ++row) {
      if (const size_t place = grid->Place(row->start); place < points.size()) points[place] = &row->stats;
    }
    WriteHistory(points, json);
    json.EndObject();
  }
  return Finish(json);
}

net::HttpResponse ChartsApi::Operations(const net::HttpRequest& request) const {
  const auto asked = ReadAsked(request, true);
  if (!asked) return http::JsonError(asked.error());
  const auto operations = store::SpanReader(store_, asked->context).StatsOfOperations(asked->service, asked->range);
  if (!operations) return http::JsonError(operations.error());
  base::JsonWriter json;
  BeginAnswer(asked->range, json);
  json.Key("operations").BeginArray();
  for (const store::OperationStats& operation : *operations) {
    json.BeginObject().Field("operation", operation.operation);
    WriteStats(operation.stats, asked->range, json);
    json.EndObject();
  }
  return Finish(json);
}

net::HttpResponse ChartsApi::Instances(const net::HttpRequest& request) const {
  const auto asked = ReadAsked(request, true);
  if (!asked) return http::JsonError(asked.error());
  const auto instances = store::SpanReader(store_, asked->context).StatsOfInstances(asked->service, asked->range);
  if (!instances) return http::JsonError(instances.error());
  base::JsonWriter json;
  BeginAnswer(asked->range, json);
  json.Key("instances").BeginArray();
  for (const store::InstanceStats& instance : *instances) {
    json.BeginObject().Field("instance", instance.instance).Field("version", instance.version);
    json.Field("host", instance.host);
    json.Field("last_request", base::FormatTime(static_cast<base::UnixNanos>(instance.last_start)));
    WriteStats(instance.stats, asked->range, json);
    json.EndObject();
  }
  return Finish(json);
}

net::HttpResponse ChartsApi::Histogram(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto query = ReadLogQuery(request.query, base::Clock::System().Now());
  if (!query) return http::JsonError(query.error());
  const auto grid = ReadGrid(request.query, query->range);
  if (!grid) return http::JsonError(grid.error());
  const auto counts = store::LogReader(store_, *context).Count(*query, grid->step);
  if (!counts) return http::JsonError(counts.error());
  std::array<std::vector<uint64_t>, kLevels.size()> series;
  for (const store::LogCount& count : *counts) {
    const size_t level = LevelOf(count.severity);
    series[level].resize(grid->count);
    if (const size_t place = grid->Place(count.start); place < grid->count) series[level][place] += count.count;
  }
  base::JsonWriter json;
  BeginAnswer(query->range, json);
  WriteGrid(*grid, json);
  json.Key("levels").BeginArray();
  for (size_t level = 0; level < kLevels.size(); ++level) {
    if (series[level].empty()) continue;
    json.BeginObject().Field("level", kLevels[level]).Key("counts").BeginArray();
    for (const uint64_t count : series[level]) json.Uint(count);
    json.EndArray().EndObject();
  }
  return Finish(json);
}

net::HttpResponse ChartsApi::Templates(const net::HttpRequest& request) const {
  constexpr std::chrono::minutes kMinute{1};
  const auto asked = ReadAsked(request, false);
  if (!asked) return http::JsonError(asked.error());
  const auto limit = ReadLimit(request.query, kDefaultTemplates, kMaxTemplates);
  if (!limit) return http::JsonError(limit.error());
  auto grid = ReadGrid(request.query, asked->range, kMinute);
  if (!grid) return http::JsonError(grid.error());
  const auto found = store::LogTemplateReader(store_, asked->context)
                         .Find(asked->range, asked->service, static_cast<uint32_t>(grid->step / kMinute));
  if (!found) return http::JsonError(found.error());
  // The minutes at both ends are counted whole.
  grid->count = static_cast<size_t>((found->range.to - 1 - grid->first) / grid->step.count() + 1);
  base::JsonWriter json;
  BeginAnswer(found->range, json);
  WriteGrid(*grid, json);
  json.Field("complete", found->is_complete).Field("total", uint64_t{found->templates.size()});
  json.Key("templates").BeginArray();
  for (size_t i = 0; i < found->templates.size() && i < *limit; ++i) {
    const store::LogTemplate& one = found->templates[i];
    json.BeginObject().Field("service", one.service).Field("id", fmt::format("{:016x}", one.id));
    json.Field("template", one.text)
        .Field("records", one.records)
        .Field("level", kLevels[LevelOf(one.severity_number)]);
    json.Field("first_seen", base::FormatTime(one.first_time)).Field("last_seen", base::FormatTime(one.last_time));
    json.Field("example", one.example);
    if (!one.example_trace_id.IsZero()) json.Field("example_trace_id", one.example_trace_id.ToHex());
    std::vector<uint64_t> counts(grid->count);
    for (const auto& [start, records] : one.steps) {
      if (const size_t place = grid->Place(start); place < counts.size()) counts[place] += records;
    }
    json.Key("counts").BeginArray();
    for (const uint64_t count : counts) json.Uint(count);
    json.EndArray().EndObject();
  }
  return Finish(json);
}

}  // namespace clew::api::clew_api
