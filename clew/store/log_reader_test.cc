// SPDX-License-Identifier: Apache-2.0
#include "clew/store/log_reader.h"

#include <algorithm>

#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

using model::MatchType;

class LogReaderTest : public StoreTest {
 protected:
  std::vector<std::string> Lines(const LogQuery& query, std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    std::vector<std::string> lines;
    const auto status = LogReader(*store_, context).Scan(query, [&](const model::LogBatch& batch) -> base::Status {
      EXPECT_TRUE(batch.IsConsistent());
      for (size_t row = 0; row < batch.size(); ++row) {
        lines.push_back(model::ValueToText(batch.attributes, batch.strings, batch.body[row]));
      }
      return {};
    });
    EXPECT_TRUE(status) << status.error().message;
    return lines;
  }
  void InsertShop() {
    model::LogBatch batch;
    const uint32_t front = AddService(batch, "frontend");
    const uint32_t cart = AddService(batch, "cart", "i-2");
    AddLog(batch, front, "started", kNow);
    AddLog(batch, cart, "cart 42 opened", kNow + 1);
    const size_t failed = AddLog(batch, cart, "payment declined: 100% of o'neil_\\ failed", kNow + 2 * kSecond);
    batch.severity_number[failed] = 17;
    batch.trace_id[failed] = TraceIdOf(7);
    batch.span_id[failed] = SpanIdOf(8);
    batch.attribute_range[failed] = AttributeList(batch).Text("user", "zoe").Finish();
    AddLog(batch, front, "payment\ndeclined twice", kNow + 3 * kSecond);
    ASSERT_TRUE(Insert(batch));
  }
};

TEST_F(LogReaderTest, WhatGoesInComesOut) {
  const model::LogBatch batch = RichLogs();
  ASSERT_TRUE(batch.IsConsistent());
  ASSERT_TRUE(Insert(batch));
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    const model::RequestContext context = ContextOf();
    std::vector<std::string> rows;
    LogQuery query;
    query.limit = 0;
    ASSERT_TRUE(LogReader(*store_, context).Scan(query, [&](const model::LogBatch& part) -> base::Status {
      for (size_t row = 0; row < part.size(); ++row) rows.push_back(Describe(part, row));
      return {};
    }));
    std::ranges::sort(rows);
    EXPECT_EQ(rows, DescribeAll(batch));
  }
}

TEST_F(LogReaderTest, CountsByTimeAndSeverity) {
  InsertShop();
  const auto count = [&](const LogQuery& query) {
    const model::RequestContext context = ContextOf();
    std::vector<std::string> rows;
    const auto counts = LogReader(*store_, context).Count(query, std::chrono::seconds(2));
    EXPECT_TRUE(counts) << counts.error().message;
    for (const LogCount& row : *counts) {
      EXPECT_EQ(row.start % (2 * kSecond), 0);
      rows.push_back(std::to_string((row.start - kNow) / kSecond) + " " + std::to_string(row.severity) + " " +
                     std::to_string(row.count));
    }
    return rows;
  };
  ASSERT_EQ(kNow % (2 * kSecond), 0);
  EXPECT_EQ(count({}), (std::vector<std::string>{"0 9 2", "2 9 1", "2 17 1"}));
  LogQuery query;
  query.lines = {{LineFilter::Kind::kContains, "declined"}};
  EXPECT_EQ(count(query), (std::vector<std::string>{"2 9 1", "2 17 1"}));
  query.streams = {{MatchType::kEqual, "service_name", "nobody"}};
  EXPECT_TRUE(count(query).empty());
}

TEST_F(LogReaderTest, FiltersAndOrders) {
  InsertShop();
  using Strings = std::vector<std::string>;
  const std::string declined = "payment declined: 100% of o'neil_\\ failed";
  const std::string twice = "payment\ndeclined twice";
  EXPECT_EQ(Lines({}), (Strings{twice, declined, "cart 42 opened", "started"}));
  LogQuery query;
  query.newest_first = false;
  query.limit = 2;
  EXPECT_EQ(Lines(query), (Strings{"started", "cart 42 opened"}));
  query = {};
  query.range = {kNow + 1, kNow + 3 * kSecond};
  EXPECT_EQ(Lines(query), (Strings{declined, "cart 42 opened"}));
  const auto by_line = [&](std::vector<LineFilter> lines) {
    LogQuery own;
    own.lines = std::move(lines);
    return Lines(own);
  };
  using enum LineFilter::Kind;
  EXPECT_EQ(by_line({{kContains, "declined"}}), (Strings{twice, declined}));
  EXPECT_EQ(by_line({{kContains, "declined"}, {kNotContains, "twice"}}), Strings{declined});
  EXPECT_EQ(by_line({{kContains, "100% of o'neil_\\"}}), Strings{declined});
  EXPECT_EQ(by_line({{kContains, "100_"}}), Strings{});
  EXPECT_EQ(by_line({{kContains, "ment decl"}}), Strings{declined});
  EXPECT_EQ(by_line({{kContains, "DECLINED"}}), Strings{});
  EXPECT_EQ(by_line({{kMatches, "cart [0-9]+"}}), Strings{"cart 42 opened"});
  EXPECT_EQ(by_line({{kMatches, "(?i)DECLINED T"}}), Strings{twice});
  // The dot does not take a line end.
  EXPECT_EQ(by_line({{kMatches, "payment.declined"}}), Strings{declined});
  EXPECT_EQ(by_line({{kNotMatches, "payment"}}), (Strings{"cart 42 opened", "started"}));
  query = {};
  query.min_severity = 17;
  EXPECT_EQ(Lines(query), Strings{declined});
  query = {};
  query.trace_ids = {TraceIdOf(7)};
  EXPECT_EQ(Lines(query), Strings{declined});
  query.trace_ids = {TraceIdOf(7), TraceIdOf(9)};
  query.span_id = SpanIdOf(8);
  EXPECT_EQ(Lines(query), Strings{declined});
  query.span_id = SpanIdOf(9);
  EXPECT_EQ(Lines(query), Strings{});
  query = {};
  query.attributes = {{"user", "zoe"}};
  EXPECT_EQ(Lines(query), Strings{declined});
  query.attributes = {{"service.instance.id", "i-2"}};
  EXPECT_EQ(Lines(query).size(), 2u);
}

