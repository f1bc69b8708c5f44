// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/utilization.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace clew::rca {
namespace {

constexpr int64_t kMinute = 60'000'000'000;

// A point a minute from minute 0 on.
model::Utilization Of(std::initializer_list<double> values) {
  model::Utilization utilization;
  for (const double value : values) {
    utilization.points.push_back({static_cast<int64_t>(utilization.points.size()) * kMinute, value});
  }
  return utilization;
}

std::optional<Level> Find(std::initializer_list<double> values, int64_t from_minute) {
  const auto to = static_cast<int64_t>(values.size()) * kMinute;
  return FindLevel(Of(values), {from_minute * kMinute, to}, {});
}

TEST(FindLevel, FindsARiseAndWhenItBegan) {
  const auto level = Find({0.1, 0.2, 0.1, 0.9, 1.0}, 2);
  ASSERT_TRUE(level);
  EXPECT_EQ(level->since, 3 * kMinute);
  EXPECT_DOUBLE_EQ(level->before, 0.2);
  EXPECT_DOUBLE_EQ(level->during, 0.95);
  EXPECT_NEAR(level->taken(), 0.75 / 0.8, 1e-9);
}

TEST(FindLevel, WhatWasOverIsNotBefore) {
  const auto level = Find({0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.9}, 5);
  ASSERT_TRUE(level);
  EXPECT_NEAR(level->rise(), 0.8, 1e-9);
}

TEST(FindLevel, WhoWasAtTheLimitHasNotRisen) { EXPECT_FALSE(Find({1, 1, 1, 1, 1}, 2)); }

TEST(FindLevel, APeakThatDoesNotLastIsLittle) {
  const auto level = Find({0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1}, 2);
  ASSERT_TRUE(level);
  EXPECT_LT(level->rise(), 0.25);
}

TEST(FindLevel, TheBaselineStandsInForWhatWasBefore) {
  model::Utilization utilization = Of({0.9, 0.9});
  utilization.points.push_back({100 * kMinute, 0.2});
  const auto level = FindLevel(utilization, {0, 5 * kMinute}, {99 * kMinute, 101 * kMinute});
  ASSERT_TRUE(level);
  EXPECT_DOUBLE_EQ(level->before, 0.2);
  EXPECT_FALSE(FindLevel(utilization, {0, 5 * kMinute}, {}));
  EXPECT_FALSE(FindLevel({}, {0, 5 * kMinute}, {}));
}

}  // namespace
}  // namespace clew::rca
