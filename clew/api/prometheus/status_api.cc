// SPDX-License-Identifier: Apache-2.0
// What the server says of itself below /api/v1/status.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clew/api/prometheus/prometheus_api.h"
#include "clew/api/prometheus/response.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/model/labels.h"
#include "clew/query/promql/engine.h"
#include "clew/query/promql/text.h"
#include "clew/store/series_reader.h"

namespace clew::api::prometheus {
namespace {

// The Prometheus whose API and PromQL these are.
constexpr std::string_view kPrometheusVersion = "3.14.0";

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

using Counts = std::map<std::string, uint64_t>;

// The `limit` largest, as a list of names and values.
void WriteLargest(base::JsonWriter& json, std::string_view key, const Counts& counts, size_t limit) {
  std::vector<std::pair<std::string, uint64_t>> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  json.Key(key).BeginArray();
  for (size_t i = 0; i < std::min(limit, sorted.size()); ++i) {
    json.BeginObject().Field("name", sorted[i].first).Field("value", sorted[i].second).EndObject();
  }
  json.EndArray();
}

}  // namespace

base::Result<net::HttpResponse> PrometheusApi::BuildInfo(const net::HttpRequest&, const net::Parameters&,
                                                         const model::RequestContext&) const {
  base::JsonWriter json;
  json.BeginObject()
      .Field("version", kPrometheusVersion)
      .Field("revision", "clew")
      .Field("branch", "clew")
      .Field("buildUser", "")
      .Field("buildDate", "")
      .Field("goVersion", "")
      .EndObject();
  return Success(json.View());
}

base::Result<net::HttpResponse> PrometheusApi::RuntimeInfo(const net::HttpRequest&, const net::Parameters&,
                                                           const model::RequestContext&) const {
  base::JsonWriter json;
  json.BeginObject()
      .Field("startTime", base::FormatTime(start_time_))
      .Field("hostname", HostName())
      .Field("serverTime", base::FormatTime(clock_.Now()))
      .Field("GOMAXPROCS", std::thread::hardware_concurrency())
      .EndObject();
  return Success(json.View());
}

// A prometheus.yml of what is fixed here; clients read the evaluation interval from it.
base::Result<net::HttpResponse> PrometheusApi::Config(const net::HttpRequest&, const net::Parameters&,
                                                      const model::RequestContext&) const {
  const query::promql::EngineOptions options;
  base::JsonWriter json;
  json.BeginObject()
      .Field("yaml", fmt::format("global:\n  evaluation_interval: {}\n",
                                 query::promql::FormatPromDuration(options.default_subquery_step_ms)))
      .EndObject();
  return Success(json.View());
}

// What of Prometheus' flags has a meaning here, with the values in force.
base::Result<net::HttpResponse> PrometheusApi::Flags(const net::HttpRequest&, const net::Parameters&,
                                                     const model::RequestContext&) const {
  const query::promql::EngineOptions options;
  base::JsonWriter json;
  json.BeginObject()
      .Field("query.lookback-delta", query::promql::FormatPromDuration(options.lookback_ms))
      .Field("query.timeout", "2m")
      .EndObject();
  return Success(json.View());
}

base::Result<net::HttpResponse> PrometheusApi::TsdbStatus(const net::HttpRequest&, const net::Parameters& parameters,
                                                          const model::RequestContext& context) const {
  size_t limit = 10;
  if (const std::string_view text = parameters.Get("limit"); !text.empty()) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || rest != text.data() + text.size() || limit < 1) {
      return base::InvalidArgument("limit must be a positive number");
    }
    if (limit > 10'000) return base::InvalidArgument("limit must not exceed 10000");
  }
  store::SeriesReader reader(store_, context);
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::SeriesPtr> all, reader.Select({}, {}));
  Counts by_metric;
  Counts by_pair;
  std::map<std::string, std::set<std::string>> values_by_name;
  for (const store::SeriesPtr& series : all) {
    ++by_metric[std::string(series->labels.Get(model::kMetricName))];
    for (const model::Label& label : series->labels) {
      ++by_pair[label.name + "=" + label.value];
      values_by_name[label.name].insert(label.value);
    }
  }
  Counts values;
  Counts bytes;
  for (const auto& [name, texts] : values_by_name) {
    values[name] = texts.size();
    for (const std::string& text : texts) bytes[name] += text.size();
  }
  base::JsonWriter json;
  json.BeginObject()
      .Key("headStats")
      .BeginObject()
      .Field("numSeries", static_cast<uint64_t>(all.size()))
      .Field("numLabelPairs", static_cast<uint64_t>(by_pair.size()))
      .EndObject();
  WriteLargest(json, "seriesCountByMetricName", by_metric, limit);
  WriteLargest(json, "labelValueCountByLabelName", values, limit);
  WriteLargest(json, "memoryInBytesByLabelName", bytes, limit);
  WriteLargest(json, "seriesCountByLabelValuePair", by_pair, limit);
  json.EndObject();
  return Success(json.View());
}

}  // namespace clew::api::prometheus
