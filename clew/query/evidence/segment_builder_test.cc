// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/segment_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace clew::query::evidence {
namespace {

using model::EventKind;
using model::SpanKind;

constexpr uint64_t kStart = 1'764'000'000'000'000'000;
constexpr uint64_t kMilli = 1'000'000;

struct SpanText {
  std::string service;
  std::string name;
  uint64_t id = 0;
  uint64_t parent = 0;  // 0: a root
  uint64_t start_ms = 0;
  uint64_t length_ms = 0;
  SpanKind kind = SpanKind::kInternal;
  bool is_error = false;
  int64_t http_status = 0;
  std::string exception = {};
  std::string peer = {};  // server.address
  uint64_t trace = 1;
};

template <size_t N>
model::Id<N> IdOf(uint64_t number) {
  model::Id<N> id;
  for (size_t i = 0; i < 8; ++i) id.bytes[N - 1 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

uint32_t ResourceOf(model::BatchBase& batch, std::string_view service, std::string_view version = {}) {
  std::vector<model::KeyValue> rows;
  rows.push_back({batch.strings.Intern("service.name"), 0, model::Value::String(batch.strings.Intern(service))});
  if (!version.empty()) {
    rows.push_back({batch.strings.Intern("service.version"), 0, model::Value::String(batch.strings.Intern(version))});
  }
  batch.resources.push_back({batch.attributes.AddKeyValues(rows), 0, 0});
  batch.scopes.push_back({});
  return static_cast<uint32_t>(batch.resources.size() - 1);
}

void Add(model::SpanBatch& batch, const SpanText& text) {
  const uint32_t resource = ResourceOf(batch, text.service, "1.0");
  std::vector<model::KeyValue> rows;
  if (text.http_status != 0) {
    rows.push_back({batch.strings.Intern("http.response.status_code"), 0, model::Value::Int(text.http_status)});
  }
  if (!text.peer.empty()) {
    rows.push_back({batch.strings.Intern("server.address"), 0, model::Value::String(batch.strings.Intern(text.peer))});
  }
  const model::Range attributes = batch.attributes.AddKeyValues(rows);
  model::Range events;
  if (!text.exception.empty()) {
    std::vector<model::KeyValue> type;
    type.push_back(
        {batch.strings.Intern("exception.type"), 0, model::Value::String(batch.strings.Intern(text.exception))});
    events = {static_cast<uint32_t>(batch.events.size()), 1};
    batch.events.push_back({kStart + (text.start_ms + text.length_ms) * kMilli, batch.strings.Intern("exception"),
                            batch.attributes.AddKeyValues(type), 0});
  }
  const size_t row = batch.AddRow();
  batch.resource[row] = resource;
  batch.scope[row] = resource;
  batch.trace_id[row] = IdOf<16>(text.trace);
  batch.span_id[row] = IdOf<8>(text.id);
  batch.parent_span_id[row] = IdOf<8>(text.parent);
  batch.name[row] = batch.strings.Intern(text.name);
  batch.kind[row] = text.kind;
  batch.start_time[row] = kStart + text.start_ms * kMilli;
  batch.end_time[row] = kStart + (text.start_ms + text.length_ms) * kMilli;
  batch.status_code[row] = text.is_error ? model::StatusCode::kError : model::StatusCode::kUnset;
  batch.attribute_range[row] = attributes;
  batch.event_range[row] = events;
}

model::Evidence Build(const std::vector<SpanText>& spans) {
  model::SpanBatch batch;
  for (const SpanText& span : spans) Add(batch, span);
  SegmentBuilder builder;
  builder.AddSpans(batch);
  return builder.Finish();
}

const model::Segment* Find(const model::Evidence& evidence, std::string_view service) {
  const auto found = std::ranges::find_if(evidence.segments,
                                          [&](const model::Segment& s) { return evidence.Name(s.service) == service; });
  return found == evidence.segments.end() ? nullptr : &*found;
}

std::vector<std::string> EventsOf(const model::Evidence& evidence, const model::Segment& segment) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < segment.events.count; ++i) {
    const model::SegmentEvent& event = evidence.events[segment.events.first + i];
    names.push_back(std::to_string(static_cast<int>(event.kind)) + ' ' + evidence.Name(event.name));
  }
  return names;
}

// front answers in 100 ms, 60 of them in a call of back, whose own work takes 40.
std::vector<SpanText> TwoServices() {
  return {
      {.service = "front", .name = "GET /", .id = 1, .start_ms = 0, .length_ms = 100, .kind = SpanKind::kServer},
      {.service = "front", .name = "render", .id = 2, .parent = 1, .start_ms = 5, .length_ms = 10},
      {.service = "front",
       .name = "GET",
       .id = 3,
       .parent = 1,
       .start_ms = 20,
       .length_ms = 60,
       .kind = SpanKind::kClient},
      {.service = "back",
       .name = "GET /b",
       .id = 4,
       .parent = 3,
       .start_ms = 30,
       .length_ms = 40,
       .kind = SpanKind::kServer},
  };
}

TEST(SegmentBuilder, CutsTracesIntoSegments) {
  const model::Evidence evidence = Build(TwoServices());
  ASSERT_EQ(evidence.segments.size(), 2u);
  const model::Segment& front = *Find(evidence, "front");
  const model::Segment& back = *Find(evidence, "back");
  EXPECT_EQ(front.own, static_cast<int64_t>(40 * kMilli));
  EXPECT_EQ(front.hop, -1);
  EXPECT_EQ(evidence.Name(front.version), "1.0");
  EXPECT_EQ(back.own, static_cast<int64_t>(40 * kMilli));
  EXPECT_EQ(back.hop, static_cast<int64_t>(20 * kMilli));
  EXPECT_EQ(evidence.Name(back.caller), "front");
  EXPECT_EQ(&evidence.segments[back.parent], &front);
  const std::vector<std::string> expected{"0 render", "0 GET", "1 back: GET /b"};
  EXPECT_EQ(EventsOf(evidence, front), expected);
}

TEST(SegmentBuilder, CallsThatOverlapCountOnce) {
  std::vector<SpanText> spans = TwoServices();
  for (const uint64_t id : {5, 6}) {
    spans.push_back({.service = "front", .name = "GET", .id = 10 + id, .parent = 1, .start_ms = 30, .length_ms = 60});
    spans.push_back(
        {.service = "other", .name = "GET /o", .id = id, .parent = 10 + id, .start_ms = 35, .length_ms = 50});
  }
  EXPECT_EQ(Find(Build(spans), "front")->own, static_cast<int64_t>(30 * kMilli));
}

TEST(SegmentBuilder, ErrorsExceptionsAndStatusesAreEvents) {
  const model::Evidence evidence = Build({{.service = "front",
                                           .name = "GET /",
                                           .id = 1,
                                           .length_ms = 50,
                                           .kind = SpanKind::kServer,
                                           .is_error = true,
                                           .http_status = 500,
                                           .exception = "KeyError"},
                                          {.service = "front",
                                           .name = "GET",
                                           .id = 2,
                                           .parent = 1,
                                           .start_ms = 10,
                                           .length_ms = 20,
                                           .kind = SpanKind::kClient,
                                           .is_error = true,
                                           .peer = "payment"}});
  const model::Segment& front = *Find(evidence, "front");
  EXPECT_TRUE(front.is_error);
  std::vector<std::string> events = EventsOf(evidence, front);
  std::ranges::sort(events);
  const std::vector<std::string> expected{"2 payment", "3 KeyError", "5 HTTP 500"};
  EXPECT_EQ(events, expected);
}

TEST(SegmentBuilder, TracesWithoutTheirParentsAreRoots) {
  std::vector<SpanText> spans = TwoServices();
  spans.erase(spans.begin(), spans.begin() + 3);
  const model::Evidence evidence = Build(spans);
  ASSERT_EQ(evidence.segments.size(), 1u);
  EXPECT_EQ(evidence.segments[0].caller, 0u);
  EXPECT_EQ(evidence.segments[0].hop, -1);
  EXPECT_EQ(evidence.segments[0].parent, model::kNoSegment);
}

TEST(SegmentBuilder, SpansThatAreTheirOwnOrEachOthersParentsBreakNothing) {
  std::vector<SpanText> spans;
  for (uint64_t id = 1; id <= 20'000; ++id) {
    spans.push_back({.service = "self", .name = "a", .id = id, .parent = id, .length_ms = 10});
  }
  constexpr uint64_t kRing = 30'000;
  for (uint64_t i = 0; i < kRing; ++i) {
    spans.push_back(
        {.service = "ring", .name = "b", .id = 100'000 + i, .parent = 100'000 + (i + 1) % kRing, .length_ms = 10});
  }
  spans.push_back({.service = "left", .name = "c", .id = 200'000, .parent = 200'001, .length_ms = 10});
  spans.push_back({.service = "right", .name = "d", .id = 200'001, .parent = 200'000, .length_ms = 10});
  const model::Evidence evidence = Build(spans);
  std::map<std::string, size_t> segments;
  for (const model::Segment& segment : evidence.segments) ++segments[evidence.Name(segment.service)];
  EXPECT_EQ(segments["self"], 20'000u);
  EXPECT_EQ(segments["ring"], 1u);
  EXPECT_EQ(segments["left"], 1u);
  EXPECT_EQ(segments["right"], 1u);
}

TEST(SegmentBuilder, SpansThatEndBeforeTheyStartHaveNoLength) {
  model::SpanBatch batch;
  Add(batch, {.service = "front", .name = "GET /", .id = 1, .start_ms = 100});
  batch.end_time[0] = kStart;
  SegmentBuilder builder;
  builder.AddSpans(batch);
  const model::Evidence evidence = builder.Finish();
  ASSERT_EQ(evidence.segments.size(), 1u);
  EXPECT_EQ(evidence.segments[0].own, 0);
}

TEST(SegmentBuilder, SpansThatCameTwiceCountOnce) {
  model::SpanBatch batch;
  for (const SpanText& span : TwoServices()) Add(batch, span);
  SegmentBuilder builder;
  builder.AddSpans(batch);
  builder.AddSpans(batch);
  EXPECT_EQ(builder.Finish().segments.size(), 2u);
}

TEST(SegmentBuilder, PutsClocksRight) {
  // back's clock is a second behind: its spans start before those that caused them.
  std::vector<SpanText> spans;
  for (uint64_t trace = 1; trace <= 20; ++trace) {
    for (SpanText span : TwoServices()) {
      span.trace = trace;
      span.start_ms += 2000 + 100 * trace;
      if (span.service == "back") span.start_ms -= 1000;
      spans.push_back(span);
    }
  }
  const model::Evidence evidence = Build(spans);
  ASSERT_EQ(evidence.segments.size(), 40u);
  for (const model::Segment& segment : evidence.segments) {
    if (segment.parent == model::kNoSegment) continue;
    const model::Segment& caller = evidence.segments[segment.parent];
    EXPECT_GE(segment.start, caller.start);
    EXPECT_LE(segment.end, caller.end);
    EXPECT_EQ(segment.hop, static_cast<int64_t>(20 * kMilli));
  }
}

TEST(SegmentBuilder, LogsJoinTheirSpanAsTemplates) {
  model::SpanBatch spans;
  for (const SpanText& span : TwoServices()) Add(spans, span);
  model::LogBatch logs;
  const uint32_t resource = ResourceOf(logs, "back");
  const auto add = [&](uint64_t trace, uint64_t span, std::string_view body, uint64_t at_ms) {
    const size_t row = logs.AddRow();
    logs.resource[row] = resource;
    logs.scope[row] = resource;
    logs.time[row] = kStart + at_ms * kMilli;
    logs.trace_id[row] = IdOf<16>(trace);
    logs.span_id[row] = IdOf<8>(span);
    logs.body[row] = model::Value::String(logs.strings.Intern(body));
  };
  add(1, 4, "stock of 17 is 3", 35);
  add(1, 4, "stock of 18 is 4", 36);
  add(1, 99, "of no span that is here", 37);
  add(0, 0, "of no trace", 38);
  SegmentBuilder builder;
  builder.AddLogs(logs);  // logs may come first
  builder.AddSpans(spans);
  const model::Evidence evidence = builder.Finish();
  const std::vector<std::string> expected{"4 stock of <*> is <*>", "4 stock of <*> is <*>"};
  EXPECT_EQ(EventsOf(evidence, *Find(evidence, "back")), expected);
}

TEST(SegmentBuilder, NothingGivesNothing) {
  const model::Evidence evidence = Build({});
  EXPECT_TRUE(evidence.segments.empty());
  EXPECT_TRUE(evidence.events.empty());
}

}  // namespace
}  // namespace clew::query::evidence
