// SPDX-License-Identifier: Apache-2.0
// Over real HTTP, from a real store; asked by our client and by Debian's promtool.
#include "clew/api/prometheus/prometheus_api.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/prometheus/parameters.h"
#include "clew/model/otlp_to_series.h"
#include "clew/net/http_client.h"
#include "clew/net/http_server.h"
#include "clew/store/store.h"

namespace clew::api::prometheus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// 2026-11-24T19:40:00Z
constexpr int64_t kStart = 1795549200;
constexpr uint64_t kNanos = 1'000'000'000;

class FixedClock final : public base::Clock {
 public:
  base::UnixNanos Now() const override { return (kStart + 300) * base::kNanosPerSecond; }
};

// OTLP metrics of one resource, as they come in.
class MetricsMaker {
 public:
  explicit MetricsMaker(std::string_view service) {
    batch_.resources.push_back({Attributes({{"service.name", service}, {"service.instance.id", "i1"}}), 0, 0});
    batch_.scopes.emplace_back();
  }

  model::Range Attributes(const std::vector<std::pair<std::string_view, std::string_view>>& pairs) {
    std::vector<model::KeyValue> rows;
    for (const auto& [key, value] : pairs) {
      rows.push_back({Text(key), 0, model::Value::String(Text(value))});
    }
    return batch_.attributes.AddKeyValues(rows);
  }

  uint32_t Metric(std::string_view name, std::string_view unit, model::MetricType type, bool monotonic,
                  model::Temporality temporality = model::Temporality::kCumulative) {
    model::Metric metric;
    metric.name = Text(name);
    metric.unit = Text(unit);
    metric.description = Text("Help for it.");
    metric.type = type;
    metric.temporality = temporality;
    metric.is_monotonic = monotonic;
    batch_.metrics.push_back(metric);
    return static_cast<uint32_t>(batch_.metrics.size() - 1);
  }

  void Number(uint32_t metric, int64_t seconds, double value, model::Range attributes = {}) {
    model::NumberPoint point;
    point.metric = metric;
    point.time = static_cast<uint64_t>(kStart + seconds) * kNanos;
    point.attributes = attributes;
    point.value = model::Number::Double(value);
    point.has_value = true;
    batch_.numbers.push_back(point);
  }

  void Histogram(uint32_t metric, int64_t seconds, const std::vector<double>& bounds,
                 const std::vector<uint64_t>& counts) {
    model::HistogramPoint point;
    point.metric = metric;
    point.time = static_cast<uint64_t>(kStart + seconds) * kNanos;
    point.explicit_bounds = {static_cast<uint32_t>(batch_.doubles.size()), static_cast<uint32_t>(bounds.size())};
    batch_.doubles.insert(batch_.doubles.end(), bounds.begin(), bounds.end());
    point.bucket_counts = {static_cast<uint32_t>(batch_.counts.size()), static_cast<uint32_t>(counts.size())};
    batch_.counts.insert(batch_.counts.end(), counts.begin(), counts.end());
    for (const uint64_t count : counts) point.count += count;
    model::Exemplar exemplar;
    exemplar.time = point.time - kNanos / 2;
    exemplar.value = model::Number::Double(0.3);
    exemplar.trace_id = *model::TraceId::FromHex("0af7651916cd43dd8448eb211c80319c");
    point.exemplars = {static_cast<uint32_t>(batch_.exemplars.size()), 1};
    batch_.exemplars.push_back(exemplar);
    batch_.histograms.push_back(point);
  }

  // Of scale 0, with buckets from (1, 2] on.
  void Exponential(uint32_t metric, int64_t seconds, const std::vector<uint64_t>& counts, double sum) {
    model::ExponentialHistogramPoint point;
    point.metric = metric;
    point.time = static_cast<uint64_t>(kStart + seconds) * kNanos;
    point.positive_counts = {static_cast<uint32_t>(batch_.counts.size()), static_cast<uint32_t>(counts.size())};
    batch_.counts.insert(batch_.counts.end(), counts.begin(), counts.end());
    for (const uint64_t count : counts) point.count += count;
    point.sum = sum;
    point.has_sum = true;
    batch_.exponential_histograms.push_back(point);
  }

  model::SeriesBatch ToSeries() const { return model::ToSeries(batch_).series; }

