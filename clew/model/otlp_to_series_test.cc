// SPDX-License-Identifier: Apache-2.0
#include "clew/model/otlp_to_series.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "clew/model/labels.h"

namespace clew::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;

// A batch of one resource and one scope, and what the tests put into it.
class OtlpToSeries : public testing::Test {
 protected:
  OtlpToSeries() {
    batch_.resources.push_back(
        {Attributes({{"service.namespace", "shop"}, {"service.name", "cart"}, {"service.instance.id", "i-1"}}), 0, 0});
    batch_.scopes.push_back({Text("clew.flask"), Text("0.1"), {}, 0, Text("https://example.org/schema")});
  }

  StringId Text(std::string_view text) { return batch_.strings.Intern(text); }

  Range Attributes(const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::vector<KeyValue> rows;
    for (const auto& [key, value] : pairs) rows.push_back({Text(key), 0, Value::String(Text(value))});
    return batch_.attributes.AddKeyValues(rows);
  }

  uint32_t AddMetric(std::string_view name, std::string_view unit, MetricType type,
                     Temporality temporality = Temporality::kCumulative, bool is_monotonic = false) {
    Metric metric;
    metric.name = Text(name);
    metric.unit = Text(unit);
    metric.description = Text("what it is");
    metric.type = type;
    metric.temporality = temporality;
    metric.is_monotonic = is_monotonic;
    batch_.metrics.push_back(metric);
    return static_cast<uint32_t>(batch_.metrics.size() - 1);
  }

  Range Doubles(const std::vector<double>& values) {
    const Range range{static_cast<uint32_t>(batch_.doubles.size()), static_cast<uint32_t>(values.size())};
    batch_.doubles.insert(batch_.doubles.end(), values.begin(), values.end());
    return range;
  }
  Range Counts(const std::vector<uint64_t>& values) {
    const Range range{static_cast<uint32_t>(batch_.counts.size()), static_cast<uint32_t>(values.size())};
    batch_.counts.insert(batch_.counts.end(), values.begin(), values.end());
    return range;
  }

  NumberPoint& AddNumber(uint32_t metric, double value, uint64_t time = 100 * kSecond, Range attributes = {}) {
    NumberPoint point;
    point.metric = metric;
    point.time = time;
    point.start_time = 7;
    point.attributes = attributes;
    point.value = Number::Double(value);
    point.has_value = true;
    batch_.numbers.push_back(point);
    return batch_.numbers.back();
  }

  // Every sample as "labels value@time", in order.
  std::vector<std::string> Samples() {
    EXPECT_TRUE(batch_.IsConsistent());
    result_ = ToSeries(batch_, options_);
    EXPECT_TRUE(result_.series.IsConsistent());
    std::vector<std::string> lines;
    for (const SampleRow& row : result_.series.samples) {
      const bool stale = std::bit_cast<uint64_t>(row.value) == kStaleNanBits;
      lines.push_back(fmt::format("{} {}@{}", SeriesText(row.series), stale ? "stale" : fmt::format("{}", row.value),
                                  row.time / static_cast<int64_t>(kSecond)));
    }
    return lines;
  }

  std::string SeriesText(uint32_t row) const {
    const SeriesBatch& out = result_.series;
    std::vector<Label> labels;
    for (uint32_t i = 0; i < out.series[row].labels.count; ++i) {
      const LabelPair& pair = out.labels[out.series[row].labels.first + i];
      labels.push_back({std::string(out.Text(pair.name)), std::string(out.Text(pair.value))});
    }
    const Labels sorted(labels);
    EXPECT_EQ(sorted.list(), labels) << "labels must be sorted, unique and not empty";
    EXPECT_EQ(sorted.Id(), out.series[row].id);
    return sorted.ToString();
  }

  MetricBatch batch_;
  ToSeriesOptions options_;
  ToSeriesResult result_;
};

