// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <protozero/pbf_writer.hpp>

#include "clew/wire/otlp.h"
#include "clew/wire/otlp_fields.h"
#include "clew/wire/otlp_oracle_test.h"

namespace clew::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTrace = "0123456789abcdef";
const std::string kSpan = "8 bytes!";

testdata::Span& AddSpan(testdata::Traces& request) {
  auto& group =
      request.resource_groups().empty() ? *request.add_resource_groups() : *request.mutable_resource_groups(0);
  auto& scope = group.scope_groups().empty() ? *group.add_scope_groups() : *group.mutable_scope_groups(0);
  testdata::Span& span = *scope.add_records();
  span.set_trace_id(kTrace);
  span.set_span_id(kSpan);
  return span;
}

testdata::LogRecord& AddRecord(testdata::Logs& request) {
  return *request.add_resource_groups()->add_scope_groups()->add_records();
}

template <typename List>
void Put(List& list, std::string key, std::string text) {
  auto& attribute = *list.Add();
  attribute.set_key(std::move(key));
  attribute.mutable_value()->set_string_value(std::move(text));
}

TEST(DecodeTraces, KeepsEveryField) {
  testdata::Traces request;
  auto& group = *request.add_resource_groups();
  Put(*group.mutable_resource()->mutable_attributes(), "service.name", "shop");
  group.mutable_resource()->set_dropped_attributes_count(1);
  group.set_schema_url("https://schemas.example/1");
  auto& scope_group = *group.add_scope_groups();
  scope_group.mutable_scope()->set_name("clew.flask");
  scope_group.mutable_scope()->set_version("0.1");
  scope_group.mutable_scope()->set_dropped_attributes_count(2);
  Put(*scope_group.mutable_scope()->mutable_attributes(), "scope.key", "scope value");
  scope_group.set_schema_url("https://schemas.example/2");
  testdata::Span& span = AddSpan(request);
  span.set_parent_span_id("parent!!");
  span.set_trace_state("ot=th:8");
  span.set_flags(0x301);
  span.set_name("GET /");
  span.set_kind(2);
  span.set_start_time_unix_nano(10);
  span.set_end_time_unix_nano(UINT64_MAX);
  Put(*span.mutable_attributes(), "http.route", "/");
  span.set_dropped_attributes_count(3);
  auto& event = *span.add_events();
  event.set_time_unix_nano(15);
  event.set_name("exception");
  Put(*event.mutable_attributes(), "exception.type", "ValueError");
  event.set_dropped_attributes_count(4);
  span.set_dropped_events_count(5);
  auto& link = *span.add_links();
  link.set_trace_id("fedcba9876543210");
  link.set_span_id("linked!!");
  link.set_trace_state("a=b");
  link.set_flags(0x100);
  Put(*link.mutable_attributes(), "link.key", "link value");
  link.set_dropped_attributes_count(6);
  span.set_dropped_links_count(7);
  span.mutable_status()->set_code(2);
  span.mutable_status()->set_message("broken");

  const auto decoded = DecodeTraces(request.SerializeAsString());
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::SpanBatch& batch = decoded->batch;
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_EQ(decoded->rejected, 0u);
  EXPECT_EQ(batch.ResourceText(batch.resource[0], "service.name"), "shop");
  EXPECT_EQ(batch.resources[0].dropped_attributes_count, 1u);
  EXPECT_EQ(batch.Text(batch.resources[0].schema_url), "https://schemas.example/1");
  const model::Scope& scope = batch.scopes[batch.scope[0]];
  EXPECT_EQ(batch.Text(scope.name), "clew.flask");
  EXPECT_EQ(batch.Text(scope.version), "0.1");
  EXPECT_EQ(batch.Text(scope.schema_url), "https://schemas.example/2");
  EXPECT_EQ(scope.dropped_attributes_count, 2u);
  EXPECT_EQ(FindString(batch.attributes, batch.strings, scope.attributes, "scope.key"), "scope value");
  EXPECT_EQ(batch.trace_id[0].View(), kTrace);
  EXPECT_EQ(batch.span_id[0].View(), kSpan);
  EXPECT_EQ(batch.parent_span_id[0].View(), "parent!!");
  EXPECT_EQ(batch.Text(batch.trace_state[0]), "ot=th:8");
  EXPECT_EQ(batch.flags[0], 0x301u);
  EXPECT_EQ(batch.Text(batch.name[0]), "GET /");
  EXPECT_EQ(batch.kind[0], model::SpanKind::kServer);
  EXPECT_EQ(batch.start_time[0], 10u);
  EXPECT_EQ(batch.end_time[0], UINT64_MAX);
  EXPECT_EQ(FindString(batch.attributes, batch.strings, batch.attribute_range[0], "http.route"), "/");
  EXPECT_EQ(batch.dropped_attributes_count[0], 3u);
  ASSERT_EQ(batch.event_range[0], (model::Range{0, 1}));
  EXPECT_EQ(batch.events[0].time, 15u);
  EXPECT_EQ(batch.Text(batch.events[0].name), "exception");
  EXPECT_EQ(FindString(batch.attributes, batch.strings, batch.events[0].attributes, "exception.type"), "ValueError");
  EXPECT_EQ(batch.events[0].dropped_attributes_count, 4u);
  EXPECT_EQ(batch.dropped_events_count[0], 5u);
  ASSERT_EQ(batch.link_range[0], (model::Range{0, 1}));
  EXPECT_EQ(batch.links[0].trace_id.View(), "fedcba9876543210");
  EXPECT_EQ(batch.links[0].span_id.View(), "linked!!");
  EXPECT_EQ(batch.Text(batch.links[0].trace_state), "a=b");
  EXPECT_EQ(batch.links[0].flags, 0x100u);
  EXPECT_EQ(FindString(batch.attributes, batch.strings, batch.links[0].attributes, "link.key"), "link value");
  EXPECT_EQ(batch.links[0].dropped_attributes_count, 6u);
  EXPECT_EQ(batch.dropped_links_count[0], 7u);
  EXPECT_EQ(batch.status_code[0], model::StatusCode::kError);
  EXPECT_EQ(batch.Text(batch.status_message[0]), "broken");
}