 private:
  model::StringId Text(std::string_view text) { return batch_.strings.Intern(text); }

  model::MetricBatch batch_;
};

// One store and one server for all tests: the engine is one a process.
class World {
 public:
  World() {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("clew-prometheus-api-{}", getpid());
    std::filesystem::create_directories(folder_);
    auto store = store::Store::Open({folder_.string()});
    if (!store) {
      error_ = store.error().message;
      return;
    }
    store_ = *std::move(store);
    Fill();
    api_ = std::make_unique<PrometheusApi>(*store_, clock_);
    auto router = std::make_shared<net::HttpRouter>();
    api_->Register(*router);
    auto server = net::HttpServer::Start({}, router);
    if (!server) {
      error_ = server.error().message;
      return;
    }
    server_ = *std::move(server);
  }
  ~World() {
    server_.reset();
    api_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::string& error() const { return error_; }
  std::string url() const { return "http://" + server_->address().ToString(); }

 private:
  void Fill() {
    MetricsMaker shop("cart");
    const uint32_t requests = shop.Metric("http.requests", "{request}", model::MetricType::kSum, true);
    const model::Range get = shop.Attributes({{"http.method", "GET"}});
    const model::Range post = shop.Attributes({{"http.method", "POST"}});
    for (int64_t i = 0; i <= 20; ++i) {
      shop.Number(requests, i * 15, static_cast<double>(i * 30), get);
      shop.Number(requests, i * 15, static_cast<double>(i * 15), post);
    }
    const uint32_t load = shop.Metric("load", "1", model::MetricType::kGauge, false);
    shop.Number(load, 300, 0.25);
    const uint32_t delta = shop.Metric("jobs", "", model::MetricType::kSum, true, model::Temporality::kDelta);
    for (int64_t i = 1; i <= 20; ++i) shop.Number(delta, i * 15, 5);
    const uint32_t latency = shop.Metric("latency", "s", model::MetricType::kHistogram, false);
    shop.Histogram(latency, 0, {0.1, 0.5, 1}, {0, 0, 0, 0});
    shop.Histogram(latency, 300, {0.1, 0.5, 1}, {4, 4, 2, 0});
    const uint32_t sizes = shop.Metric("sizes", "By", model::MetricType::kExponentialHistogram, false);
    shop.Exponential(sizes, 240, {1, 2}, 6);
    shop.Exponential(sizes, 300, {2, 4, 2}, 21);
    const uint32_t delta_sizes =
        shop.Metric("delta.sizes", "By", model::MetricType::kExponentialHistogram, false, model::Temporality::kDelta);
    shop.Exponential(delta_sizes, 285, {1, 2}, 6);
    shop.Exponential(delta_sizes, 300, {1, 2}, 6);
    Insert("anonymous", shop.ToSeries());
    MetricsMaker other("theirs");
    other.Number(other.Metric("secret", "", model::MetricType::kGauge, false), 300, 1);
    Insert("team-b", other.ToSeries());
  }

  void Insert(std::string_view tenant, const model::SeriesBatch& batch) {
    const std::array<store::ArrivedBatch<model::SeriesBatch>, 1> batches{
        {{*model::TenantId::Parse(tenant), (kStart + 301) * base::kNanosPerSecond, &batch}}};
    const auto status = store_->Insert(store::Cut<model::SeriesBatch>{batches, fmt::format("test-{}", tenant)});
    if (!status) error_ = status.error().message;
  }

  FixedClock clock_;
  std::filesystem::path folder_;
  std::string error_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<PrometheusApi> api_;
  std::unique_ptr<net::HttpServer> server_;
};

class PrometheusApiTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new World;
    ASSERT_EQ(world_->error(), "");
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }

  net::HttpResponse Send(net::ClientRequest request) {
    const auto response = client_.Send(request, std::chrono::seconds(30));
    EXPECT_TRUE(response) << response.error().message;
    return response.value_or(net::HttpResponse{0, {}, {}, {}});
  }
  net::HttpResponse Get(const std::string& target, const std::string& tenant = {}) {
    net::ClientRequest request;
    request.method = "GET";
    request.url = world_->url() + target;
    if (!tenant.empty()) request.headers.emplace_back("X-Scope-OrgID", tenant);
    return Send(std::move(request));
  }
  net::HttpResponse Post(const std::string& target, const std::string& form) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = world_->url() + target;
    request.content_type = "application/x-www-form-urlencoded";
    request.body = form;
    return Send(std::move(request));
  }
  static std::string Query(std::string_view query, std::string_view more = {}) {
    return fmt::format("/api/v1/query?query={}{}", net::PercentEncode(query), more);
  }
  // The data of a successful answer.
  std::string Data(const std::string& target) {
    const net::HttpResponse response = Get(target);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    const std::string_view start = R"({"status":"success","data":)";
    EXPECT_THAT(response.body, StartsWith(std::string(start)));
    return response.body.substr(start.size(), response.body.size() - start.size() - 1);
  }
  void ExpectError(const std::string& target, int status, const std::string& type, const std::string& part) {
    const net::HttpResponse response = Get(target);
    EXPECT_EQ(response.status, status) << target << " " << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(response.body, StartsWith(R"({"status":"error","errorType":")" + type + "\",\"error\":\""));
    EXPECT_THAT(response.body, HasSubstr(part));
  }

  static World* world_;
  net::HttpClient client_;
};
World* PrometheusApiTest::world_ = nullptr;

