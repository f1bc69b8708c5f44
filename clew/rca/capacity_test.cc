// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/capacity.h"

#include <gtest/gtest.h>

#include <random>

namespace clew::rca {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMilli = 1'000'000;

// Arrivals at random, five a second over a minute; `end_of` says when a call that began then is over.
template <typename EndOf>
double ShareOfWaits(const EndOf& end_of) {
  std::mt19937 random(3);
  std::exponential_distribution<double> gap(5);
  std::vector<Interval> calls;
  for (double at = 0; at < 60; at += gap(random)) {
    const auto start = static_cast<int64_t>(at * kSecond);
    calls.push_back({start, end_of(start, random)});
  }
  return WaitShare(calls, 10);
}

TEST(WaitShare, IsHighBehindALock) {
  // Held for 1.2 s of every 1.35 s; who waits looks again every 100 ms.
  const double share = ShareOfWaits([](int64_t start, std::mt19937& random) {
    const int64_t cycle = 1350 * kMilli;
    const int64_t into = start % cycle;
    const int64_t look = std::uniform_int_distribution<int64_t>(0, 100 * kMilli)(random);
    return into < 1200 * kMilli ? start - into + 1200 * kMilli + look : start + 2 * kMilli;
  });
  EXPECT_GT(share, 0.5);
}

TEST(WaitShare, IsNoneWhereEachTakesItsTime) {
  EXPECT_LT(ShareOfWaits([](int64_t start, std::mt19937&) { return start + 500 * kMilli; }), 0.05);
}

TEST(WaitShare, IsLowWhereTimesVaryByThemselves) {
  const double share = ShareOfWaits([](int64_t start, std::mt19937& random) {
    return start + static_cast<int64_t>(std::exponential_distribution<double>(1 / 0.5)(random) * kSecond);
  });
  EXPECT_LT(share, 0.35);
}

TEST(WaitShare, SaysNothingOfFewCalls) {
  std::vector<Interval> calls{{0, 1000}, {500, 1000}};
  EXPECT_EQ(WaitShare(calls, 5), 0);
  calls.clear();
  EXPECT_EQ(WaitShare(calls, 0), 0);
}

TEST(SpeaksOfCapacity, KnowsStatusesAndWords) {
  using model::EventKind;
  EXPECT_TRUE(SpeaksOfCapacity(EventKind::kStatus, "HTTP 503"));
  EXPECT_TRUE(SpeaksOfCapacity(EventKind::kStatus, "gRPC 8"));
  EXPECT_FALSE(SpeaksOfCapacity(EventKind::kStatus, "HTTP 500"));
  EXPECT_TRUE(SpeaksOfCapacity(EventKind::kException, "PoolTimeout"));
  EXPECT_TRUE(SpeaksOfCapacity(EventKind::kLog, "write failed: No space left on device"));
  EXPECT_TRUE(SpeaksOfCapacity(EventKind::kLog, "database is locked"));
  EXPECT_FALSE(SpeaksOfCapacity(EventKind::kLog, "order <*> placed"));
  // What a step is called says nothing of how it went.
  EXPECT_FALSE(SpeaksOfCapacity(EventKind::kSpan, "pool.acquire"));
}

class CoresTest : public testing::Test {
 protected:
  // A request a second that takes `own`, over two minutes; the processor works `before` and `during` cores.
  CoresUsed Measure(int64_t own_before, int64_t own_during, double before, double during) {
    model::Evidence evidence;
    model::Utilization counter;
    counter.service = 1;
    double seconds = 0;
    for (int64_t at = 0; at < 120; ++at) {
      const bool late = at >= 60;
      model::Segment segment;
      segment.service = 1;
      segment.start = at * kSecond;
      segment.own = late ? own_during : own_before;
      evidence.segments.push_back(segment);
      if (at % 10 == 0) counter.points.push_back({at * kSecond, seconds});
      seconds += late ? during : before;
    }
    evidence.processor_seconds.push_back(counter);
    return MeasureCores(evidence, 1, {0, 60 * kSecond}, {60 * kSecond, 120 * kSecond});
  }
};

TEST_F(CoresTest, RequestsAccountForTheirOwnWork) {
  const CoresUsed cores = Measure(10 * kMilli, 400 * kMilli, 0.05, 0.4);
  EXPECT_NEAR(cores.during, 0.4, 0.01);
  EXPECT_NEAR(cores.unaccounted, 0, 0.02);
}

TEST_F(CoresTest, ANeighbourIsNotAccountedFor) {
  const CoresUsed cores = Measure(10 * kMilli, 100 * kMilli, 0.05, 1.2);
  EXPECT_GT(cores.unaccounted, 1);
  EXPECT_GT(cores.unaccounted_share(), 0.8);
}

TEST_F(CoresTest, NothingKnownIsNothingSaid) {
  const CoresUsed cores = MeasureCores({}, 1, {0, kSecond}, {kSecond, 2 * kSecond});
  EXPECT_EQ(cores.unaccounted, 0);
  EXPECT_EQ(cores.unaccounted_share(), 0);
}

}  // namespace
}  // namespace clew::rca
