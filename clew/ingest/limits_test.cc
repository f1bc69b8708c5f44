// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace clew::ingest {
namespace {

using model::KeyValue;
using model::Range;
using model::Value;

constexpr base::UnixNanos kNow = 1'800'000'000'000'000'000;
constexpr uint64_t kYear2300 = 10'413'792'000'000'000'000U;
constexpr uint64_t kYear2261 = 9'200'000'000'000'000'000U;

model::SpanBatch Spans(size_t count) {
  model::SpanBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  for (size_t i = 0; i < count; ++i) {
    const size_t row = batch.AddRow();
    batch.span_id[row].bytes[0] = static_cast<uint8_t>(row + 1);
    batch.name[row] = batch.strings.Intern("GET /");
    batch.start_time[row] = 1000;
    batch.end_time[row] = 2000;
  }
  return batch;
}

// Attributes key0 … with the number as value.
Range Attributes(model::BatchBase& batch, size_t count) {
  std::vector<KeyValue> rows;
  for (size_t i = 0; i < count; ++i) {
    rows.push_back({batch.strings.Intern("key" + std::to_string(i)), 0, Value::Int(static_cast<int64_t>(i))});
  }
  return batch.attributes.AddKeyValues(rows);
}

TEST(Limits, LeavesOrdinarySpansAlone) {
  model::SpanBatch batch = Spans(3);
  batch.attribute_range[0] = Attributes(batch, 100);
  batch.start_time[1] = 0;  // 1970
  batch.end_time[1] = kYear2261;
  batch.start_time[2] = 2000;  // ends before it starts
  batch.end_time[2] = 1000;
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows + report.attributes_dropped + report.values_cut + report.times_replaced, 0u);
  EXPECT_EQ(report.reason, "");
  EXPECT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch.end_time[1], kYear2261);
  EXPECT_EQ(batch.attribute_range[0].count, 100u);
}

TEST(Limits, RejectsTimesBeyond2262AndKeepsTheRest) {
  model::SpanBatch batch = Spans(5);
  batch.start_time[1] = kYear2300;
  batch.end_time[3] = kYear2300;
  batch.events = {{kYear2300, 0, {}, 0}};
  batch.event_range[4] = {0, 1};
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows, 2u);
  EXPECT_NE(report.reason.find("2262"), std::string::npos);
  EXPECT_EQ(report.times_replaced, 1u);
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch.span_id[1].bytes[0], 3);
  EXPECT_EQ(batch.span_id[2].bytes[0], 5);
  EXPECT_EQ(batch.events[0].time, 2000u);
  EXPECT_TRUE(batch.IsConsistent());
}