TEST_F(PrometheusApiTest, InstantQueries) {
  EXPECT_EQ(Data(Query("load_ratio")),
            R"({"resultType":"vector","result":[{"metric":{"__name__":"load_ratio","instance":"i1","job":"cart"},)"
            R"("value":[1795549500,"0.25"]}]})");
  EXPECT_EQ(Data(Query("round(sum(rate(http_requests_total[1m])), 0.001)", "&time=1795549499.5")),
            R"({"resultType":"vector","result":[{"metric":{},"value":[1795549499.500,"3"]}]})");
  EXPECT_EQ(Data(Query("1 / 0", "&time=2026-11-24T19:45:00.123Z")),
            R"({"resultType":"scalar","result":[1795549500.123,"+Inf"]})");
  EXPECT_EQ(Data(Query("\"a<b\"")), R"({"resultType":"string","result":[1795549500,"a<b"]})");
  EXPECT_EQ(Data(Query("http_requests_total{http_method=\"GET\"}[30s]")),
            R"({"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","http_method":"GET",)"
            R"("instance":"i1","job":"cart"},"values":[[1795549485,"570"],[1795549500,"600"]]}]})");
  EXPECT_EQ(Data(Query("nothing")), R"({"resultType":"vector","result":[]})");
  EXPECT_EQ(
      Data(Query("histogram_quantile(0.5, latency_seconds_bucket)")),
      R"({"resultType":"vector","result":[{"metric":{"instance":"i1","job":"cart"},"value":[1795549500,"0.2"]}]})");
  // A lookback shorter than the distance to the newest sample finds nothing.
  EXPECT_EQ(Data(Query("load_ratio", "&time=1795549520&lookback_delta=10s")), R"({"resultType":"vector","result":[]})");
}

TEST_F(PrometheusApiTest, NativeHistograms) {
  EXPECT_EQ(
      Data(Query("sizes_bytes")),
      R"({"resultType":"vector","result":[{"metric":{"__name__":"sizes_bytes","instance":"i1","job":"cart"},)"
      R"("histogram":[1795549500,{"count":"8","sum":"21","buckets":[[0,"1","2","2"],[0,"2","4","4"],[0,"4","8","2"]]}]}]})");
  EXPECT_EQ(Data(Query("histogram_quantile(0.5, sizes_bytes) + histogram_count(sizes_bytes)")),
            R"({"resultType":"vector","result":[{"metric":{"instance":"i1","job":"cart"},)"
            R"("value":[1795549500,"10.82842712474619"]}]})");
  EXPECT_EQ(Data("/api/v1/query_range?query=sizes_bytes&start=1795549440&end=1795549500&step=60"),
            R"({"resultType":"matrix","result":[{"metric":{"__name__":"sizes_bytes","instance":"i1","job":"cart"},)"
            R"("histograms":[[1795549440,{"count":"3","sum":"6","buckets":[[0,"1","2","1"],[0,"2","4","2"]]}],)"
            R"([1795549500,{"count":"8","sum":"21","buckets":[[0,"1","2","2"],[0,"2","4","4"],[0,"4","8","2"]]}]]}]})");
  EXPECT_EQ(
      Data(Query("histogram_sum(delta_sizes_bytes)")),
      R"({"resultType":"vector","result":[{"metric":{"instance":"i1","job":"cart"},"value":[1795549500,"12"]}]})");
  // Floats and histograms of one selector.
  EXPECT_EQ(Data(Query("count({__name__=~\"sizes_bytes|load_ratio\"})")),
            R"({"resultType":"vector","result":[{"metric":{},"value":[1795549500,"2"]}]})");
}