TEST_F(OtlpToSeries, SumsAndGauges) {
  AddNumber(AddMetric("requests", "{request}", MetricType::kSum, Temporality::kCumulative, true), 3, 100 * kSecond,
            Attributes({{"http.route", "/a"}, {"empty", ""}, {"__name__", "not this"}}));
  AddNumber(AddMetric("queue.length", "", MetricType::kSum, Temporality::kDelta), -2);
  AddNumber(AddMetric("load", "1", MetricType::kGauge, Temporality::kUnspecified), 0.5).value = Number::Int(4);
  EXPECT_THAT(Samples(), ElementsAre("requests_total{http_route=\"/a\", instance=\"i-1\", job=\"shop/cart\"} 3@100",
                                     "queue_length{instance=\"i-1\", job=\"shop/cart\"} -2@100",
                                     "load_ratio{instance=\"i-1\", job=\"shop/cart\"} 4@100"));
  const SeriesBatch& out = result_.series;
  EXPECT_EQ(out.series[0].type, FamilyType::kCounter);
  EXPECT_EQ(out.series[0].temporality, Temporality::kCumulative);
  EXPECT_EQ(out.Text(out.series[0].family), "requests_total");
  EXPECT_EQ(out.Text(out.series[0].help), "what it is");
  EXPECT_EQ(out.series[1].type, FamilyType::kGauge);
  EXPECT_EQ(out.series[1].temporality, Temporality::kDelta);
  EXPECT_EQ(out.samples[0].start_time, 7);
  EXPECT_EQ(result_.rejected_points, 0u);
}

TEST_F(OtlpToSeries, OnePointASeriesEachTime) {
  const uint32_t metric = AddMetric("up", "", MetricType::kGauge);
  AddNumber(metric, 1, 100 * kSecond);
  AddNumber(metric, 2, 110 * kSecond);
  EXPECT_EQ(Samples().size(), 2u);
  EXPECT_EQ(result_.series.series.size(), 1u);
}

TEST_F(OtlpToSeries, CollidingKeysAreJoinedInTheirOrder) {
  AddNumber(AddMetric("m", "", MetricType::kGauge), 1, 100 * kSecond,
            Attributes({{"a_b", "3"}, {"a.b", "2"}, {"a-b", "1"}, {"a..b", "4"}, {"job", "theirs"}}));
  EXPECT_THAT(Samples(), ElementsAre("m{a__b=\"4\", a_b=\"1;2;3\", instance=\"i-1\", job=\"shop/cart\"} 1@100"));
}

