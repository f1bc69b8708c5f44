// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "clew/model/attributes.h"
#include "clew/model/ids.h"
#include "clew/model/labels.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/model/tenant.h"

namespace clew::model {
namespace {

// Rows are written to the log as bytes: no padding may hold leftovers of memory.
static_assert(std::has_unique_object_representations_v<KeyValue>);
static_assert(std::has_unique_object_representations_v<SpanEvent>);
static_assert(std::has_unique_object_representations_v<SpanLink>);
static_assert(sizeof(NumberPoint) == 64 && sizeof(HistogramPoint) == 96 && sizeof(Exemplar) == 56);
static_assert(sizeof(SeriesRow) == 32 && sizeof(SampleRow) == 32 && sizeof(ExemplarRow) == 56);

TEST(Strings, InternsAndReplaces) {
  Strings strings;
  EXPECT_EQ(strings.Intern(""), 0u);
  const StringId first = strings.Intern("user.email");
  EXPECT_EQ(strings.Intern("user.email"), first);
  EXPECT_NE(strings.Add("user.email"), first);
  for (int i = 0; i < 1000; ++i) strings.Intern(std::to_string(i));
  EXPECT_EQ(strings.Intern("user.email"), first);

  const StringId secret = strings.Intern("zoe@example.net");
  strings.Replace(secret, "email:7f3a");
  EXPECT_EQ(strings.Get(secret), "email:7f3a");
  strings.Replace(secret, std::string(100, 'x'));
  EXPECT_EQ(strings.Get(secret), std::string(100, 'x'));
  std::string all;
  strings.VisitColumns([&](const auto& column) {
    if constexpr (std::is_same_v<std::decay_t<decltype(column)>, std::vector<char>>)
      all.assign(column.begin(), column.end());
  });
  EXPECT_EQ(all.find("example.net"), std::string::npos);
  EXPECT_TRUE(strings.IsConsistent());
}

TEST(Attributes, FindsAndPrints) {
  SpanBatch batch;
  Strings& strings = batch.strings;
  Attributes& attributes = batch.attributes;
  const Range list = attributes.AddValues({Value::Int(1), Value::String(strings.Intern("two"))});
  const Range map = attributes.AddKeyValues({{strings.Intern("a"), 0, Value::Double(0.5)}});
  const Range range = attributes.AddKeyValues({{strings.Intern("list"), 0, Value::Array(list)},
                                               {strings.Intern("map"), 0, Value::KeyValueList(map)},
                                               {strings.Intern("k"), 0, Value::String(strings.Intern("old"))},
                                               {strings.Intern("k"), 0, Value::String(strings.Intern("new"))}});
  EXPECT_EQ(FindString(attributes, strings, range, "k"), "new");
  EXPECT_EQ(ValueToText(attributes, strings, FindAttribute(attributes, strings, range, "list")->value), "[1,\"two\"]");
  EXPECT_EQ(ValueToText(attributes, strings, FindAttribute(attributes, strings, range, "map")->value), "{\"a\":0.5}");
  EXPECT_EQ(ValueToText(attributes, strings, Value::Double(NAN)), "NaN");
  EXPECT_EQ(ValueToText(attributes, strings, Value::Double(-INFINITY)), "-Infinity");
  EXPECT_EQ(FindAttribute(attributes, strings, range, "none"), nullptr);
  EXPECT_TRUE(attributes.IsConsistent(strings));
  // A list that holds itself.
  attributes.values.push_back(Value::Array({static_cast<uint32_t>(attributes.values.size()), 1}));
  EXPECT_FALSE(attributes.IsConsistent(strings));
}

TEST(SpanBatch, KnowsWhenItIsConsistent) {
  SpanBatch batch;
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  const size_t row = batch.AddRow();
  batch.name[row] = batch.strings.Intern("GET /");
  EXPECT_TRUE(batch.IsConsistent());
  batch.name[row] = 99;
  EXPECT_FALSE(batch.IsConsistent());
  batch.name[row] = 0;
  batch.end_time.pop_back();
  EXPECT_FALSE(batch.IsConsistent());
}

TEST(Ids, TextForms) {
  const auto id = TraceId::FromHex("0af7651916cd43dd8448eb211c80319c");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->ToHex(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_FALSE(TraceId::FromHex("0af7"));
  EXPECT_FALSE(SpanId::FromBytes("seven77"));
  EXPECT_TRUE(SpanId().IsZero());
}

TEST(Labels, SortedUniqueAndNamed) {
  Labels labels({{"job", "shop"}, {"__name__", "up"}, {"empty", ""}, {"job", "cart"}});
  EXPECT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels.Get("job"), "cart");
  EXPECT_EQ(labels.ToString(), "up{job=\"cart\"}");
  const uint64_t id = labels.Id();
  labels.Set("instance", "a\"b\n");
  EXPECT_NE(labels.Id(), id);
  EXPECT_EQ(labels.ToString(), "up{instance=\"a\\\"b\\n\", job=\"cart\"}");
  labels.Remove("instance");
  EXPECT_EQ(labels.Id(), id);
}

TEST(Tenant, Names) {
  EXPECT_EQ(TenantId().name(), "anonymous");
  EXPECT_TRUE(TenantId::Parse("team-a"));
  for (const std::string& wrong :
       {std::string(), std::string("a b"), std::string(".."), std::string("a/b"), std::string(151, 'a')}) {
    EXPECT_FALSE(TenantId::Parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace clew::model
