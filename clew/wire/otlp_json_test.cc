// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "clew/wire/otlp.h"

namespace clew::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string SpanWith(std::string_view fields) {
  return fmt::format(R"({{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8efff798038103d269b633813fc60c",)"
                     R"("spanId":"eee19b7ec3c1b174"{}}}]}}]}}]}})",
                     fields);
}

std::string AttributeOf(std::string_view value) {
  return SpanWith(fmt::format(R"(,"attributes":[{{"key":"k","value":{}}}])", value));
}

// The first attribute of a span that has `value`, as text; or the error.
std::string Text(std::string_view value) {
  const auto decoded = DecodeTracesJson(AttributeOf(value));
  if (!decoded) return decoded.error().message;
  const model::SpanBatch& batch = decoded->batch;
  return ValueToText(batch.attributes, batch.strings, batch.attributes.key_values.back().value);
}

TEST(DecodeTracesJson, ReadsWhatSdksSend) {
  const auto decoded = DecodeTracesJson(R"({
    "resourceSpans": [{
      "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}],
                   "droppedAttributesCount": 1, "entityRefs": [{"type": "service", "idKeys": ["service.name"]}]},
      "schemaUrl": "https://schemas.example/1",
      "scopeSpans": [{
        "scope": {"name": "my.library", "version": "1.0.0", "attributes": [{"key": "a", "value": {"intValue": "7"}}]},
        "spans": [{
          "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "parentSpanId": "EEE19B7EC3C1B173",
          "traceState": "a=b", "flags": 257, "name": "I'm a server span", "kind": 2,
          "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
          "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
          "events": [{"timeUnixNano": "1544712660500000000", "name": "e", "attributes": [], "droppedAttributesCount": 2}],
          "links": [{"traceId": "5B8EFFF798038103D269B633813FC60D", "spanId": "EEE19B7EC3C1B175", "flags": 1}],
          "status": {"code": 2, "message": "broken"},
          "somethingNew": {"deep": [{"er": 1}]}
        }]
      }]
    }]
  })");
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::SpanBatch& batch = decoded->batch;
  ASSERT_EQ(batch.size(), 1u);
  EXPECT_EQ(batch.ResourceText(0, "service.name"), "shop");
  EXPECT_EQ(batch.trace_id[0].ToHex(), "5b8efff798038103d269b633813fc60c");
  EXPECT_EQ(batch.parent_span_id[0].ToHex(), "eee19b7ec3c1b173");
  EXPECT_EQ(batch.flags[0], 257u);
  EXPECT_EQ(batch.kind[0], model::SpanKind::kServer);
  EXPECT_EQ(batch.start_time[0], 1544712660000000000u);
  EXPECT_EQ(batch.end_time[0], 1544712661000000000u);
  EXPECT_EQ(batch.events.size(), 1u);
  EXPECT_EQ(batch.links[0].trace_id.ToHex(), "5b8efff798038103d269b633813fc60d");
  EXPECT_EQ(batch.status_code[0], model::StatusCode::kError);
  EXPECT_EQ(batch.Text(batch.scopes[0].name), "my.library");
}

TEST(DecodeTracesJson, TakesSnakeCaseAndEnumNames) {
  const auto decoded = DecodeTracesJson(R"({"resource_spans":[{"schema_url":"u","scope_spans":[{"spans":[
    {"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","kind":"SPAN_KIND_CLIENT",
     "start_time_unix_nano":1,"dropped_links_count":"3","status":{"code":"STATUS_CODE_OK"}},
    {"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b175","kind":"SPAN_KIND_OF_TOMORROW"}]}]}]})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::SpanBatch& batch = decoded->batch;
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(batch.Text(batch.resources[0].schema_url), "u");
  EXPECT_EQ(batch.kind[0], model::SpanKind::kClient);
  EXPECT_EQ(batch.kind[1], model::SpanKind::kUnspecified);
  EXPECT_EQ(batch.start_time[0], 1u);
  EXPECT_EQ(batch.dropped_links_count[0], 3u);
  EXPECT_EQ(batch.status_code[0], model::StatusCode::kOk);
}

