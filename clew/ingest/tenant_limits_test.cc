// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/tenant_limits.h"

#include <gtest/gtest.h>

#include <thread>

#include "clew/store/wal/test_batches.h"

namespace clew::ingest {
namespace {

using namespace std::chrono_literals;
using Signal = TenantGuard::Signal;

model::TenantId Tenant(std::string_view name) { return *model::TenantId::Parse(name); }

TEST(TenantGuard, HoldsEachTenantToItsRate) {
  TenantLimits limits;
  limits.spans_per_second = 100;
  TenantGuard guard(limits);
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kSpans));
  guard.Count(Tenant("a"), Signal::kSpans, 1001, 1);
  const base::Status over = guard.Check(Tenant("a"), Signal::kSpans);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, base::Code::kResourceExhausted);
  EXPECT_GT(over.error().retry_after, 0ms);
  EXPECT_LE(over.error().retry_after, 1000ms);
  // Others and other signals are not held up.
  EXPECT_TRUE(guard.Check(Tenant("b"), Signal::kSpans));
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kLogs));
  std::this_thread::sleep_for(over.error().retry_after);
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kSpans));
}

TEST(TenantGuard, CountsBytesOfAllSignals) {
  TenantLimits limits;
  limits.bytes_per_second = 1000;
  TenantGuard guard(limits);
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kSpans));
  guard.Count(Tenant("a"), Signal::kSpans, 1, 1'000'000);
  EXPECT_FALSE(guard.Check(Tenant("a"), Signal::kMetrics));
  EXPECT_TRUE(guard.Check(Tenant("b"), Signal::kMetrics));
}

TEST(TenantGuard, TellsOnlySoManyTenantsApart) {
  TenantLimits limits;
  limits.tenants = 2;
  TenantGuard guard(limits);
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kSpans));
  EXPECT_TRUE(guard.Check(Tenant("b"), Signal::kSpans));
  EXPECT_FALSE(guard.Check(Tenant("c"), Signal::kSpans));
  EXPECT_TRUE(guard.Check(Tenant("a"), Signal::kSpans));
}

TEST(TenantGuard, TakesSoManySeriesADay) {
  TenantLimits limits;
  limits.series = 2;
  TenantGuard guard(limits);
  constexpr base::UnixNanos kDay = 86'400 * base::kNanosPerSecond;
  for (const std::string_view metric : {"one", "two", "one"}) {
    model::SeriesBatch batch = *store::wal::TestSeries(1, 5, metric);
    EXPECT_EQ(guard.LimitSeries(Tenant("a"), 10 * kDay, batch).rejected_rows, 0u);
    EXPECT_EQ(batch.samples.size(), 5u);
  }
  model::SeriesBatch batch = *store::wal::TestSeries(1, 5, "three");
  const LimitReport report = guard.LimitSeries(Tenant("a"), 10 * kDay, batch);
  EXPECT_EQ(report.rejected_rows, 5u);
  EXPECT_EQ(report.rejected_by_reason[static_cast<size_t>(RejectReason::kTenantSeries)], 5u);
  EXPECT_FALSE(report.reason.empty());
  EXPECT_TRUE(batch.series.empty() && batch.samples.empty());
  // Another tenant, another day.
  batch = *store::wal::TestSeries(1, 5, "three");
  EXPECT_EQ(guard.LimitSeries(Tenant("b"), 10 * kDay, batch).rejected_rows, 0u);
  EXPECT_EQ(guard.LimitSeries(Tenant("a"), 11 * kDay, batch).rejected_rows, 0u);
}

}  // namespace
}  // namespace clew::ingest