TEST_F(PrometheusApiTest, DeltaStreamsAreCounters) {
  EXPECT_EQ(
      Data(Query("increase(jobs_total[1m])", "&time=1795549500")),
      R"({"resultType":"vector","result":[{"metric":{"instance":"i1","job":"cart"},"value":[1795549500,"20"]}]})");
}

TEST_F(PrometheusApiTest, RangeQueries) {
  const std::string target =
      "/api/v1/query_range?query=http_requests_total%7Bhttp_method%3D%22POST%22%7D&start=1795549200&end="
      "1795549230&step=15";
  EXPECT_EQ(Data(target),
            R"({"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","http_method":"POST",)"
            R"("instance":"i1","job":"cart"},"values":[[1795549200,"0"],[1795549215,"15"],[1795549230,"30"]]}]})");
  EXPECT_EQ(Post("/api/v1/query_range",
                 "query=vector(time())&start=2026-11-24T19:40:00Z&end=2026-11-24T19:40:01.5%2B00:00&step=750ms")
                .body,
            R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1795549200,)"
            R"("1795549200"],[1795549200.750,"1795549200.75"],[1795549201.500,"1795549201.5"]]}]}})");
}

TEST_F(PrometheusApiTest, WarningsInfosAndLimits) {
  EXPECT_THAT(Get(Query("rate(load_ratio[10m])")).body, Not(HasSubstr("infos")));
  EXPECT_THAT(Get(Query("histogram_quantile(2, latency_seconds_bucket)")).body,
              HasSubstr("\"warnings\":[\"PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)\"]"));
  const net::HttpResponse limited = Get(Query("http_requests_total", "&limit=1"));
  EXPECT_THAT(limited.body, HasSubstr(R"("warnings":["results truncated due to limit"])"));
  EXPECT_THAT(limited.body, Not(HasSubstr("POST")));
}

TEST_F(PrometheusApiTest, Errors) {
  ExpectError(Query("sum("), 400, "bad_data",
              R"(invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis)");
  ExpectError("/api/v1/query", 400, "bad_data", "no expression found in input");
  ExpectError(Query("1", "&time=yesterday"), 400, "bad_data",
              R"(invalid parameter \"time\": invalid time value for 'time': cannot parse \"yesterday\")");
  ExpectError(Query("1", "&limit=-1"), 400, "bad_data", "limit must be non-negative");
  ExpectError(Query("http_requests_total * on(job) load_ratio"), 422, "execution",
              "many-to-one matching must be explicit");
  ExpectError(Query("1", "&timeout=never"), 400, "bad_data", "timeout");
  ExpectError(Query("rate(http_requests_total[5m])", "&timeout=0.000001"), 503, "timeout",
              "query timed out in expression evaluation");
  const std::string range = "/api/v1/query_range?query=1";
  ExpectError(range, 400, "bad_data", R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)");
  ExpectError(range + "&start=2&end=1&step=1", 400, "bad_data", "end timestamp must not be before start time");
  ExpectError(range + "&start=1&end=2&step=0", 400, "bad_data", "zero or negative query resolution step widths");
  ExpectError(range + "&start=1&end=2&step=x", 400, "bad_data", R"(cannot parse \"x\" to a valid duration)");
  ExpectError(range + "&start=0&end=11001&step=1", 400, "bad_data", "exceeded maximum resolution of 11,000 points");
  ExpectError("/api/v1/query_range?query=x[5m]&start=0&end=1&step=1", 400, "bad_data", "invalid expression type");
  ExpectError("/api/v1/series", 400, "bad_data", "no match[] parameter provided");
  ExpectError("/api/v1/series?match[]=%7B%7D", 400, "bad_data", "at least one non-empty matcher");
  ExpectError("/api/v1/labels?match[]=%7B", 400, "bad_data", "parse error");
  ExpectError("/api/v1/query?query=%GG", 400, "bad_data", "form");
}

