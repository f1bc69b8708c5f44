// SPDX-License-Identifier: Apache-2.0
#include "clew/store/incident_table.h"

#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

using IncidentTableTest = StoreTest;

TEST_F(IncidentTableTest, KeepsTheLastStateAcrossARestart) {
  const model::RequestContext context = ContextOf();
  Incident incident{"0123456789abcdef", kNow, kNow + kSecond, 0, "cart", "latency", "cart's 'slow'\n", R"({"a":"\\"})"};
  ASSERT_TRUE(IncidentTable(*store_, context).Put(incident, kNow));
  incident.closed = kNow + 60 * kSecond;
  incident.service = "stock";
  ASSERT_TRUE(IncidentTable(*store_, context).Put(incident, kNow + 1));
  Reopen();
  IncidentTable table(*store_, context);
  const auto list = table.List({kNow, kNow + kSecond}, 10);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().service, "stock");
  EXPECT_EQ(list->front().closed, incident.closed);
  EXPECT_EQ(list->front().summary, incident.summary);
  EXPECT_EQ(list->front().answer, incident.answer);
  EXPECT_EQ(table.Get(incident.id)->onset, kNow);
  EXPECT_EQ(table.Get("no such id").error().code, base::Code::kNotFound);
}

TEST_F(IncidentTableTest, ListsWhatLastedWithinTheRangeOfTheTenant) {
  const model::RequestContext context = ContextOf();
  const model::RequestContext other = ContextOf("other");
  for (int i = 0; i < 5; ++i) {
    const int64_t onset = kNow + i * 100 * kSecond;
    const Incident incident{
        "id" + std::to_string(i), onset, onset, i == 4 ? 0 : onset + 50 * kSecond, "s", "code", "", ""};
    ASSERT_TRUE(IncidentTable(*store_, context).Put(incident, onset));
  }
  IncidentTable table(*store_, context);
  const auto ids = [&](TimeRange range, uint32_t limit) {
    std::string text;
    const auto found = table.List(range, limit);
    for (const Incident& incident : *found) text += incident.id + ' ';
    return text;
  };
  EXPECT_EQ(ids({}, 10), "id4 id3 id2 id1 id0 ");
  EXPECT_EQ(ids({}, 2), "id4 id3 ");
  EXPECT_EQ(ids({kNow + 120 * kSecond, kNow + 210 * kSecond}, 10), "id2 id1 ");
  // One that lasts reaches into every later range.
  EXPECT_EQ(ids({kNow + 9000 * kSecond, kNow + 9001 * kSecond}, 10), "id4 ");
  EXPECT_TRUE(IncidentTable(*store_, other).List({}, 10)->empty());
}

}  // namespace
}  // namespace clew::store