TEST_F(OtlpToSeries, ClassicHistogram) {
  HistogramPoint point;
  point.metric = AddMetric("http.server.request.duration", "s", MetricType::kHistogram);
  point.time = 100 * kSecond;
  point.count = 6;
  point.sum = 12.5;
  point.has_sum = true;
  point.explicit_bounds = Doubles({0.005, 10});
  point.bucket_counts = Counts({1, 2, 3});
  Exemplar exemplar;
  exemplar.time = 99 * kSecond;
  exemplar.value = Number::Double(7);
  exemplar.trace_id = *TraceId::FromHex("0af7651916cd43dd8448eb211c80319c");
  exemplar.filtered_attributes = Attributes({{"user.tier", "gold"}, {"trace_id", "theirs"}});
  batch_.exemplars.push_back(exemplar);
  exemplar.value = Number::Double(70);
  exemplar.filtered_attributes = Attributes({{"long", std::string(120, 'x')}});
  batch_.exemplars.push_back(exemplar);
  point.exemplars = {0, 2};
  batch_.histograms.push_back(point);
  const std::string labels = "instance=\"i-1\", job=\"shop/cart\"";
  const std::string name = "http_server_request_duration_seconds";
  EXPECT_THAT(Samples(), ElementsAre(name + "_sum{" + labels + "} 12.5@100", name + "_count{" + labels + "} 6@100",
                                     name + "_bucket{" + labels + ", le=\"0.005\"} 1@100",
                                     name + "_bucket{" + labels + ", le=\"10.0\"} 3@100",
                                     name + "_bucket{" + labels + ", le=\"+Inf\"} 6@100"));
  const SeriesBatch& out = result_.series;
  for (const SeriesRow& row : out.series) {
    EXPECT_EQ(out.Text(row.family), name);
    EXPECT_EQ(out.Text(row.unit), "seconds");
    EXPECT_EQ(row.type, FamilyType::kHistogram);
  }
  ASSERT_EQ(out.exemplars.size(), 2u);
  EXPECT_EQ(SeriesText(out.exemplars[0].series), name + "_bucket{" + labels + ", le=\"10.0\"}");
  EXPECT_EQ(SeriesText(out.exemplars[1].series), name + "_bucket{" + labels + ", le=\"+Inf\"}");
  ASSERT_EQ(out.exemplars[0].labels.count, 2u);
  EXPECT_EQ(out.Text(out.labels[out.exemplars[0].labels.first].value), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(out.Text(out.labels[out.exemplars[0].labels.first + 1].name), "user.tier");
  EXPECT_EQ(out.exemplars[1].labels.count, 1u);
}

TEST_F(OtlpToSeries, StaleMarkersKeepTheirBits) {
  AddNumber(AddMetric("m", "", MetricType::kGauge), 1).flags = kNoRecordedValue;
  batch_.numbers.back().has_value = false;
  HistogramPoint point;
  point.metric = AddMetric("h", "", MetricType::kHistogram);
  point.time = 100 * kSecond;
  point.flags = kNoRecordedValue;
  batch_.histograms.push_back(point);
  const std::string labels = "instance=\"i-1\", job=\"shop/cart\"";
  EXPECT_THAT(Samples(),
              ElementsAre("m{" + labels + "} stale@100", "h_sum{" + labels + "} stale@100",
                          "h_count{" + labels + "} stale@100", "h_bucket{" + labels + ", le=\"+Inf\"} stale@100"));
  EXPECT_EQ(result_.series.samples[0].flags, kNoRecordedValue);
}

TEST_F(OtlpToSeries, ExponentialHistogram) {
  ExponentialHistogramPoint point;
  point.metric = AddMetric("latency", "ms", MetricType::kExponentialHistogram, Temporality::kDelta);
  point.time = 100 * kSecond;
  point.count = 9;
  point.sum = 4;
  point.has_sum = true;
  point.max = 8;
  point.has_max = true;
  point.scale = 20;
  point.zero_count = 2;
  point.positive_offset = 3;
  point.positive_counts = Counts({1, 0, 4});
  point.negative_offset = -5;
  point.negative_counts = Counts({2});
  batch_.exponential_histograms.push_back(point);
  EXPECT_THAT(Samples(), IsEmpty());
  const SeriesBatch& out = result_.series;
  ASSERT_EQ(out.histograms.size(), 1u);
  const HistogramRow& row = out.histograms[0];
  EXPECT_EQ(SeriesText(row.series), "latency_milliseconds{instance=\"i-1\", job=\"shop/cart\"}");
  EXPECT_EQ(out.series[row.series].temporality, Temporality::kDelta);
  EXPECT_EQ(row.schema, 20);
  EXPECT_EQ(row.zero_threshold, 1e-128);
  EXPECT_EQ(row.count, 9);
  EXPECT_TRUE(std::isnan(row.min));
  EXPECT_EQ(row.max, 8);
  EXPECT_THAT(out.indexes, ElementsAre(4, 6, -4));
  EXPECT_THAT(out.doubles, ElementsAre(1, 4, 2));
  EXPECT_EQ(row.positive_indexes, (Range{0, 2}));
  EXPECT_EQ(row.negative_counts, (Range{2, 1}));
}

TEST_F(OtlpToSeries, Summary) {
  SummaryPoint point;
  point.metric = AddMetric("rpc", "s", MetricType::kSummary);
  point.time = 100 * kSecond;
  point.count = 2;
  point.sum = 3;
  point.quantiles = Doubles({0.5, 1});
  point.quantile_values = Doubles({1.25, 2});
  batch_.summaries.push_back(point);
  const std::string labels = "instance=\"i-1\", job=\"shop/cart\"";
  EXPECT_THAT(Samples(), ElementsAre("rpc_seconds_sum{" + labels + "} 3@100", "rpc_seconds_count{" + labels + "} 2@100",
                                     "rpc_seconds{" + labels + ", quantile=\"0.5\"} 1.25@100",
                                     "rpc_seconds{" + labels + ", quantile=\"1.0\"} 2@100"));
}

TEST_F(OtlpToSeries, TargetInfoAndPromotion) {
  batch_.resources[0].attributes = Attributes({{"service.name", "cart"}, {"host.name", "h1"}, {"os.type", "linux"}});
  options_.promoted_resource_attributes = {"host.name", "missing"};
  const uint32_t metric = AddMetric("m", "", MetricType::kGauge);
  for (const uint64_t seconds : {1000, 1010, 1150, 1160, 9000}) AddNumber(metric, 1, seconds * kSecond);
  const std::vector<std::string> samples = Samples();
  ASSERT_EQ(samples.size(), 8u);
  EXPECT_EQ(samples[0], "m{host_name=\"h1\", job=\"cart\"} 1@1000");
  EXPECT_EQ(samples[5], "target_info{host_name=\"h1\", job=\"cart\", os_type=\"linux\"} 1@1000");
  EXPECT_TRUE(samples[6].ends_with("@1150"));
  EXPECT_TRUE(samples[7].ends_with("@9000"));
}

TEST_F(OtlpToSeries, ScopeLabelsOnRequest) {
  options_.scope_labels = true;
  batch_.scopes[0].attributes = Attributes({{"team", "a"}, {"name", "dropped"}});
  AddNumber(AddMetric("m", "", MetricType::kGauge), 1);
  EXPECT_THAT(Samples(), ElementsAre("m{instance=\"i-1\", job=\"shop/cart\", otel_scope_name=\"clew.flask\", "
                                     "otel_scope_schema_url=\"https://example.org/schema\", otel_scope_team=\"a\", "
                                     "otel_scope_version=\"0.1\"} 1@100"));
}

TEST_F(OtlpToSeries, RejectsWhatHasNoSeries) {
  AddNumber(AddMetric("", "", MetricType::kGauge), 1);
  AddNumber(AddMetric("no_time", "", MetricType::kGauge), 1, 0);
  AddNumber(AddMetric("no_temporality", "", MetricType::kSum, Temporality::kUnspecified), 1);
  AddNumber(AddMetric("no_value", "", MetricType::kGauge), 1).has_value = false;
  AddNumber(AddMetric("bad_key", "", MetricType::kGauge), 1, kSecond, Attributes({{"...", "x"}}));
  HistogramPoint histogram;
  histogram.metric = AddMetric("falling", "", MetricType::kHistogram);
  histogram.time = kSecond;
  histogram.explicit_bounds = Doubles({2, 1});
  histogram.bucket_counts = Counts({1, 1, 1});
  batch_.histograms.push_back(histogram);
  ExponentialHistogramPoint exponential;
  exponential.metric = AddMetric("no_sum", "", MetricType::kExponentialHistogram);
  exponential.time = kSecond;
  batch_.exponential_histograms.push_back(exponential);
  EXPECT_THAT(Samples(), IsEmpty());
  EXPECT_EQ(result_.rejected_points, 7u);
  EXPECT_EQ(result_.reason, "a metric's name needs at least one letter or digit");
  EXPECT_THAT(result_.series.series, IsEmpty());
}

}  // namespace
}  // namespace clew::model