TEST_F(PrometheusApiTest, UnknownAndMissingRoutes) {
  ExpectError("/api/v1/nope", 404, "not_found", "");
  ExpectError("/api/v1/rules", 501, "execution", "/api/v1/rules is not supported yet by Clew");
  const net::HttpResponse wrong_method = Post("/api/v1/metadata", "");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.Header("Allow"), "GET, HEAD");
  EXPECT_THAT(wrong_method.body, StartsWith(R"({"status":"error")"));
  EXPECT_EQ(Post("/api/v1/write", "").status, 501);
}

TEST_F(PrometheusApiTest, LabelsValuesAndSeries) {
  EXPECT_EQ(Data("/api/v1/labels"), R"(["__name__","http_method","instance","job","le"])");
  EXPECT_EQ(Data("/api/v1/labels?match[]=load_ratio&match[]=http_requests_total"),
            R"(["__name__","http_method","instance","job"])");
  EXPECT_EQ(Data("/api/v1/label/http_method/values"), R"(["GET","POST"])");
  EXPECT_EQ(Data("/api/v1/label/le/values"), R"(["+Inf","0.1","0.5","1.0"])");
  EXPECT_EQ(Data("/api/v1/label/__name__/values?match[]=%7Ble%3D%220.1%22%7D"), R"(["latency_seconds_bucket"])");
  EXPECT_EQ(Data("/api/v1/label/U__http_5f_method/values"), R"(["GET","POST"])");
  EXPECT_EQ(Data("/api/v1/label/none/values"), "[]");
  EXPECT_THAT(Get("/api/v1/label/le/values?limit=1").body,
              HasSubstr(R"(["+Inf"],"warnings":["results truncated due to limit"])"));
  EXPECT_EQ(Data("/api/v1/series?match[]=load_ratio&match[]=%7B__name__%3D~%22load.*%22%7D"),
            R"([{"__name__":"load_ratio","instance":"i1","job":"cart"}])");
  EXPECT_EQ(Data("/api/v1/series?match[]=load_ratio&end=1795540000"), "[]");
  EXPECT_EQ(Data("/api/v1/series?match[]=load_ratio&start=-292273086-05-16T16%3A47%3A06Z"),
            R"([{"__name__":"load_ratio","instance":"i1","job":"cart"}])");
}

TEST_F(PrometheusApiTest, MetadataAndExemplars) {
  EXPECT_EQ(Data("/api/v1/metadata?metric=latency_seconds"),
            R"({"latency_seconds":[{"type":"histogram","help":"Help for it.","unit":"seconds"}]})");
  EXPECT_THAT(Data("/api/v1/metadata"), HasSubstr(R"("http_requests_total":[{"type":"counter")"));
  EXPECT_EQ(Data("/api/v1/metadata?limit=0"), "{}");
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=latency_seconds_bucket&start=1795549490&end=1795549500"),
            R"([{"seriesLabels":{"__name__":"latency_seconds_bucket","instance":"i1","job":"cart","le":"0.5"},)"
            R"("exemplars":[{"labels":{"trace_id":"0af7651916cd43dd8448eb211c80319c"},"value":"0.3",)"
            R"("timestamp":1795549499.500}]}])");
}

