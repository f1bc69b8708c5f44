// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "clew/store/log_template_reader.h"
#include "clew/store/rollup.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"
#include "clew/store/template_book.h"

namespace clew::store {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kMinute = 60 * kSecond;

class LogTemplateTest : public StoreTest {
 protected:
  void Apply(int64_t stored, RollupOptions options = {}) {
    options.stored_up_to = [stored] { return stored; };
    options.interval = 1h;
    Rollup rollup(*store_, std::move(options));
    const base::Status status = rollup.Apply();
    ASSERT_TRUE(status) << status.error().message;
  }
  LogTemplates Find(std::string_view service = {}, TimeRange range = {}, std::string_view tenant = "anonymous") {
    const model::RequestContext context = ContextOf(tenant);
    auto found = LogTemplateReader(*store_, context).Find(range, service, 1);
    if (!found) ADD_FAILURE() << found.error().message;
    return found ? *std::move(found) : LogTemplates();
  }
  std::map<std::string, uint64_t> Counts(std::string_view tenant = "anonymous") {
    std::map<std::string, uint64_t> counts;
    for (const LogTemplate& one : Find({}, {}, tenant).templates) counts[one.service + ": " + one.text] += one.records;
    return counts;
  }
  // Orders and payments of one minute.
  static model::LogBatch Lines(int64_t time) {
    model::LogBatch batch;
    const uint32_t shop = AddService(batch, "shop");
    const uint32_t bank = AddService(batch, "bank", "b-1");
    for (int i = 0; i < 5; ++i) AddLog(batch, shop, "order placed id=" + std::to_string(i), time + i * kSecond);
    for (int i = 0; i < 3; ++i) AddLog(batch, bank, "card refused after " + std::to_string(i) + " tries", time);
    return batch;
  }
};

TEST_F(LogTemplateTest, CountsOnceWhetherRolledUpOrNot) {
  ASSERT_TRUE(Insert(Lines(kNow)));
  const auto fresh = Counts();
  EXPECT_EQ(fresh.at("shop: order placed id <*>"), 5u);
  EXPECT_EQ(fresh.at("bank: card refused after <*> tries"), 3u);
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(Counts(), fresh);
  // Some counted before, some fresh.
  ASSERT_TRUE(Insert(Lines(kNow + 5 * kMinute), "anonymous", {}, kNow + 5 * kMinute));
  EXPECT_EQ(Counts().at("shop: order placed id <*>"), 10u);
  Apply(kNow + 20 * kMinute);
  EXPECT_EQ(Counts().at("shop: order placed id <*>"), 10u);
  Reopen();
  EXPECT_EQ(Counts().at("shop: order placed id <*>"), 10u);

  const LogTemplates shop = Find("shop");
  ASSERT_EQ(shop.templates.size(), 1u);
  EXPECT_TRUE(shop.is_complete);
  const LogTemplate& orders = shop.templates[0];
  EXPECT_EQ(orders.id, TemplateIdOf("order placed id <*>"));
  EXPECT_EQ(orders.first_time, kNow);
  EXPECT_EQ(orders.last_time, kNow + 5 * kMinute + 4 * kSecond);
  EXPECT_TRUE(orders.example.starts_with("order placed id=")) << orders.example;
  EXPECT_EQ(orders.steps.size(), 2u);
  EXPECT_EQ(orders.steps.begin()->second, 5u);
  // Whole minutes that the range touches.
  const LogTemplates first = Find("shop", {kNow + kSecond, kNow + 2 * kSecond});
  ASSERT_EQ(first.templates.size(), 1u);
  EXPECT_EQ(first.templates[0].records, 5u);
  EXPECT_EQ(first.range.from, kNow / kMinute * kMinute);
  EXPECT_TRUE(Find("shop", {kNow + kMinute * 2, kNow + kMinute * 3}).templates.empty());
}

TEST_F(LogTemplateTest, ATemplateThatWidensKeepsWhatItCounted) {
  const auto insert = [&](std::string_view line, int64_t arrival) {
    model::LogBatch batch;
    AddLog(batch, AddService(batch, "shop"), line, arrival);
    ASSERT_TRUE(Insert(batch, "anonymous", {}, arrival));
  };
  insert("started worker pool for tenant red", kNow);
  Apply(kNow + 10 * kMinute);
  ASSERT_EQ(Counts().size(), 1u);
  EXPECT_EQ(Counts().at("shop: started worker pool for tenant red"), 1u);
  // After a start, what is known is read back.
  Reopen();
  insert("started worker pool for tenant blue", kNow + 20 * kMinute);
  // As it is read, and as it is counted.
  EXPECT_EQ(Counts().at("shop: started worker pool for tenant <*>"), 2u);
  Apply(kNow + 30 * kMinute);
  ASSERT_EQ(Counts().size(), 1u);
  EXPECT_EQ(Counts().at("shop: started worker pool for tenant <*>"), 2u);
  EXPECT_EQ(Find().templates[0].id, TemplateIdOf("started worker pool for tenant <*>"));
  // What was counted before bears its earlier id and is found by way of it.
  const LogTemplates before = Find({}, {kNow, kNow + kMinute});
  ASSERT_EQ(before.templates.size(), 1u);
  EXPECT_EQ(before.templates[0].id, TemplateIdOf("started worker pool for tenant <*>"));
}

TEST_F(LogTemplateTest, AnAttemptThatACrashCutOffDoesNotCount) {
  ASSERT_TRUE(Insert(Lines(kNow)));
  Apply(kNow + 10 * kMinute);
  const auto before = Counts();
  // As if the row that names them had not come to be.
  ASSERT_TRUE(store_->state().engine().Execute("TRUNCATE TABLE rollup_windows", {}, {}));
  Reopen();
  EXPECT_EQ(Counts(), before);
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(Counts(), before);
}

TEST_F(LogTemplateTest, RecordsThatArriveInADoneMinuteAreCounted) {
  ASSERT_TRUE(Insert(Lines(kNow)));
  Apply(kNow + 10 * kMinute);
  // The clock was set back.
  ASSERT_TRUE(Insert(Lines(kNow)));
  Apply(kNow + 10 * kMinute);
  EXPECT_EQ(Counts().at("shop: order placed id <*>"), 10u);
}

TEST_F(LogTemplateTest, BoundsTemplatesAndSaysSo) {
  model::LogBatch batch;
  const uint32_t service = AddService(batch, "shop");
  for (const char* line : {"alpha", "beta", "gamma", "delta", "delta"}) AddLog(batch, service, line, kNow);
  ASSERT_TRUE(Insert(batch));
  RollupOptions options;
  options.log_templates.templates_of_tenant = 2;
  options.log_templates.rows_at_once = 1;
  Apply(kNow + 10 * kMinute, options);
  const auto counts = Counts();
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts.at("shop: " + std::string(kOtherTemplates)), 3u);
}

TEST_F(LogTemplateTest, KeepsTenantsApart) {
  ASSERT_TRUE(Insert(Lines(kNow), "one"));
  ASSERT_TRUE(Insert(Lines(kNow), "two"));
  Apply(kNow + 10 * kMinute);
  EXPECT_TRUE(Counts().empty());
  EXPECT_EQ(Counts("one").at("shop: order placed id <*>"), 5u);
  EXPECT_EQ(Counts("two").at("shop: order placed id <*>"), 5u);
}

}  // namespace
}  // namespace clew::store
