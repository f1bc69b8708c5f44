// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "clew/agent/record/record_test_support.h"
#include "clew/agent/record/sampler.h"

namespace clew::agent::record {
namespace {

using ::testing::ElementsAre;

std::string FullSpan() {
  uint8_t buffer[4096];
  Encoder encoder(buffer, sizeof buffer);
  SpanFixed fixed{};
  for (int i = 0; i < 16; ++i) fixed.trace_id[i] = static_cast<uint8_t>(i + 1);
  for (int i = 0; i < 8; ++i) fixed.span_id[i] = static_cast<uint8_t>(i + 100);
  fixed.start = 1000;
  fixed.end = 2000;
  fixed.flags = kFlagSampled | kFlagRandom;
  fixed.kind = 2;
  fixed.status = 2;
  fixed.dropped_events = 3;
  encoder.Put(fixed);
  encoder.Scope("shop", "1.2", "https://example.org/schema");
  encoder.Text("GET /cart");
  encoder.Text("ot=th:8");
  encoder.Text("it broke");
  AttributeListEncoder attributes(encoder, 128, UINT32_MAX);
  attributes.Text(kHttpRoute, "/cart");
  attributes.Number(kHttpResponseStatusCode, int64_t{500});
  attributes.Number("ratio", 0.5);
  attributes.Number("flag", true);
  attributes.Add([&] {
    encoder.Key("list");
    encoder.Put(ValueType::kArray);
    encoder.Put(uint16_t{2});
    encoder.Value("a");
    encoder.Put(ValueType::kKeyValueList);
    encoder.Put(uint16_t{1});
    encoder.Key("inner");
    encoder.Value(int64_t{-7});
  });
  attributes.Finish();
  encoder.Put(uint16_t{1});
  encoder.Put(int64_t{1500});
  encoder.Put(uint8_t{0});
  encoder.Put(uint32_t{0});
  encoder.Text("exception");
  AttributeListEncoder event(encoder, 128, UINT32_MAX);
  event.Text(kExceptionType, "ValueError");
  event.Finish();
  encoder.Put(uint16_t{1});
  encoder.Bytes(fixed.trace_id, 16);
  encoder.Bytes(fixed.span_id, 8);
  encoder.Put(uint32_t{kFlagHasIsRemote});
  encoder.Put(uint32_t{4});
  encoder.Text("a=b");
  encoder.Put(uint16_t{0});
  return std::string(encoder.View());
}

std::string FullLog() {
  uint8_t buffer[1024];
  Encoder encoder(buffer, sizeof buffer);
  LogFixed fixed{};
  fixed.time_unix = 5;
  fixed.severity = 17;
  encoder.Put(fixed);
  encoder.Scope(kScopeLogging);
  encoder.Text("ERROR");
  encoder.Text("");
  encoder.Value("order failed");
  AttributeListEncoder attributes(encoder, 128, UINT32_MAX);
  attributes.Text(kCodeFunctionName, "checkout");
  attributes.Finish();
  return std::string(encoder.View());
}

std::string FullDefinition() {
  uint8_t buffer[1024];
  Encoder encoder(buffer, sizeof buffer);
  encoder.Put(MetricKind::kHistogram);
  encoder.Put(uint8_t{0});
  encoder.Scope(kScopeFlask);
  encoder.Text("http.server.request.duration");
  encoder.Text("s");
  encoder.Text("Duration of HTTP server requests.");
  encoder.Put(uint16_t{2});
  encoder.Put(0.1);
  encoder.Put(1.0);
  AttributeListEncoder attributes(encoder, 128, UINT32_MAX);
  attributes.Text(kHttpRequestMethod, "GET");
  attributes.Finish();
  return std::string(encoder.View());
}

TEST(RecordFormat, SpanReadsBackAsWritten) {
  const std::string payload = FullSpan();
  const auto span = DecodeSpan(payload);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->scope.name, "shop");
  EXPECT_EQ(span->scope.schema_url, "https://example.org/schema");
  EXPECT_EQ(span->name, "GET /cart");
  EXPECT_EQ(span->trace_state, "ot=th:8");
  EXPECT_EQ(span->status_message, "it broke");
  EXPECT_EQ(span->fixed.dropped_events, 3u);
  std::vector<std::string> keys;
  AttributeReader attributes(span->attributes);
  AttributeView attribute;
  while (attributes.Next(attribute)) keys.emplace_back(attribute.key);
  EXPECT_THAT(keys, ElementsAre("http.route", "http.response.status_code", "ratio", "flag", "list"));
  ASSERT_EQ(attribute.value.type, ValueType::kArray);
  ValueReader elements = attribute.value.elements();
  ValueView element;
  ASSERT_TRUE(elements.Next(element));
  EXPECT_EQ(element.text, "a");
  ASSERT_TRUE(elements.Next(element));
  AttributeReader inner = element.attributes();
  ASSERT_TRUE(inner.Next(attribute));
  EXPECT_EQ(attribute.key, "inner");
  EXPECT_EQ(attribute.value.int_value, -7);
  EXPECT_FALSE(elements.Next(element));
  EventReader events = span->events();
  EventView event;
  ASSERT_TRUE(events.Next(event));
  EXPECT_EQ(event.name, "exception");
  LinkReader links = span->links();
  LinkView link;
  ASSERT_TRUE(links.Next(link));
  EXPECT_EQ(link.dropped_attributes, 4u);
  EXPECT_EQ(link.trace_state, "a=b");
}

TEST(RecordFormat, EveryPrefixIsRefused) {
  for (const std::string& payload : {FullSpan(), FullLog(), FullDefinition()}) {
    for (size_t size = 0; size < payload.size(); ++size) {
      const std::string_view cut(payload.data(), size);
      EXPECT_FALSE(DecodeSpan(cut));
      EXPECT_FALSE(DecodeLog(cut));
      EXPECT_FALSE(DecodeDefinition(cut));
    }
  }
  EXPECT_TRUE(DecodeLog(FullLog()));
  EXPECT_TRUE(DecodeDefinition(FullDefinition()));
  EXPECT_EQ(DecodeDefinition(FullDefinition())->bound(1), 1.0);
}

TEST(RecordFormat, EndlessNestingIsRefused) {
  std::string value(1 + 2, '\0');
  std::string bytes = {1, 0, 0, 1, 0, 'k'};  // one attribute, literal key "k"
  for (int i = 0; i < 10000; ++i) bytes += {static_cast<char>(ValueType::kArray), 1, 0};
  bytes += '\0';
  EXPECT_FALSE(DecodeAttributes(bytes));
}

// Writes the seeds of fuzz target ring_record where CLEW_WRITE_CORPUS names its folder.
TEST(RecordFormat, CorpusSeedsAreWellFormed) {
  const char* folder = std::getenv("CLEW_WRITE_CORPUS");
  const std::pair<const char*, std::string> seeds[] = {
      {"span", FullSpan()}, {"log", FullLog()}, {"definition", FullDefinition()}};
  for (const auto& [name, bytes] : seeds) {
    EXPECT_TRUE(DecodeSpan(bytes) || DecodeLog(bytes) || DecodeDefinition(bytes)) << name;
    if (folder == nullptr) continue;
    // First byte: the record type the fuzz target gives it; see ring_record_fuzz.cc.
    std::ofstream(std::filesystem::path(folder) / name, std::ios::binary)
        << static_cast<char>(name == std::string_view("log") ? 3 : 2) << bytes;
  }
}

TEST(Encoder, DropsWhatDoesNotFit) {
  uint8_t buffer[64];
  Encoder encoder(buffer, sizeof buffer);
  AttributeListEncoder attributes(encoder, 3, UINT32_MAX);
  EXPECT_TRUE(attributes.Text("a", "1"));
  EXPECT_FALSE(attributes.Text("b", std::string(100, 'x')));
  EXPECT_TRUE(attributes.Number("c", int64_t{3}));
  EXPECT_TRUE(attributes.Number("d", true));
  EXPECT_FALSE(attributes.Number("over the limit", true));
  EXPECT_EQ(attributes.Finish(), 2u);
  const auto list = DecodeAttributes(encoder.View());
  ASSERT_TRUE(list);
  EXPECT_EQ(list->count, 3u);
}

TEST(Encoder, CutsTextAtCharacters) {
  EXPECT_EQ(CutText("häßlich", 3), "häß");
  EXPECT_EQ(CutText("abc", 3), "abc");
  EXPECT_EQ(CutText("abc", 0), "");
  uint8_t buffer[4 + 6];
  Encoder encoder(buffer, sizeof buffer);
  EXPECT_FALSE(encoder.CutText("ééé", 1));  // six bytes, five of room
  EXPECT_EQ(encoder.View().substr(4), "éé");
}

std::string Hex(const uint8_t* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

TEST(Traceparent, W3cForms) {
  TraceContext context;
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(ParseTraceparent(good, context));
  EXPECT_EQ(Hex(context.trace_id, 16), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context.flags, 1);
  char text[kTraceparentBytes];
  FormatTraceparent(context.trace_id, context.span_id, context.flags, text);
  EXPECT_EQ(std::string(text, sizeof text), good);
  EXPECT_TRUE(ParseTraceparent("cc" + good.substr(2) + "-more", context));
  EXPECT_TRUE(ParseTraceparent(" " + good + "\t", context));
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-x", "ff" + good.substr(2), good.substr(0, 53) + "zz",
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"), "cc" + good.substr(2) + "x"}) {
    EXPECT_FALSE(ParseTraceparent(bad, context)) << bad;
  }
}

struct Sampled {
  bool sampled;
  std::string state;
};
Sampled SampleOnce(Sampler sampler, uint64_t threshold, const SamplingInput& input) {
  Config config;
  config.sampler = sampler;
  config.threshold = threshold;
  SamplingDecision decision;
  Sample(config, input, decision);
  return {decision.sampled, decision.changes_trace_state ? std::string(decision.trace_state, decision.trace_state_bytes)
                                                         : std::string(input.trace_state)};
}

TEST(Sampler, ParentDecides) {
  const uint8_t id[16] = {1};
  SamplingInput input{id, true, kFlagSampled, "ot=th:c;rv:00000000000000,vendor=1"};
  const Sampled with = SampleOnce(Sampler::kParentBasedRatio, uint64_t{1} << 55, input);
  EXPECT_TRUE(with.sampled);
  EXPECT_EQ(with.state, input.trace_state);
  input.parent_flags = kFlagRandom;
  EXPECT_FALSE(SampleOnce(Sampler::kParentBasedAlwaysOn, 0, input).sampled);
  EXPECT_TRUE(SampleOnce(Sampler::kAlwaysOn, 0, input).sampled);
  EXPECT_FALSE(SampleOnce(Sampler::kAlwaysOff, 0, input).sampled);
}

TEST(Sampler, RatioByThreshold) {
  uint8_t low[16] = {9, 9, 9, 9, 9, 9, 9, 9, 0xFF};
  uint8_t high[16] = {0};
  for (int i = 9; i < 16; ++i) high[i] = 0xFF;
  const uint64_t half = uint64_t{1} << 55;
  EXPECT_FALSE(SampleOnce(Sampler::kRatio, half, {low, false, 0, ""}).sampled);
  const Sampled taken = SampleOnce(Sampler::kRatio, half, {high, false, 0, ""});
  EXPECT_TRUE(taken.sampled);
  EXPECT_EQ(taken.state, "ot=th:8");
  EXPECT_EQ(SampleOnce(Sampler::kParentBasedRatio, 0, {low, false, 0, ""}).state, "ot=th:0");
  EXPECT_FALSE(SampleOnce(Sampler::kRatio, uint64_t{1} << 56, {high, false, 0, ""}).sampled);
  // rv decides where given and stays; th is ours; others follow.
  const Sampled by_rv = SampleOnce(Sampler::kRatio, half, {low, true, 1, "a=1,ot=th:4;rv:ffffffffffffff;x:y,b=2"});
  EXPECT_TRUE(by_rv.sampled);
  EXPECT_EQ(by_rv.state, "ot=th:8;rv:ffffffffffffff;x:y,a=1,b=2");
  const Sampled not_taken = SampleOnce(Sampler::kRatio, half, {low, true, 1, "a=1,ot=th:4"});
  EXPECT_FALSE(not_taken.sampled);
  EXPECT_EQ(not_taken.state, "a=1");
}

}  // namespace
}  // namespace clew::agent::record