TEST(DecodeTracesJson, EveryKindOfValue) {
  EXPECT_EQ(Text(R"({"stringValue":"a\u00e9\n"})"), "aé\n");
  EXPECT_EQ(Text(R"({"boolValue":true})"), "true");
  EXPECT_EQ(Text(R"({"intValue":"-9223372036854775808"})"), "-9223372036854775808");
  EXPECT_EQ(Text(R"({"intValue":12})"), "12");
  EXPECT_EQ(Text(R"({"intValue":1.2e3})"), "1200");
  EXPECT_EQ(Text(R"({"doubleValue":0.5})"), "0.5");
  EXPECT_EQ(Text(R"({"doubleValue":3})"), "3");
  EXPECT_EQ(Text(R"({"doubleValue":"NaN"})"), "NaN");
  EXPECT_EQ(Text(R"({"doubleValue":"-Infinity"})"), "-Infinity");
  EXPECT_EQ(Text(R"({"doubleValue":"1e-3"})"), "0.001");
  EXPECT_EQ(Text(R"({"bytesValue":"/wE="})"), "/wE=");
  EXPECT_EQ(Text(R"({"bytesValue":"_wE"})"), "/wE=");
  EXPECT_EQ(Text(R"({"arrayValue":{"values":[{"intValue":1},{},null,{"stringValue":"x"}]}})"), R"([1,null,null,"x"])");
  EXPECT_EQ(Text(R"({"kvlistValue":{"values":[{"key":"a","value":{"boolValue":false}}]}})"), R"({"a":false})");
  EXPECT_EQ(Text(R"({"arrayValue":{}})"), "[]");
  EXPECT_EQ(Text("null"), "");
  EXPECT_EQ(Text("{}"), "");
}

TEST(DecodeTracesJson, WrongTypesAreNamed) {
  EXPECT_EQ(Text(R"({"stringValue":5})"), "the body is not OTLP/JSON: stringValue must be a string");
  EXPECT_EQ(Text(R"({"intValue":"secret"})"),
            "the body is not OTLP/JSON: intValue must be a 64-bit integer, as a number or a string");
  EXPECT_EQ(Text(R"({"intValue":1.5})"), Text(R"({"intValue":"secret"})"));
  EXPECT_EQ(Text(R"({"intValue":"9223372036854775808"})"), Text(R"({"intValue":"secret"})"));
  EXPECT_EQ(Text(R"({"doubleValue":"inf"})"),
            "the body is not OTLP/JSON: doubleValue must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
  EXPECT_EQ(Text(R"({"bytesValue":"!"})"), "the body is not OTLP/JSON: bytesValue must be base64");
  EXPECT_EQ(Text(R"({"boolValue":"true"})"), "the body is not OTLP/JSON: boolValue must be true or false");
  EXPECT_EQ(Text(R"([])"), "the body is not OTLP/JSON: value must be an object");
  EXPECT_EQ(DecodeTracesJson(SpanWith(R"(,"attributes":{})")).error().message,
            "the body is not OTLP/JSON: attributes must be an array");
  EXPECT_EQ(DecodeTracesJson(SpanWith(R"(,"flags":-1)")).error().message,
            "the body is not OTLP/JSON: flags must be an unsigned 32-bit integer");
  EXPECT_EQ(DecodeTracesJson("[]").error().message, "the body is not OTLP/JSON: it must be an object");
}

TEST(DecodeTracesJson, MalformedTextIsDescribedNotQuoted) {
  for (const std::string& text :
       {std::string(""), std::string("{"), std::string("{\"secret\":}"), std::string("{\"secret\":tru}"),
        std::string("{\"secret\":1}}"), std::string("{\"secret"), std::string("{\"a\":\"\\q\"}"),
        std::string("{\"secret\":99999999999999999999}"), std::string("{\"secret\":\"\x01\"}"),
        // Also within a field that nobody reads.
        SpanWith(R"(,"unknown":{"secret":[1,}})")}) {
    const auto decoded = DecodeTracesJson(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, base::Code::kInvalidArgument);
    EXPECT_THAT(decoded.error().message, HasSubstr("the body is not JSON: "));
    EXPECT_THAT(decoded.error().message, Not(HasSubstr("secret")));
  }
}

TEST(DecodeTracesJson, WrongIdsLeaveTheSpanOut) {
  for (const std::string_view id : {"", "abc", "5b8efff798038103d269b633813fc60", "5b8efff798038103d269b633813fc60g",
                                    "W47/95gDgQPSabYzgT/GDA==", "00000000000000000000000000000000"}) {
    const auto decoded = DecodeTracesJson(SpanWith(fmt::format(R"(,"traceId":"{}")", id)));
    ASSERT_TRUE(decoded) << id;
    EXPECT_EQ(decoded->rejected, 1u) << id;
    EXPECT_FALSE(decoded->reason.empty());
    EXPECT_EQ(decoded->batch.size(), 0u);
    EXPECT_TRUE(decoded->batch.resources.empty());
  }
  EXPECT_EQ(DecodeTracesJson(SpanWith(R"(,"parentSpanId":"")"))->rejected, 0u);
  EXPECT_EQ(DecodeTracesJson(SpanWith(R"(,"parentSpanId":null)"))->rejected, 0u);
  EXPECT_EQ(DecodeTracesJson(SpanWith(R"(,"links":[{"spanId":"1"}])"))->rejected, 1u);
}

TEST(DecodeTracesJson, TextIsRepaired) {
  EXPECT_EQ(Text("{\"stringValue\":\"caf\xe9 au lait\"}"), "caf\xEF\xBF\xBD au lait");
  // JavaScript writes halves of surrogate pairs.
  EXPECT_EQ(Text(R"({"stringValue":"a\ud800b"})"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(Text(R"({"stringValue":"\udc00"})"), "\xEF\xBF\xBD");
  EXPECT_EQ(Text(R"({"stringValue":"\ud83d\ude00 \\ud800 \ud800"})"), "\xF0\x9F\x98\x80 \\ud800 \xEF\xBF\xBD");
}

TEST(DecodeTracesJson, NestingIsLimited) {
  const auto nested = [](int levels) {
    std::string value = R"({"stringValue":"deep"})";
    for (int i = 1; i < levels; ++i) value = fmt::format(R"({{"arrayValue":{{"values":[{}]}}}})", value);
    return AttributeOf(value);
  };
  EXPECT_TRUE(DecodeTracesJson(nested(model::kMaxValueDepth)));
  for (const int levels : {model::kMaxValueDepth + 1, 5000}) {
    const auto decoded = DecodeTracesJson(nested(levels));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().message, "values are nested deeper than 32 levels; flatten them");
  }
}

TEST(DecodeLogsJson, ReadsARecord) {
  const auto decoded = DecodeLogsJson(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":"SEVERITY_NUMBER_WARN2","severityText":"warn",
     "body":{"kvlistValue":{"values":[{"key":"n","value":{"intValue":"1"}}]}},"flags":1,"eventName":"e",
     "traceId":"","attributes":[{"key":"a","value":{"stringValue":"b"}}]},
    {"severityNumber":99},{"spanId":"12"}]}]}]})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::LogBatch& batch = decoded->batch;
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(decoded->rejected, 1u);
  EXPECT_EQ(batch.severity_number[0], 14);
  EXPECT_EQ(batch.severity_number[1], 0);
  EXPECT_EQ(ValueToText(batch.attributes, batch.strings, batch.body[0]), R"({"n":1})");
  EXPECT_EQ(batch.Text(batch.event_name[0]), "e");
  EXPECT_TRUE(batch.trace_id[0].IsZero());
}

