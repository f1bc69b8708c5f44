// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/clock_offset.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace clew::query::evidence {
namespace {

constexpr int64_t kMilli = 1'000'000;

// Calls whose callee takes some of its caller's time, by a clock that is `ahead`.
std::vector<CallTimes> Calls(int count, int64_t ahead) {
  std::mt19937 random(5);
  std::uniform_int_distribution<int64_t> part(1 * kMilli, 20 * kMilli);
  std::vector<CallTimes> calls;
  for (int i = 0; i < count; ++i) {
    const int64_t start = i * 1000 * kMilli;
    const int64_t there = start + part(random);
    const int64_t done = there + part(random);
    calls.push_back({start, done + part(random), there + ahead, done + ahead});
  }
  return calls;
}

TEST(ClockOffset, IsNoneWhereClocksAgree) {
  EXPECT_EQ(ClockOffset(Calls(100, 0)), 0);
  EXPECT_EQ(ClockOffset({}), 0);
}

TEST(ClockOffset, IsWithinWhatTheCallsAllow) {
  for (const int64_t ahead : {-5000 * kMilli, -200 * kMilli, 200 * kMilli}) {
    EXPECT_LT(std::abs(ClockOffset(Calls(100, ahead)) - ahead), 3 * kMilli) << ahead;
  }
}

TEST(ClockOffset, FewCallsProveNothing) { EXPECT_EQ(ClockOffset(Calls(2, 200 * kMilli)), 0); }

TEST(ClockOffset, ACalleeThatOutlastsItsCallerProvesNothing) {
  std::vector<CallTimes> calls;
  for (int64_t i = 0; i < 50; ++i) calls.push_back({i, i + 10, i + 5, i + 500});
  EXPECT_EQ(ClockOffset(calls), 0);
}

}  // namespace
}  // namespace clew::query::evidence