TEST(DecodeLogs, KeepsEveryField) {
  testdata::Logs request;
  testdata::LogRecord& record = AddRecord(request);
  record.set_time_unix_nano(1);
  record.set_observed_time_unix_nano(2);
  record.set_severity_number(17);
  record.set_severity_text("ERROR");
  auto& body = *record.mutable_body()->mutable_kvlist_value();
  auto& list = *body.add_values();
  list.set_key("list");
  list.mutable_value()->mutable_array_value()->add_values()->set_bool_value(true);
  list.mutable_value()->mutable_array_value()->add_values();
  auto& bytes = *body.add_values();
  bytes.set_key("bytes");
  bytes.mutable_value()->set_bytes_value("\xff\x01");
  Put(*record.mutable_attributes(), "logger", "shop.cart");
  record.set_dropped_attributes_count(3);
  record.set_flags(1);
  record.set_trace_id(kTrace);
  record.set_span_id(kSpan);
  record.set_event_name("cart.full");
  testdata::LogRecord& bare = AddRecord(request);
  bare.mutable_body()->set_string_value("plain");

  const auto decoded = DecodeLogs(request.SerializeAsString());
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::LogBatch& batch = decoded->batch;
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(batch.time[0], 1u);
  EXPECT_EQ(batch.observed_time[0], 2u);
  EXPECT_EQ(batch.severity_number[0], 17);
  EXPECT_EQ(batch.Text(batch.severity_text[0]), "ERROR");
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[0]), R"({"list":[true,null],"bytes":"/wE="})");
  EXPECT_EQ(FindString(batch.attributes, batch.strings, batch.attribute_range[0], "logger"), "shop.cart");
  EXPECT_EQ(batch.dropped_attributes_count[0], 3u);
  EXPECT_EQ(batch.flags[0], 1u);
  EXPECT_EQ(batch.trace_id[0].View(), kTrace);
  EXPECT_EQ(batch.span_id[0].View(), kSpan);
  EXPECT_EQ(batch.Text(batch.event_name[0]), "cart.full");
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[1]), "plain");
  EXPECT_TRUE(batch.trace_id[1].IsZero());
}

