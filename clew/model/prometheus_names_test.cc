// SPDX-License-Identifier: Apache-2.0
#include "clew/model/prometheus_names.h"

#include <gtest/gtest.h>

#include <limits>

namespace clew::model {
namespace {

std::string Family(std::string_view name, std::string_view unit, MetricType type = MetricType::kGauge,
                   bool is_monotonic = false) {
  const auto family = FamilyName(name, unit, type, is_monotonic);
  return family ? *family : "error: " + family.error().message;
}

TEST(FamilyName, UnitsAndTypes) {
  EXPECT_EQ(Family("http.server.request.duration", "s", MetricType::kHistogram),
            "http_server_request_duration_seconds");
  EXPECT_EQ(Family("http.server.active_requests", "{request}", MetricType::kSum), "http_server_active_requests");
  EXPECT_EQ(Family("process.cpu.time", "s", MetricType::kSum, true), "process_cpu_time_seconds_total");
  EXPECT_EQ(Family("process.memory.usage", "By", MetricType::kSum), "process_memory_usage_bytes");
  EXPECT_EQ(Family("requests.count", "1", MetricType::kSum, true), "requests_count_total");
  EXPECT_EQ(Family("cpu.usage", "1"), "cpu_usage_ratio");
  EXPECT_EQ(Family("cpu.usage_ratio", "1"), "cpu_usage_ratio");
  EXPECT_EQ(Family("cpu.usage", "1", MetricType::kHistogram), "cpu_usage");
  EXPECT_EQ(Family("disk.io", "By/s"), "disk_io_bytes_per_second");
  EXPECT_EQ(Family("rps", "{request}/s"), "rps_per_second");
  EXPECT_EQ(Family("requests_per_second", "{request}/s"), "requests_per_second");
  EXPECT_EQ(Family("fuel", "km/{trip}"), "fuel_km");
}

TEST(FamilyName, SuffixesStandOnceAndLast) {
  EXPECT_EQ(Family("http_total.requests", "", MetricType::kSum, true), "http_requests_total");
  EXPECT_EQ(Family("latency.seconds", "s"), "latency_seconds");
  EXPECT_EQ(Family("seconds_of_latency", "s"), "seconds_of_latency");
  EXPECT_EQ(Family("time_total", "s", MetricType::kSum, true), "time_seconds_total");
}

TEST(FamilyName, Characters) {
  EXPECT_EQ(Family("a..b--c__d", ""), "a_b_c_d");
  EXPECT_EQ(Family("_private", ""), "private");
  EXPECT_EQ(Family("5xx.errors", ""), "_5xx_errors");
  EXPECT_EQ(Family("job:rate5m", ""), "job:rate5m");
  EXPECT_EQ(Family("größe", "°C"), "gr_e_C");
  EXPECT_TRUE(Family("", "").starts_with("error"));
  EXPECT_TRUE(Family("@_#", "s").starts_with("error"));
}

TEST(FamilyName, OpenMetricsTakesTheSuffixOff) {
  EXPECT_EQ(OpenMetricsFamily("a_total", FamilyType::kCounter), "a");
  EXPECT_EQ(OpenMetricsFamily("a_total", FamilyType::kGauge), "a_total");
}

TEST(UnitName, Words) {
  EXPECT_EQ(UnitName("s"), "seconds");
  EXPECT_EQ(UnitName("kBy"), "kilobytes");
  EXPECT_EQ(UnitName("m/s"), "meters_per_second");
  EXPECT_EQ(UnitName("1"), "");
  EXPECT_EQ(UnitName("{packet}"), "");
  EXPECT_EQ(UnitName("{packet}/s"), "per_second");
}

TEST(LabelName, Characters) {
  EXPECT_EQ(*LabelName("http.request.method"), "http_request_method");
  EXPECT_EQ(*LabelName("a..b"), "a__b");
  EXPECT_EQ(*LabelName("_x"), "_x");
  EXPECT_EQ(*LabelName("2xx"), "key_2xx");
  EXPECT_EQ(*LabelName("größe"), "gr__e");
  EXPECT_FALSE(LabelName(""));
  EXPECT_FALSE(LabelName("._"));
}

TEST(JobName, Forms) {
  EXPECT_EQ(JobName("shop", "cart"), "shop/cart");
  EXPECT_EQ(JobName("", "cart"), "cart");
  EXPECT_EQ(JobName("shop", ""), "");
}

TEST(CanonicalFloat, AsPrometheusWritesThem) {
  EXPECT_EQ(CanonicalFloat(10), "10.0");
  EXPECT_EQ(CanonicalFloat(0), "0.0");
  EXPECT_EQ(CanonicalFloat(-2), "-2.0");
  EXPECT_EQ(CanonicalFloat(0.005), "0.005");
  EXPECT_EQ(CanonicalFloat(0.1), "0.1");
  EXPECT_EQ(CanonicalFloat(0.0001), "0.0001");
  EXPECT_EQ(CanonicalFloat(0.00001), "1e-05");
  EXPECT_EQ(CanonicalFloat(123456), "123456.0");
  EXPECT_EQ(CanonicalFloat(1e6), "1e+06");
  EXPECT_EQ(CanonicalFloat(1234567), "1.234567e+06");
  EXPECT_EQ(CanonicalFloat(1e100), "1e+100");
  EXPECT_EQ(CanonicalFloat(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(CanonicalFloat(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(CanonicalFloat(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

}  // namespace
}  // namespace clew::model