TEST(Limits, DropsWhatIsTooMany) {
  model::SpanBatch batch = Spans(1);
  batch.attribute_range[0] = Attributes(batch, 10'000);
  batch.dropped_attributes_count[0] = 7;
  batch.resources[0].attributes = Attributes(batch, 2000);
  for (int i = 0; i < 5000; ++i) batch.events.emplace_back();
  for (int i = 0; i < 4097; ++i) batch.links.emplace_back();
  batch.event_range[0] = {0, 5000};
  batch.link_range[0] = {0, 4097};
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows, 0u);
  EXPECT_EQ(report.attributes_dropped, (10'000u - 1024) + (2000 - 1024) + (5000 - 4096) + 1);
  EXPECT_NE(report.reason, "");
  EXPECT_EQ(batch.attribute_range[0].count, 1024u);
  EXPECT_EQ(batch.dropped_attributes_count[0], 7 + 10'000u - 1024);
  EXPECT_EQ(batch.resources[0].dropped_attributes_count, 2000u - 1024);
  EXPECT_EQ(batch.dropped_events_count[0], 5000u - 4096);
  EXPECT_EQ(batch.dropped_links_count[0], 1u);
  EXPECT_TRUE(batch.IsConsistent());
}

TEST(Limits, CutsLongTextsAtWholeCharacters) {
  model::SpanBatch batch = Spans(2);
  auto& strings = batch.strings;
  std::string text;
  while (text.size() < 1 << 20) text += "aé€";  // 6 bytes, so that the cut would fall into one of them
  const model::StringId long_text = strings.Intern(text);
  const Range list = batch.attributes.AddValues({Value::String(long_text)});
  const Range map = batch.attributes.AddKeyValues(
      {{strings.Intern(std::string(2000, 'k')), 0, Value::Int(1)}, {strings.Intern("b"), 0, Value::Bytes(long_text)}});
  batch.attribute_range[0] = batch.attributes.AddKeyValues({{strings.Intern("text"), 0, Value::String(long_text)},
                                                            {strings.Intern(std::string(1025, 'k')), 0, Value::Int(1)},
                                                            {strings.Intern("list"), 0, Value::Array(list)},
                                                            {strings.Intern("map"), 0, Value::KeyValueList(map)}});
  batch.name[1] = long_text;
  batch.status_message[1] = long_text;
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.attributes_dropped, 2u);
  EXPECT_EQ(report.values_cut, 5u);
  EXPECT_TRUE(batch.IsConsistent());
  ASSERT_EQ(batch.attribute_range[0].count, 3u);
  const std::string_view cut = FindString(batch.attributes, strings, batch.attribute_range[0], "text");
  EXPECT_LE(cut.size(), 65'536u);
  EXPECT_GE(cut.size(), 65'533u);
  EXPECT_TRUE(base::IsUtf8(cut));
  EXPECT_TRUE(text.starts_with(cut));
  EXPECT_LE(batch.Text(batch.name[1]).size(), 4096u);
  EXPECT_GT(batch.Text(batch.status_message[1]).size(), 60'000u);
  const KeyValue* nested = FindAttribute(batch.attributes, strings, batch.attribute_range[0], "map");
  ASSERT_NE(nested, nullptr);
  EXPECT_EQ(nested->value.range().count, 1u);
  EXPECT_GE(strings.Get(batch.attributes.key_values[nested->value.range().first].value.string_id()).size(), 65'533u);
}

TEST(Limits, CutsLongArrays) {
  model::SpanBatch batch = Spans(1);
  const Range list = batch.attributes.AddValues(std::vector<Value>(5000, Value::Int(1)));
  batch.attribute_range[0] = batch.attributes.AddKeyValues({{batch.strings.Intern("a"), 0, Value::Array(list)}});
  EXPECT_EQ(ApplyLimits({}, kNow, batch).values_cut, 1u);
  EXPECT_EQ(batch.attributes.key_values[0].value.range().count, 4096u);
}

TEST(Limits, GivesLogsWithoutTimeOne) {
  model::LogBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  for (int i = 0; i < 4; ++i) batch.AddRow();
  batch.time[1] = kYear2300;
  batch.time[2] = 5;
  batch.observed_time[2] = kYear2300;
  batch.observed_time[3] = 9;
  batch.body[3] = Value::String(batch.strings.Intern(std::string(300'000, 'x')));
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows, 1u);
  EXPECT_EQ(report.times_replaced, 1u);
  EXPECT_EQ(report.values_cut, 1u);
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch.effective_time(0), static_cast<uint64_t>(kNow));
  EXPECT_EQ(batch.observed_time[1], static_cast<uint64_t>(kNow));
  EXPECT_EQ(batch.Text(batch.body[2].string_id()).size(), 262'144u);
}

TEST(Limits, RejectsPointsBeyond2262) {
  model::MetricBatch batch;
  batch.metrics.emplace_back();
  batch.numbers.resize(3);
  batch.numbers[0].time = kYear2300;
  batch.numbers[1].start_time = kYear2300;
  batch.histograms.resize(1);
  batch.histograms[0].time = kYear2300;
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows, 2u);
  EXPECT_EQ(report.times_replaced, 1u);
  EXPECT_EQ(batch.point_count(), 2u);
  EXPECT_EQ(batch.numbers[0].start_time, 0u);
}

TEST(Limits, RejectsUnsoundSeriesWithTheirSamples) {
  model::SeriesBatch batch;
  const auto add = [&](std::vector<std::pair<std::string, std::string>> labels) {
    model::SeriesRow row;
    row.id = batch.series.size() + 100;
    row.labels = {static_cast<uint32_t>(batch.labels.size()), static_cast<uint32_t>(labels.size())};
    for (const auto& [name, value] : labels) {
      batch.labels.push_back({batch.strings.Intern(name), batch.strings.Intern(value)});
    }
    const uint32_t series = static_cast<uint32_t>(batch.series.size());
    batch.series.push_back(row);
    batch.samples.push_back({series, 0, 0, 1000, static_cast<double>(series)});
    batch.exemplars.push_back({series, 0, 1000, 1, {}, {}, {}});
  };
  add({{"__name__", "a"}, {"b", "c"}});
  add({{"b", "c"}, {"__name__", "a"}});  // not sorted
  add({{"__name__", "a"}, {"__name__", "b"}});
  add({});
  add({{"__name__", ""}});
  add({{"__name__", "a"}, {"long", std::string(20'000, 'x')}});
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 100; i < 400; ++i) many.emplace_back("l" + std::to_string(i), "v");
  add(many);
  add({{"__name__", "z"}});
  batch.samples.push_back({7, 0, 0, -5, 1});  // before 1970
  model::HistogramRow histogram;
  histogram.series = 7;
  histogram.time = 1;
  histogram.positive_indexes = {0, 5000};
  histogram.positive_counts = {0, 5000};
  batch.indexes.resize(5000);
  batch.doubles.resize(5000);
  batch.histograms = {histogram};
  ASSERT_TRUE(batch.IsConsistent());
  const LimitReport report = ApplyLimits({}, kNow, batch);
  EXPECT_EQ(report.rejected_rows, 8u);
  EXPECT_EQ(report.attributes_dropped, 6u);
  EXPECT_NE(report.reason, "");
  EXPECT_TRUE(batch.IsConsistent());
  ASSERT_EQ(batch.series.size(), 2u);
  ASSERT_EQ(batch.samples.size(), 2u);
  EXPECT_EQ(batch.samples[1].value, 7);
  EXPECT_EQ(batch.series[batch.samples[1].series].id, 107u);
  EXPECT_EQ(batch.exemplars.size(), 2u);
  EXPECT_TRUE(batch.histograms.empty());
}

}  // namespace
}  // namespace clew::ingest