TEST_F(LogReaderTest, SelectsStreams) {
  InsertShop();
  const auto count = [&](std::vector<model::LabelMatcher> streams) {
    LogQuery query;
    query.streams = std::move(streams);
    return Lines(query).size();
  };
  EXPECT_EQ(count({{MatchType::kEqual, "service_name", "cart"}}), 2u);
  EXPECT_EQ(count({{MatchType::kNotEqual, "service_name", "cart"}}), 2u);
  EXPECT_EQ(count({{MatchType::kRegex, "service_name", "cart|front.*"}}), 4u);
  EXPECT_EQ(count({{MatchType::kRegex, "service_name", "car"}}), 0u);
  EXPECT_EQ(count({{MatchType::kNotRegex, "service_name", "c.*"}}), 2u);
  EXPECT_EQ(count({{MatchType::kEqual, "service_instance_id", "i-2"}}), 2u);
  EXPECT_EQ(count({{MatchType::kEqual, "no_such_label", ""}, {MatchType::kEqual, "service_name", "cart"}}), 2u);
  EXPECT_EQ(count({{MatchType::kNotEqual, "no_such_label", ""}}), 0u);
  // host.name is no label of a stream.
  EXPECT_EQ(count({{MatchType::kEqual, "host_name", "host-1"}}), 0u);
}

TEST_F(LogReaderTest, SaysWhatIsWrong) {
  InsertShop();
  const model::RequestContext context = ContextOf();
  LogReader reader(*store_, context);
  const auto ignore = [](const model::LogBatch&) -> base::Status { return {}; };
  LogQuery query;
  query.lines = {{LineFilter::Kind::kMatches, "("}};
  EXPECT_EQ(reader.Scan(query, ignore).error().code, base::Code::kInvalidArgument);
  query = {};
  query.streams = {{MatchType::kRegex, "service_name", "["}};
  EXPECT_EQ(reader.Scan(query, ignore).error().code, base::Code::kInvalidArgument);
}

TEST_F(LogReaderTest, ListsLabels) {
  InsertShop();
  const model::RequestContext context = ContextOf();
  LogReader reader(*store_, context);
  using Strings = std::vector<std::string>;
  EXPECT_EQ(*reader.Labels({}), (Strings{"service_instance_id", "service_name"}));
  EXPECT_EQ(*reader.LabelValues("service_name", {}), (Strings{"cart", "frontend"}));
  EXPECT_EQ(*reader.LabelValues("service_name", {kNow, kNow + 1}), Strings{"frontend"});
  EXPECT_EQ(*reader.LabelValues("host_name", {}), Strings{});
  EXPECT_EQ(*reader.Labels({0, 1}), Strings{});
  const std::vector<model::LabelMatcher> cart = {{MatchType::kEqual, "service_name", "cart"}};
  const auto streams = reader.Streams(cart, {});
  ASSERT_TRUE(streams);
  ASSERT_EQ(streams->size(), 1u);
  EXPECT_EQ(streams->at(0).Get("service_instance_id"), "i-2");
}

TEST_F(LogReaderTest, TenantsDoNotSeeEachOther) {
  model::LogBatch one;
  AddLog(one, AddService(one, "one"), "of one", kNow);
  model::LogBatch two;
  AddLog(two, AddService(two, "two"), "of two", kNow);
  ASSERT_TRUE(Insert(one, "t1"));
  ASSERT_TRUE(Insert(two, "t2"));
  EXPECT_EQ(Lines({}, "t1"), std::vector<std::string>{"of one"});
  EXPECT_EQ(Lines({}, "t2"), std::vector<std::string>{"of two"});
  EXPECT_TRUE(Lines({}).empty());
  const model::RequestContext context = ContextOf("t1");
  EXPECT_EQ(*LogReader(*store_, context).LabelValues("service_name", {}), std::vector<std::string>{"one"});
  LogQuery query;
  query.streams = {{MatchType::kEqual, "service_name", "two"}};
  EXPECT_TRUE(Lines(query, "t1").empty());
}

TEST_F(LogReaderTest, KeepsTheOrderOverBatches) {
  model::LogBatch batch;
  const uint32_t services[] = {AddService(batch, "a"), AddService(batch, "b")};
  for (int i = 0; i < 30'000; ++i) {
    const int64_t place = (int64_t{i} * 7919) % 30'000;
    AddLog(batch, services[i % 2], std::to_string(100'000 + place), kNow + place * 1'000'000);
  }
  ASSERT_TRUE(Insert(batch));
  ASSERT_TRUE(Insert(batch));  // a second part to be merged while reading
  LogQuery query;
  query.limit = 0;
  std::vector<std::string> lines = Lines(query);
  EXPECT_EQ(lines.size(), 60'000u);
  EXPECT_TRUE(std::ranges::is_sorted(lines, std::greater<>()));
  query.newest_first = false;
  lines = Lines(query);
  EXPECT_EQ(lines.size(), 60'000u);
  EXPECT_TRUE(std::ranges::is_sorted(lines));
}

}  // namespace
}  // namespace clew::store