TEST(DecodeMetrics, KeepsEveryKind) {
  testdata::Metrics request;
  auto& metrics = *request.add_resource_groups()->add_scope_groups()->mutable_records();
  auto& sum = *metrics.Add();
  sum.set_name("requests");
  sum.set_unit("{request}");
  sum.set_description("all of them");
  sum.mutable_sum()->set_is_monotonic(true);
  sum.mutable_sum()->set_aggregation_temporality(2);
  auto& number = *sum.mutable_sum()->add_data_points();
  number.set_as_int(-7);
  number.set_start_time_unix_nano(1);
  number.set_time_unix_nano(2);
  number.set_flags(1);
  auto& exemplar = *number.add_exemplars();
  exemplar.set_as_double(0.5);
  exemplar.set_time_unix_nano(3);
  exemplar.set_trace_id(kTrace);
  exemplar.set_span_id(kSpan);
  auto& histogram = *metrics.Add();
  auto& histogram_point = *histogram.mutable_histogram()->add_data_points();
  for (const double bound : {0.1, 1.0}) histogram_point.add_explicit_bounds(bound);
  for (const uint64_t count : {1u, 2u, 3u}) histogram_point.add_bucket_counts(count);
  histogram_point.set_count(6);
  histogram_point.set_sum(0);
  auto& exponential = *metrics.Add()->mutable_exponential_histogram()->add_data_points();
  exponential.set_scale(-3);
  exponential.mutable_positive()->set_offset(-5);
  exponential.mutable_positive()->add_bucket_counts(uint64_t{1} << 40);
  exponential.mutable_negative()->add_bucket_counts(9);
  exponential.set_zero_threshold(1e-9);
  exponential.set_max(4);
  auto& summary = *metrics.Add()->mutable_summary()->add_data_points();
  for (const double quantile : {0.5, 0.99}) {
    summary.add_quantile_values()->set_quantile(quantile);
    summary.mutable_quantile_values()->rbegin()->set_value(quantile * 10);
  }

  const auto decoded = DecodeMetrics(request.SerializeAsString());
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::MetricBatch& batch = decoded->batch;
  ASSERT_EQ(batch.metrics.size(), 4u);
  EXPECT_EQ(batch.Text(batch.metrics[0].name), "requests");
  EXPECT_EQ(batch.Text(batch.metrics[0].unit), "{request}");
  EXPECT_EQ(batch.Text(batch.metrics[0].description), "all of them");
  EXPECT_EQ(batch.metrics[0].type, model::MetricType::kSum);
  EXPECT_TRUE(batch.metrics[0].is_monotonic);
  EXPECT_EQ(batch.metrics[0].temporality, model::Temporality::kCumulative);
  ASSERT_EQ(batch.numbers.size(), 1u);
  EXPECT_TRUE(batch.numbers[0].has_value && batch.numbers[0].value.is_int);
  EXPECT_EQ(batch.numbers[0].value.int_value(), -7);
  EXPECT_EQ(batch.numbers[0].flags, model::kNoRecordedValue);
  ASSERT_EQ(batch.exemplars.size(), 1u);
  EXPECT_EQ(batch.numbers[0].exemplars, (model::Range{0, 1}));
  EXPECT_EQ(batch.exemplars[0].trace_id.View(), kTrace);
  EXPECT_EQ(batch.exemplars[0].value.AsDouble(), 0.5);
  ASSERT_EQ(batch.histograms.size(), 1u);
  EXPECT_EQ(batch.histograms[0].bucket_counts.count, 3u);
  EXPECT_EQ(batch.histograms[0].explicit_bounds.count, 2u);
  EXPECT_TRUE(batch.histograms[0].has_sum);
  EXPECT_FALSE(batch.histograms[0].has_min);
  ASSERT_EQ(batch.exponential_histograms.size(), 1u);
  const auto& point = batch.exponential_histograms[0];
  EXPECT_EQ(point.scale, -3);
  EXPECT_EQ(point.positive_offset, -5);
  EXPECT_EQ(batch.counts[point.positive_counts.first], uint64_t{1} << 40);
  EXPECT_EQ(batch.counts[point.negative_counts.first], 9u);
  EXPECT_TRUE(point.has_max && !point.has_sum);
  ASSERT_EQ(batch.summaries.size(), 1u);
  EXPECT_EQ(batch.doubles[batch.summaries[0].quantiles.first + 1], 0.99);
  EXPECT_EQ(batch.doubles[batch.summaries[0].quantile_values.first + 1], 9.9);
}

TEST(DecodeTraces, LeavesOutWrongRecordsAndSaysWhy) {
  testdata::Traces request;
  AddSpan(request).set_name("first");
  AddSpan(request).set_trace_id("short");
  AddSpan(request).clear_span_id();
  AddSpan(request).set_trace_id(std::string(16, '\0'));
  AddSpan(request).set_parent_span_id("toolongforit");
  testdata::Span& linked = AddSpan(request);
  linked.add_events()->set_name("gone with its span");
  Put(*linked.mutable_attributes(), "gone", "too");
  linked.add_links()->set_trace_id("short");
  AddSpan(request).set_name("last");
  const auto decoded = DecodeTraces(request.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected, 5u);
  EXPECT_EQ(decoded->reason, "trace_id must be 16 bytes (32 hexadecimal digits)");
  ASSERT_EQ(decoded->batch.size(), 2u);
  EXPECT_EQ(decoded->batch.Text(decoded->batch.name[1]), "last");
  EXPECT_TRUE(decoded->batch.events.empty());
  EXPECT_TRUE(decoded->batch.links.empty());
  EXPECT_TRUE(decoded->batch.attributes.key_values.empty());
  EXPECT_TRUE(decoded->batch.IsConsistent());
}