TEST_F(PrometheusApiTest, FormatParseAndStatus) {
  EXPECT_EQ(Data("/api/v1/format_query?query=sum%28a%29by%28b%29"), "\"sum by (b) (a)\"");
  EXPECT_THAT(Data("/api/v1/parse_query?query=a%7Bb%3D%22c%22%7D%20offset%201m"),
              HasSubstr(R"("type":"vectorSelector","name":"a","offset":60000)"));
  EXPECT_THAT(Data("/api/v1/status/buildinfo"), StartsWith(R"({"version":"3.)"));
  EXPECT_THAT(Data("/api/v1/status/runtimeinfo"), HasSubstr(R"("serverTime":"2026-11-24T19:45:00Z")"));
  EXPECT_THAT(Data("/api/v1/status/flags"), HasSubstr(R"("query.lookback-delta":"5m")"));
  EXPECT_THAT(Data("/api/v1/status/config"), HasSubstr("evaluation_interval: 1m"));
  EXPECT_THAT(Data("/api/v1/status/tsdb?limit=1"),
              HasSubstr(R"("seriesCountByMetricName":[{"name":"latency_seconds_bucket","value":4}])"));
}

TEST_F(PrometheusApiTest, TenantsSeeTheirOwn) {
  EXPECT_THAT(Get("/api/v1/labels", "team-b").body, HasSubstr(R"(["__name__","instance","job"])"));
  EXPECT_THAT(Get(Query("secret"), "team-b").body, HasSubstr("theirs"));
  EXPECT_EQ(Data(Query("secret")), R"({"resultType":"vector","result":[]})");
  EXPECT_EQ(Get("/api/v1/labels", "a b").status, 400);
}

// What Debian's own client makes of the answers.
std::string Promtool(const std::string& arguments) {
  FILE* pipe = popen(("promtool " + arguments + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  while (pipe != nullptr) {
    const size_t size = fread(buffer.data(), 1, buffer.size(), pipe);
    if (size == 0) break;
    output.append(buffer.data(), size);
  }
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  return status == 0 ? output : fmt::format("promtool ended with {}: {}", status, output);
}

TEST_F(PrometheusApiTest, PromtoolReadsTheAnswers) {
  const std::string url = world_->url();
  EXPECT_EQ(Promtool("query instant --time=1795549500 " + url + " 'sum by (http_method) (http_requests_total)'"),
            "{http_method=\"GET\"} => 600 @[1795549500]\n{http_method=\"POST\"} => 300 @[1795549500]\n");
  EXPECT_EQ(Promtool("query range --start=1795549200 --end=1795549215 --step=15s " + url + " load_ratio"), "\n");
  EXPECT_EQ(Promtool("query range --start=1795549200 --end=1795549215 --step=15s " + url +
                     " 'http_requests_total{http_method=\"GET\"}'"),
            "http_requests_total{http_method=\"GET\", instance=\"i1\", job=\"cart\"} =>\n0 @[1795549200]\n30 "
            "@[1795549215]\n");
  EXPECT_EQ(Promtool("query series --match=load_ratio --start=1795549200 --end=1795549600 " + url),
            "{__name__=\"load_ratio\", instance=\"i1\", job=\"cart\"}\n");
  EXPECT_EQ(Promtool("query labels " + url + " http_method"), "GET\nPOST\n");
  EXPECT_THAT(Promtool("query instant " + url + " 'sum('"), HasSubstr("unclosed left parenthesis"));
}

TEST(Parameters, TimesAndDurations) {
  EXPECT_EQ(*ParseTime("1435781451.781"), 1435781451781);
  EXPECT_EQ(*ParseTime("-1.5"), -1500);
  EXPECT_EQ(*ParseTime("1e9"), 1000000000000);
  EXPECT_EQ(*ParseTime("2015-07-01T20:10:51.781+02:00"), 1435774251781);
  EXPECT_EQ(*ParseTime("1e30"), int64_t{1} << 53);
  for (const char* wrong : {"", "now", "2015-07-01", "NaN", "Inf", "12:00", "2015-07-01 20:10:51Z"}) {
    EXPECT_FALSE(ParseTime(wrong)) << wrong;
  }
  EXPECT_EQ(*ParseDuration("15"), 15000);
  EXPECT_EQ(*ParseDuration("0.25"), 250);
  EXPECT_EQ(*ParseDuration("1h30m"), 5400000);
  for (const char* wrong : {"", "1x", "1e30", "m"}) EXPECT_FALSE(ParseDuration(wrong)) << wrong;
}

TEST(Parameters, EscapedLabelNames) {
  EXPECT_EQ(UnescapeLabelName("job"), "job");
  EXPECT_EQ(UnescapeLabelName("U__http_2e_method"), "http.method");
  EXPECT_EQ(UnescapeLabelName("U__a__b"), "a_b");
  EXPECT_EQ(UnescapeLabelName("U___fc_"), "ü");
  EXPECT_EQ(UnescapeLabelName("U__bad_zz_"), "U__bad_zz_");
}

}  // namespace
}  // namespace clew::api::prometheus
