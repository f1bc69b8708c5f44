// SPDX-License-Identifier: Apache-2.0
#include "clew/store/retention.h"

#include <gtest/gtest.h>

#include <atomic>

#include "clew/store/log_reader.h"
#include "clew/store/series_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"
#include "clew/store/wal/test_batches.h"

namespace clew::store {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kDay = 86'400 * kSecond;

class TestClock : public base::Clock {
 public:
  base::UnixNanos Now() const override { return now; }
  std::atomic<base::UnixNanos> now = kNow;
};

class RetentionTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    options_.clock = &clock_;
    options_.interval = 1h;
    options_.free_bytes = [this] { return free_bytes_.load(); };
  }
  void InsertDay(int64_t days_ago, uint64_t first) {
    const int64_t arrival = kNow - days_ago * kDay;
    ASSERT_TRUE(Insert(*wal::TestSpans(first, 10, "shop"), "anonymous", {}, arrival));
    ASSERT_TRUE(Insert(*wal::TestLogs(first, 10, "shop"), "anonymous", {}, arrival));
    ASSERT_TRUE(Insert(*wal::TestSeries(first, 10), "anonymous", {}, arrival));
  }
  uint64_t Count(std::string_view table) {
    uint64_t count = 0;
    const base::Status status = store_->state().engine().Query("SELECT count() FROM " + std::string(table), {}, {},
                                                               [&](const engine::Block& block) -> base::Status {
                                                                 count = block[0].At<uint64_t>(0);
                                                                 return {};
                                                               });
    EXPECT_TRUE(status) << status.error().message;
    return count;
  }

  TestClock clock_;
  std::atomic<uint64_t> free_bytes_ = uint64_t{1} << 40;
  RetentionOptions options_;
};

TEST_F(RetentionTest, DropsDaysThatAreOlder) {
  for (int64_t day = 4; day >= 0; --day) InsertDay(day, 1 + 100 * static_cast<uint64_t>(day));
  options_.age = 48h;
  Retention retention(*store_, options_);
  ASSERT_TRUE(retention.Apply());
  // Noon: of the day before the day before yesterday no row is within 48 hours any more.
  for (const std::string_view table : {"spans", "logs", "samples"}) EXPECT_EQ(Count(table), 30u) << table;
  for (const std::string_view table : {"resources", "series"}) EXPECT_EQ(Count(table), 3u) << table;
  const RetentionStats stats = retention.stats();
  EXPECT_EQ(stats.dropped_days_by_age, 2u);
  EXPECT_EQ(stats.dropped_days_by_disk_share, 0u);
  // Ten rows a table and a row each of resource, scope and series; spans and logs share one resource and scope.
  EXPECT_EQ(stats.dropped_rows, 2 * 33u);
  EXPECT_GT(stats.dropped_bytes, 0u);

  clock_.now = kNow + 10 * kDay;
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 0u);
  // What is sent anew is whole again.
  ASSERT_TRUE(Insert(*wal::TestSpans(900, 1, "shop"), "anonymous", {}, kNow + 10 * kDay));
  EXPECT_EQ(Count("resources"), 1u);
  const model::RequestContext context = ContextOf();
  EXPECT_EQ(SpanReader(*store_, context).Trace(wal::TestTraceId(900))->size(), 1u);
}

TEST_F(RetentionTest, KeepsForEver) {
  InsertDay(4000, 1);
  Retention retention(*store_, options_);
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 10u);
  EXPECT_GT(retention.stats().table_bytes, 0u);
}

TEST_F(RetentionTest, EventTimesDoNotCount) {
  model::SpanBatch batch = *wal::TestSpans(1, 2);
  batch.start_time = {0, 4'102'444'800'000'000'000};  // 1970, 2100
  batch.end_time = batch.start_time;
  ASSERT_TRUE(Insert(batch));
  options_.age = 24h;
  Retention retention(*store_, options_);
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 2u);
}

TEST_F(RetentionTest, DropsTheOldestDaysUntilTheShareIsKept) {
  for (int64_t day = 3; day >= 0; --day) InsertDay(day, 1 + 100 * static_cast<uint64_t>(day));
  options_.disk_share = 0.5;
  Retention retention(*store_, options_);
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 40u);
  // Two of four days and a little more are left free.
  const uint64_t bytes = retention.stats().table_bytes;
  free_bytes_ = bytes * 3 / 5;
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 20u);
  EXPECT_EQ(retention.stats().dropped_days_by_disk_share, 2u);
  // The day that is running stays, whatever it takes.
  free_bytes_ = 0;
  ASSERT_TRUE(retention.Apply());
  EXPECT_EQ(Count("spans"), 10u);
}

}  // namespace
}  // namespace clew::store