TEST(DecodeMetricsJson, ReadsEveryKind) {
  const auto decoded = DecodeMetricsJson(R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[
    {"name":"g","gauge":{"dataPoints":[{"asDouble":"NaN","timeUnixNano":"5"},{"asInt":"3"},{}]}},
    {"name":"s","sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true,"dataPoints":[{"asInt":4}]}},
    {"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[
      {"count":"3","sum":1.5,"bucketCounts":["1",2,"0"],"explicitBounds":[0.5,1],"min":0.1,
       "exemplars":[{"asDouble":0.2,"spanId":"eee19b7ec3c1b174","filteredAttributes":[{"key":"k","value":{"boolValue":true}}]}]},
      {"bucketCounts":[1],"explicitBounds":[1]}]}},
    {"name":"e","exponentialHistogram":{"dataPoints":[{"scale":3,"zeroCount":"1","zeroThreshold":0.25,
      "positive":{"offset":-2,"bucketCounts":["7"]},"negative":{"bucketCounts":[]}}]}},
    {"name":"q","summary":{"dataPoints":[{"count":2,"sum":3,"quantileValues":[{"quantile":0.5,"value":1}]}]},
     "metadata":[{"key":"m","value":{"stringValue":"v"}}]}]}]}]})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  const model::MetricBatch& batch = decoded->batch;
  ASSERT_EQ(batch.metrics.size(), 5u);
  EXPECT_EQ(decoded->rejected, 1u);
  ASSERT_EQ(batch.numbers.size(), 4u);
  EXPECT_TRUE(std::isnan(batch.numbers[0].value.AsDouble()));
  EXPECT_FALSE(batch.numbers[2].has_value);
  EXPECT_EQ(batch.metrics[1].temporality, model::Temporality::kDelta);
  ASSERT_EQ(batch.histograms.size(), 1u);
  EXPECT_EQ(batch.histograms[0].exemplars.count, 1u);
  EXPECT_TRUE(batch.histograms[0].has_min && !batch.histograms[0].has_max);
  ASSERT_EQ(batch.exponential_histograms.size(), 1u);
  EXPECT_EQ(batch.exponential_histograms[0].positive_offset, -2);
  EXPECT_EQ(batch.summaries.size(), 1u);
  EXPECT_EQ(batch.metrics[4].metadata.count, 1u);
  EXPECT_TRUE(batch.IsConsistent());
}

TEST(EncodeJson, FollowsTheMapping) {
  const auto decoded = DecodeTracesJson(SpanWith(
      R"(,"name":"n","kind":3,"startTimeUnixNano":"18446744073709551615","flags":1,"attributes":[{"key":"i","value":{"intValue":7}}])"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(
      EncodeTracesJson(decoded->batch),
      R"({"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",)"
      R"("spanId":"eee19b7ec3c1b174","flags":1,"name":"n","kind":3,"startTimeUnixNano":"18446744073709551615",)"
      R"("attributes":[{"key":"i","value":{"intValue":"7"}}]}]}]}]})");
}

}  // namespace
}  // namespace clew::wire