TEST(DecodeLogs, AWrongIdLeavesTheRecordOut) {
  testdata::Logs request;
  AddRecord(request).set_span_id("odd");
  AddRecord(request).set_trace_id(std::string(16, '\0'));
  const auto decoded = DecodeLogs(request.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected, 1u);
  EXPECT_EQ(decoded->batch.size(), 1u);
  EXPECT_EQ(decoded->batch.resources.size(), 1u);  // the other group went with its record
}

TEST(DecodeMetrics, PointsThatDoNotFitThemselvesAreLeftOut) {
  testdata::Metrics request;
  auto& metric = *request.add_resource_groups()->add_scope_groups()->add_records();
  auto& points = *metric.mutable_histogram()->mutable_data_points();
  points.Add()->add_explicit_bounds(1);
  points.Add()->add_bucket_counts(1);
  points.Add();
  points.Add()->add_exemplars()->set_span_id("odd");
  auto decoded = DecodeMetrics(request.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected, 2u);
  EXPECT_THAT(decoded->reason, HasSubstr("bucket_counts"));
  EXPECT_EQ(decoded->batch.histograms.size(), 2u);
  EXPECT_TRUE(decoded->batch.exemplars.empty());

  auto& point = *metric.mutable_exponential_histogram()->add_data_points();
  point.mutable_positive()->set_offset(INT32_MAX);
  point.mutable_positive()->add_bucket_counts(1);
  decoded = DecodeMetrics(request.SerializeAsString());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected, 1u);
  EXPECT_TRUE(decoded->batch.counts.empty());
}

// A value that lies `levels` values deep.
std::string Nested(int levels) {
  testdata::Logs request;
  testdata::AnyValue* value = AddRecord(request).mutable_body();
  for (int i = 1; i < levels; ++i) {
    value = i % 2 == 0 ? value->mutable_array_value()->add_values()
                       : value->mutable_kvlist_value()->add_values()->mutable_value();
  }
  value->set_string_value("deep");
  return request.SerializeAsString();
}

// A message in a field.
std::string Field(uint32_t field, std::string_view message) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_bytes(field, message.data(), message.size());
  return bytes;
}

TEST(DecodeLogs, NestingIsLimited) {
  const auto deepest = DecodeLogs(Nested(model::kMaxValueDepth));
  ASSERT_TRUE(deepest) << deepest.error().message;
  EXPECT_THAT(EncodeLogs(deepest->batch), HasSubstr("deep"));
  const auto deeper = DecodeLogs(Nested(model::kMaxValueDepth + 1));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(deeper.error().message, "values are nested deeper than 32 levels; flatten them");
  // Much deeper than the stack would bear; protobuf itself could not even build it.
  std::string value = "x";
  for (int i = 0; i < 5000; ++i) value = Field(field::any_value::kArray, Field(field::value_list::kValues, value));
  const std::string record = Field(field::scope_group::kRecords, Field(field::log_record::kBody, value));
  const auto deepest_of_all = DecodeLogs(Field(1, Field(field::resource_group::kScopeGroups, record)));
  ASSERT_FALSE(deepest_of_all);
  EXPECT_EQ(deepest_of_all.error().message, deeper.error().message);
}

TEST(Decode, MalformedBytesAreDescribedNotQuoted) {
  for (const std::string& bytes : {std::string("secret password"), std::string("\x0a\x7fsecret"), std::string("\x0a"),
                                   std::string("\x0f"), std::string("\x0c"), std::string(20, '\xff')}) {
    for (const base::Error& error : {DecodeTraces(bytes).error(), DecodeLogs(bytes).error(),
                                     DecodeMetrics(bytes).error(), DecodeTracesJson(bytes).error()}) {
      EXPECT_EQ(error.code, base::Code::kInvalidArgument);
      EXPECT_THAT(error.message, HasSubstr("the body is not"));
      EXPECT_THAT(error.message, Not(HasSubstr("secret")));
    }
  }
  EXPECT_THAT(DecodeTraces("\x0a\x7f").error().message, HasSubstr("a field is longer than its message (byte 2 of 2)"));
}

