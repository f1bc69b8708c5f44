// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace clew::agent::drain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

Config Parse(const Environment& environment, const CommandLine& command_line = {}) {
  auto config = ParseConfig(environment, command_line);
  EXPECT_TRUE(config.has_value()) << config.error().message;
  return config.value_or(Config{});
}

TEST(Config, DefaultsAreThoseOfTheInterface) {
  const Config config = Parse({{"PATH", "/bin"}, {"OTEL_SERVICE_NAME", ""}});
  EXPECT_FALSE(config.disabled);
  EXPECT_FALSE(config.service_name);
  EXPECT_EQ(config.of(Signal::kTraces).endpoint, "http://127.0.0.1:4318/v1/traces");
  EXPECT_EQ(config.of(Signal::kLogs).endpoint, "http://127.0.0.1:4318/v1/logs");
  EXPECT_EQ(config.of(Signal::kMetrics).endpoint, "http://127.0.0.1:4318/v1/metrics");
  EXPECT_EQ(config.of(Signal::kTraces).protocol, Protocol::kHttpProtobuf);
  EXPECT_FALSE(config.of(Signal::kTraces).gzip);
  EXPECT_EQ(config.of(Signal::kTraces).timeout, 10s);
  EXPECT_EQ(config.metric_interval, 10s);
  EXPECT_TRUE(config.page);
  EXPECT_FALSE(config.page_explicit);
  EXPECT_EQ(config.page_port, 9464);
  EXPECT_EQ(config.recorder.signals, record::kSignalTraces | record::kSignalMetrics | record::kSignalLogs);
  EXPECT_EQ(config.recorder.sampler, record::Sampler::kParentBasedAlwaysOn);
  EXPECT_THAT(config.honoured, IsEmpty());
  EXPECT_THAT(config.not_honoured, IsEmpty());
}

struct Case {
  const char* name;
  const char* value;
  std::function<bool(const Config&)> holds;
};

const SignalConfig& Traces(const Config& config) { return config.of(Signal::kTraces); }
const SignalConfig& Logs(const Config& config) { return config.of(Signal::kLogs); }
const SignalConfig& Metrics(const Config& config) { return config.of(Signal::kMetrics); }
bool All(const Config& config, const std::function<bool(const SignalConfig&)>& holds) {
  return holds(Traces(config)) && holds(Logs(config)) && holds(Metrics(config));
}

