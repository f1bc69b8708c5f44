// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/prometheus_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace clew::wire {
namespace {

using model::FamilyType;

std::vector<MetricFamily> Families() {
  std::vector<MetricFamily> families;
  MetricFamily& counter = families.emplace_back();
  counter.name = "shop_orders_total";
  counter.help = "Orders \\ of\n\"all\" kinds";
  counter.type = FamilyType::kCounter;
  counter.samples.push_back({"",
                             {{"path", "a\"b\\c\nd"}, {"b.ad:key", "Grüße"}},
                             17,
                             TextExemplar{{{"trace_id", "0af7"}}, 1, 1'500'000'000}});
  counter.samples.push_back({"_created", {}, 1234.5, std::nullopt});
  MetricFamily& histogram = families.emplace_back();
  histogram.name = "http_server_request_duration_seconds";
  histogram.help = "Duration";
  histogram.unit = "seconds";
  histogram.type = FamilyType::kHistogram;
  const std::vector<std::optional<TextExemplar>> exemplars = {
      std::nullopt,
      TextExemplar{{{"trace_id", "0af7651916cd43dd8448eb211c80319c"}, {"span_id", "b7ad6b7169203331"}}, 0.25, 0},
      TextExemplar{{{"much", std::string(130, 'x')}}, 20, 0}};
  AddHistogram(histogram, std::vector<model::Label>{{"http_route", "/"}}, std::vector{0.005, 10.0},
               std::vector<uint64_t>{1, 2, 3}, 1e-5, exemplars);
  MetricFamily& info = families.emplace_back();
  info.name = "target_info";
  info.type = FamilyType::kInfo;
  info.samples.push_back({"", {{"service_version", "1"}}, 1, std::nullopt});
  MetricFamily& gauge = families.emplace_back();
  gauge.name = "9lives";
  gauge.unit = "lives";
  gauge.type = FamilyType::kUnknown;
  for (const double value :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), -0.5, 1e21}) {
    gauge.samples.push_back({"", {}, value, std::nullopt});
  }
  return families;
}

TEST(PrometheusText, Format004) {
  EXPECT_EQ(WritePrometheusText(Families(), TextFormat::kPrometheus),
            R"(# HELP shop_orders_total Orders \\ of\n"all" kinds
# TYPE shop_orders_total counter
shop_orders_total{path="a\"b\\c\nd",b_ad_key="Grüße"} 17
# HELP http_server_request_duration_seconds Duration
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/",le="0.005"} 1
http_server_request_duration_seconds_bucket{http_route="/",le="10.0"} 3
http_server_request_duration_seconds_bucket{http_route="/",le="+Inf"} 6
http_server_request_duration_seconds_sum{http_route="/"} 1e-05
http_server_request_duration_seconds_count{http_route="/"} 6
# HELP target_info 
# TYPE target_info gauge
target_info{service_version="1"} 1
# HELP _9lives 
# TYPE _9lives untyped
_9lives +Inf
_9lives NaN
_9lives -0.5
_9lives 1e+21
)");
}

TEST(PrometheusText, OpenMetrics) {
  EXPECT_EQ(WritePrometheusText(Families(), TextFormat::kOpenMetrics), R"(# HELP shop_orders Orders \\ of\n\"all\" kinds
# TYPE shop_orders counter
shop_orders_total{path="a\"b\\c\nd",b_ad_key="Grüße"} 17 # {trace_id="0af7"} 1 1.500
shop_orders_created 1234.5
# HELP http_server_request_duration_seconds Duration
# TYPE http_server_request_duration_seconds histogram
# UNIT http_server_request_duration_seconds seconds
http_server_request_duration_seconds_bucket{http_route="/",le="0.005"} 1
http_server_request_duration_seconds_bucket{http_route="/",le="10.0"} 3 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 0.25
http_server_request_duration_seconds_bucket{http_route="/",le="+Inf"} 6
http_server_request_duration_seconds_sum{http_route="/"} 1e-05
http_server_request_duration_seconds_count{http_route="/"} 6
# HELP target 
# TYPE target info
target_info{service_version="1"} 1
# HELP _9lives 
# TYPE _9lives unknown
_9lives +Inf
_9lives NaN
_9lives -0.5
_9lives 1e+21
# EOF
)");
}

TEST(PrometheusText, TheAcceptHeaderDecides) {
  using enum TextFormat;
  EXPECT_EQ(TextFormatFor(""), kPrometheus);
  EXPECT_EQ(TextFormatFor("*/*"), kPrometheus);
  EXPECT_EQ(TextFormatFor("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), kPrometheus);
  // Prometheus 2 and 3.
  EXPECT_EQ(
      TextFormatFor("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
      kOpenMetrics);
  EXPECT_EQ(TextFormatFor("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                          "text/plain;version=0.0.4;q=0.2, */*;q=0.1"),
            kOpenMetrics);
  EXPECT_EQ(TextFormatFor("text/plain, application/openmetrics-text; q=0.1"), kPrometheus);
  EXPECT_EQ(TextFormatFor("application/openmetrics-text;q=0"), kPrometheus);
  EXPECT_EQ(TextFormatFor("Application/OpenMetrics-Text ; Version=1.0.0"), kOpenMetrics);
  EXPECT_EQ(TextFormatFor("application/openmetrics-text;version=2.0.0"), kPrometheus);
}

}  // namespace
}  // namespace clew::wire