TEST(Decode, WhatIsTooLargeForABatchIsRefusedUnread) {
  const std::string_view huge("x", kMaxMessageBytes + 1);
  EXPECT_EQ(DecodeLogs(huge).error().code, base::Code::kOutOfRange);
  EXPECT_EQ(DecodeLogsJson(huge).error().code, base::Code::kOutOfRange);
}

TEST(Decode, NothingIsAnEmptyBatch) {
  const auto decoded = DecodeTraces("");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batch.size(), 0u);
  EXPECT_EQ(EncodeTraces(decoded->batch), "");
}

TEST(DecodeTraces, TextIsInternedAndRepaired) {
  testdata::Traces request;
  for (int i = 0; i < 3; ++i) {
    testdata::Span& span = AddSpan(request);
    span.set_name("GET \xff/");
    Put(*span.mutable_attributes(), "k", "same");
    auto& bytes = *span.add_attributes();
    bytes.set_key("k");
    bytes.mutable_value()->set_bytes_value("GET \xff/");
  }
  const auto decoded = DecodeTraces(request.SerializeAsString());
  ASSERT_TRUE(decoded);
  const model::SpanBatch& batch = decoded->batch;
  for (size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(batch.Text(batch.name[row]), "GET \xEF\xBF\xBD/");
    const auto* attributes = &batch.attributes.key_values[batch.attribute_range[row].first];
    EXPECT_EQ(batch.Text(attributes[1].value.string_id()), "GET \xff/");
  }
  const auto clean = DecodeTraces(EncodeTraces(batch));
  const auto* rows = clean->batch.attributes.key_values.data();
  EXPECT_EQ(rows[0].value.string_id(), rows[2].value.string_id());
  EXPECT_EQ(rows[0].key, rows[1].key);
}

// What agents build by hand may share ranges and have points in any order.
TEST(EncodeMetrics, PointsMayStandInAnyOrder) {
  model::MetricBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  const model::Range shared = batch.attributes.AddKeyValues({{batch.strings.Intern("k"), 0, model::Value::Bool(true)}});
  for (const std::string_view name : {"a", "b"}) {
    model::Metric metric;
    metric.name = batch.strings.Intern(name);
    metric.type = model::MetricType::kGauge;
    batch.metrics.push_back(metric);
  }
  for (const auto& [metric, value] : {std::pair(1u, 10), std::pair(0u, 20), std::pair(1u, 30)}) {
    model::NumberPoint point;
    point.metric = metric;
    point.attributes = shared;
    point.value = model::Number::Int(value);
    point.has_value = true;
    batch.numbers.push_back(point);
  }
  ASSERT_TRUE(batch.IsConsistent());
  testdata::Metrics request;
  ASSERT_TRUE(testing::ParseByProtobuf(EncodeMetrics(batch), request));
  const auto& metrics = request.resource_groups(0).scope_groups(0).records();
  ASSERT_EQ(metrics.size(), 2);
  ASSERT_EQ(metrics[0].gauge().data_points_size(), 1);
  ASSERT_EQ(metrics[1].gauge().data_points_size(), 2);
  EXPECT_EQ(metrics[0].gauge().data_points(0).as_int(), 20);
  EXPECT_EQ(metrics[1].gauge().data_points(1).as_int(), 30);
  EXPECT_EQ(metrics[1].gauge().data_points(1).attributes_size(), 1);
  const auto through_json = DecodeMetricsJson(EncodeMetricsJson(batch));
  ASSERT_TRUE(through_json);
  EXPECT_EQ(EncodeMetrics(through_json->batch), EncodeMetrics(batch));
}

TEST(EncodeTraces, NeighboursShareTheirGroups) {
  model::SpanBatch batch;
  batch.resources.resize(2);
  batch.scopes.resize(2);
  for (const auto& [resource, scope] :
       {std::pair(0, 0), std::pair(0, 0), std::pair(0, 1), std::pair(1, 1), std::pair(0, 0)}) {
    const size_t row = batch.AddRow();
    batch.resource[row] = static_cast<uint32_t>(resource);
    batch.scope[row] = static_cast<uint32_t>(scope);
    batch.trace_id[row].bytes[0] = 1;
    batch.span_id[row].bytes[0] = 1;
  }
  testdata::Traces request;
  ASSERT_TRUE(testing::ParseByProtobuf(EncodeTraces(batch), request));
  ASSERT_EQ(request.resource_groups_size(), 3);
  ASSERT_EQ(request.resource_groups(0).scope_groups_size(), 2);
  EXPECT_EQ(request.resource_groups(0).scope_groups(0).records_size(), 2);
  EXPECT_EQ(request.resource_groups(1).scope_groups(0).records_size(), 1);
}

}  // namespace
}  // namespace clew::wire