std::vector<Case> GeneralCases() {
  return {
      {"OTEL_SDK_DISABLED", "true", [](const Config& c) { return c.disabled; }},
      {"OTEL_SERVICE_NAME", "shop", [](const Config& c) { return c.service_name == "shop"; }},
      {"OTEL_RESOURCE_ATTRIBUTES", "a=b,service.version=1%2C2",
       [](const Config& c) { return c.resource_attributes == KeyValuePairs{{"a", "b"}, {"service.version", "1,2"}}; }},
      {"OTEL_LOG_LEVEL", "info", [](const Config&) { return true; }},
      {"OTEL_PROPAGATORS", "tracecontext", [](const Config&) { return true; }},
      {"OTEL_TRACES_SAMPLER", "always_off",
       [](const Config& c) { return c.recorder.sampler == record::Sampler::kAlwaysOff; }},
      {"OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup,database",
       [](const Config& c) { return c.recorder.conventions == record::kHttpDup; }},
      {"OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "logs/dup",
       [](const Config& c) { return c.recorder.conventions == record::kExceptionLogsDup; }},
      {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100",
       [](const Config& c) {
         return c.recorder.attribute_value_bytes == 100 && c.recorder.log_attribute_value_bytes == 100;
       }},
      {"OTEL_ATTRIBUTE_COUNT_LIMIT", "7",
       [](const Config& c) {
         return c.recorder.span_attributes == 7 && c.recorder.log_attributes == 7 && c.recorder.event_attributes == 7;
       }},
      {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "50",
       [](const Config& c) {
         return c.recorder.attribute_value_bytes == 50 && c.recorder.log_attribute_value_bytes == UINT32_MAX;
       }},
      {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "8", [](const Config& c) { return c.recorder.span_attributes == 8; }},
      {"OTEL_SPAN_EVENT_COUNT_LIMIT", "9", [](const Config& c) { return c.recorder.span_events == 9; }},
      {"OTEL_SPAN_LINK_COUNT_LIMIT", "10", [](const Config& c) { return c.recorder.span_links == 10; }},
      {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "11", [](const Config& c) { return c.recorder.event_attributes == 11; }},
      {"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "12", [](const Config& c) { return c.recorder.link_attributes == 12; }},
      {"OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "13",
       [](const Config& c) { return c.recorder.log_attribute_value_bytes == 13; }},
      {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "14", [](const Config& c) { return c.recorder.log_attributes == 14; }},
      {"OTEL_BSP_SCHEDULE_DELAY", "250",
       [](const Config& c) { return Traces(c).delay == 250ms && Logs(c).delay == 1s; }},
      {"OTEL_BSP_EXPORT_TIMEOUT", "2000", [](const Config& c) { return Traces(c).timeout == 2s; }},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "100",
       [](const Config& c) { return Traces(c).max_queue_records == 100 && Logs(c).max_queue_records == SIZE_MAX; }},
      {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10", [](const Config& c) { return Traces(c).max_batch == 10; }},
      {"OTEL_BLRP_SCHEDULE_DELAY", "300", [](const Config& c) { return Logs(c).delay == 300ms; }},
      {"OTEL_BLRP_EXPORT_TIMEOUT", "400", [](const Config& c) { return Logs(c).timeout == 400ms; }},
      {"OTEL_BLRP_MAX_QUEUE_SIZE", "500", [](const Config& c) { return Logs(c).max_queue_records == 500; }},
      {"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "60", [](const Config& c) { return Logs(c).max_batch == 60; }},
      {"OTEL_METRIC_EXPORT_INTERVAL", "500", [](const Config& c) { return c.metric_interval == 500ms; }},
      {"OTEL_METRIC_EXPORT_TIMEOUT", "600", [](const Config& c) { return Metrics(c).timeout == 600ms; }},
      {"OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", [](const Config&) { return true; }},
      {"OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0",
       [](const Config& c) { return c.page_host == "0.0.0.0" && c.page_explicit; }},
      {"OTEL_EXPORTER_PROMETHEUS_PORT", "9999", [](const Config& c) { return c.page_port == 9999 && c.page_explicit; }},
      {"OTEL_TRACES_EXPORTER", "none",
       [](const Config& c) {
         return !Traces(c).otlp && Logs(c).otlp && (c.recorder.signals & record::kSignalTraces) == 0;
       }},
      {"OTEL_LOGS_EXPORTER", "console", [](const Config& c) { return !Logs(c).otlp && Logs(c).console; }},
      {"OTEL_METRICS_EXPORTER", "prometheus",
       [](const Config& c) {
         return !Metrics(c).otlp && c.page && (c.recorder.signals & record::kSignalMetrics) != 0;
       }},
      {"OTEL_METRICS_EXPORTER", "none",
       [](const Config& c) { return !c.page && (c.recorder.signals & record::kSignalMetrics) == 0; }},
      {"OTEL_METRICS_EXPORTER", "otlp,console",
       [](const Config& c) { return Metrics(c).otlp && Metrics(c).console && c.page; }},
      {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Cumulative", [](const Config&) { return true; }},
      {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram",
       [](const Config&) { return true; }},
  };
}

std::vector<Case> ExporterCases() {
  return {
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json",
       [](const Config& c) { return All(c, [](const auto& s) { return s.protocol == Protocol::kHttpJson; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc",
       [](const Config& c) {
         return Traces(c).protocol == Protocol::kGrpc && Traces(c).endpoint == "http://127.0.0.1:4317" &&
                Logs(c).protocol == Protocol::kHttpProtobuf;
       }},
      {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json",
       [](const Config& c) { return Logs(c).protocol == Protocol::kHttpJson; }},
      {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json",
       [](const Config& c) { return Metrics(c).protocol == Protocol::kHttpJson; }},
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:1/base",
       [](const Config& c) {
         return Traces(c).endpoint == "https://c:1/base/v1/traces" && Logs(c).endpoint == "https://c:1/base/v1/logs";
       }},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:1/own",
       [](const Config& c) { return Traces(c).endpoint == "http://c:1/own"; }},
      {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c:1/own",
       [](const Config& c) { return Logs(c).endpoint == "http://c:1/own"; }},
      {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c:1/own",
       [](const Config& c) { return Metrics(c).endpoint == "http://c:1/own"; }},
      {"OTEL_EXPORTER_OTLP_HEADERS", "X-Key=a%20b",
       [](const Config& c) {
         return All(c, [](const auto& s) { return s.headers == KeyValuePairs{{"x-key", "a b"}}; });
       }},
      {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "k=v", [](const Config& c) { return Traces(c).headers.size() == 1; }},
      {"OTEL_EXPORTER_OTLP_LOGS_HEADERS", "k=v", [](const Config& c) { return Logs(c).headers.size() == 1; }},
      {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "k=v", [](const Config& c) { return Metrics(c).headers.size() == 1; }},
      {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip",
       [](const Config& c) { return All(c, [](const auto& s) { return s.gzip; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip", [](const Config& c) { return Traces(c).gzip; }},
      {"OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip", [](const Config& c) { return Logs(c).gzip; }},
      {"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip", [](const Config& c) { return Metrics(c).gzip; }},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "1500",
       [](const Config& c) { return All(c, [](const auto& s) { return s.timeout == 1500ms; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1", [](const Config& c) { return Traces(c).timeout == 1ms; }},
      {"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2", [](const Config& c) { return Logs(c).timeout == 2ms; }},
      {"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "3", [](const Config& c) { return Metrics(c).timeout == 3ms; }},
      {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca",
       [](const Config& c) { return All(c, [](const auto& s) { return s.certificate_file == "/ca"; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/ca",
       [](const Config& c) { return Traces(c).certificate_file == "/ca"; }},
      {"OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/ca", [](const Config& c) { return Logs(c).certificate_file == "/ca"; }},
      {"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "/ca",
       [](const Config& c) { return Metrics(c).certificate_file == "/ca"; }},
      {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cc",
       [](const Config& c) { return All(c, [](const auto& s) { return s.client_certificate_file == "/cc"; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/cc",
       [](const Config& c) { return Traces(c).client_certificate_file == "/cc"; }},
      {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", "/cc",
       [](const Config& c) { return Logs(c).client_certificate_file == "/cc"; }},
      {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/cc",
       [](const Config& c) { return Metrics(c).client_certificate_file == "/cc"; }},
      {"OTEL_EXPORTER_OTLP_CLIENT_KEY", "/ck",
       [](const Config& c) { return All(c, [](const auto& s) { return s.client_key_file == "/ck"; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/ck",
       [](const Config& c) { return Traces(c).client_key_file == "/ck"; }},
      {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/ck", [](const Config& c) { return Logs(c).client_key_file == "/ck"; }},
      {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/ck",
       [](const Config& c) { return Metrics(c).client_key_file == "/ck"; }},
      {"OTEL_EXPORTER_OTLP_INSECURE", "true",
       [](const Config& c) { return All(c, [](const auto& s) { return s.insecure; }); }},
      {"OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true", [](const Config& c) { return Traces(c).insecure; }},
      {"OTEL_EXPORTER_OTLP_LOGS_INSECURE", "true", [](const Config& c) { return Logs(c).insecure; }},
      {"OTEL_EXPORTER_OTLP_METRICS_INSECURE", "true", [](const Config& c) { return Metrics(c).insecure; }},
  };
}

TEST(Config, EveryHonouredVariableTakesEffectAndIsNamed) {
  std::vector<Case> cases = GeneralCases();
  for (Case& one : ExporterCases()) cases.push_back(std::move(one));
  for (const Case& one : cases) {
    const Config config = Parse({{one.name, one.value}});
    EXPECT_TRUE(one.holds(config)) << one.name << "=" << one.value;
    EXPECT_THAT(config.honoured, ElementsAre(one.name)) << one.value;
    EXPECT_THAT(config.not_honoured, IsEmpty()) << one.name;
  }
}

TEST(Config, WhatMakesNoSenseIsNamedAndChangesNothing) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"OTEL_SDK_DISABLED", "yes"},
      {"OTEL_TRACES_SAMPLER", "jaeger_remote"},
      {"OTEL_TRACES_SAMPLER_ARG", "0.5"},  // the default sampler takes none
      {"OTEL_TRACES_EXPORTER", "zipkin"},
      {"OTEL_TRACES_EXPORTER", "prometheus"},
      {"OTEL_TRACES_EXPORTER", "none,otlp"},
      {"OTEL_METRICS_EXPORTER", "statsd"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"},
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c:1"},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "nowhere"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "a b=c"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0ab"},
      {"OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "10s"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "-1"},
      {"OTEL_METRIC_EXPORT_INTERVAL", "0"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "0"},
      {"OTEL_RESOURCE_ATTRIBUTES", "a"},
      {"OTEL_EXPORTER_PROMETHEUS_PORT", "70000"},
      {"OTEL_SPAN_EVENT_COUNT_LIMIT", "many"},
      {"OTEL_PROPAGATORS", "b3"},
      {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"},
      {"OTEL_SEMCONV_STABILITY_OPT_IN", "messaging"},
      {"OTEL_PYTHON_EXCLUDED_URLS", "healthz"},
      {"OTEL_SOMETHING_OF_NEXT_YEAR", "1"},
  };
  for (const auto& [name, value] : cases) {
    const Config config = Parse({{name, value}});
    ASSERT_EQ(config.not_honoured.size(), 1u) << name << "=" << value;
    EXPECT_EQ(config.not_honoured[0].first, name);
    EXPECT_FALSE(config.not_honoured[0].second.empty());
    EXPECT_THAT(config.honoured, IsEmpty()) << name;
    EXPECT_EQ(Traces(config).endpoint, "http://127.0.0.1:4318/v1/traces");
    EXPECT_TRUE(Traces(config).otlp);
    EXPECT_THAT(Traces(config).headers, IsEmpty());
  }
}

TEST(Config, SecretsInValuesAreNotQuoted) {
  const Config config = Parse({{"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%zz-topsecret"}});
  ASSERT_EQ(config.not_honoured.size(), 1u);
  EXPECT_THAT(config.not_honoured[0].second, testing::Not(HasSubstr("topsecret")));
}

TEST(Config, SamplerRatioBecomesAThreshold) {
  const Config config =
      Parse({{"OTEL_TRACES_SAMPLER_ARG", "0.25"}, {"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}});
  EXPECT_EQ(config.recorder.sampler, record::Sampler::kParentBasedRatio);
  EXPECT_EQ(config.recorder.threshold, uint64_t{3} << 54);  // ot=th:c
  EXPECT_EQ(config.honoured.size(), 2u);
  EXPECT_EQ(ThresholdOf(1), 0u);
  EXPECT_EQ(ThresholdOf(0), uint64_t{1} << 56);
  EXPECT_EQ(ThresholdOf(0.5), uint64_t{1} << 55);
  const Config wrong = Parse({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "1.5"}});
  EXPECT_EQ(wrong.recorder.threshold, 0u);
  EXPECT_EQ(wrong.not_honoured.size(), 1u);
}

TEST(Config, OneSignalsOwnVariableGoesBeforeTheCommonOne) {
  const Config config = Parse({{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "own=1"},
                               {"OTEL_EXPORTER_OTLP_HEADERS", "common=1"},
                               {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5"},
                               {"OTEL_EXPORTER_OTLP_TIMEOUT", "7"},
                               {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://common:1/"},
                               {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://own:2"}});
  EXPECT_THAT(Traces(config).headers, ElementsAre(Pair("own", "1")));
  EXPECT_THAT(Logs(config).headers, ElementsAre(Pair("common", "1")));
  EXPECT_EQ(Traces(config).timeout, 5ms);
  EXPECT_EQ(Logs(config).timeout, 7ms);
  EXPECT_EQ(Traces(config).endpoint, "http://common:1/v1/traces");
  EXPECT_EQ(Logs(config).endpoint, "http://own:2");
}

TEST(Config, GrpcEndpointsMayLackAScheme) {
  EXPECT_EQ(EndpointOf(Signal::kTraces, Protocol::kGrpc, "", "c:4317", true), "http://c:4317");
  EXPECT_EQ(EndpointOf(Signal::kTraces, Protocol::kGrpc, "", "c:4317", false), "https://c:4317");
  EXPECT_EQ(EndpointOf(Signal::kTraces, Protocol::kGrpc, "http://own:1", "c:4317", false), "http://own:1");
}

TEST(Config, CommandLineGoesFirst) {
  CommandLine line;
  line.service = "mine";
  line.endpoint = "http://c:1";
  line.prometheus = "127.0.0.1:0";
  const Config config = Parse({{"OTEL_SERVICE_NAME", "other"},
                               {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://d:2"},
                               {"OTEL_EXPORTER_PROMETHEUS_PORT", "1234"}},
                              line);
  EXPECT_EQ(config.service_name, "mine");
  EXPECT_EQ(Traces(config).endpoint, "http://c:1/v1/traces");
  EXPECT_EQ(config.page_port, 0);
  EXPECT_TRUE(config.page_explicit);
  line.prometheus = "none";
  EXPECT_FALSE(Parse({}, line).page);
  for (const char* wrong : {"9464", "host:port", "127.0.0.1:99999"}) {
    line.prometheus = wrong;
    const auto refused = ParseConfig({}, line);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, base::Code::kInvalidArgument);
  }
  line.prometheus.reset();
  line.endpoint = "c:4318";
  EXPECT_FALSE(ParseConfig({}, line));
}

TEST(Config, ClewsOwnVariables) {
  EXPECT_TRUE(Parse({{"CLEW_DISABLED", "1"}}).disabled);
  EXPECT_FALSE(Parse({{"CLEW_DISABLED", "0"}}).disabled);
  EXPECT_FALSE(Parse({{"CLEW_DISABLED", ""}}).disabled);
  EXPECT_EQ(Parse({{"CLEW_LOG_IDS", "off"}}).recorder.conventions, record::kNoLogIds);
}

TEST(KeyValueList, TakesTheFormsPeopleWrite) {
  EXPECT_EQ(*ParseKeyValueList(" a = b , ,c=d=e,f= ,%6b=%2C"),
            (KeyValuePairs{{"a", "b"}, {"c", "d=e"}, {"f", ""}, {"k", ","}}));
  EXPECT_TRUE(ParseKeyValueList("")->empty());
  for (const char* wrong : {"a", "=b", "a=%", "a=%4", "a=%gg", "a=%ff"})
    EXPECT_FALSE(ParseKeyValueList(wrong)) << wrong;
}

}  // namespace
}  // namespace clew::agent::drain
