// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/differences.h"

#include <gtest/gtest.h>

namespace clew::rca {
namespace {

TEST(RankDifferences, NamesWhatSetsAGroupApart) {
  const std::vector<Difference> found = RankDifferences(
      {{"region", "eu", 48, 500}, {"region", "us", 2, 500}, {"version", "2.1", 50, 60}, {"plan", "free", 25, 500}}, 50,
      1000, 10);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "version");
  EXPECT_EQ(found[0].value, "2.1");
  EXPECT_GT(found[0].rise, 0.8);
  EXPECT_LT(found[0].chance, 1e-6);
  EXPECT_EQ(found[1].key, "region");
  EXPECT_EQ(found[1].value, "eu");
}

TEST(RankDifferences, IsSilentOnChance) {
  // A thousand values, each as common on both sides but for a wobble of one row.
  std::vector<model::AttributeCount> counts;
  for (int i = 0; i < 1000; ++i) counts.push_back({"key", std::to_string(i), static_cast<uint64_t>(i % 4), 20});
  EXPECT_TRUE(RankDifferences(counts, 100, 1000, 10).empty());
}

TEST(RankDifferences, FewRowsSayLittle) {
  EXPECT_TRUE(RankDifferences({{"version", "2.1", 2, 500}}, 2, 1000, 10).empty());
  EXPECT_TRUE(RankDifferences({}, 0, 0, 10).empty());
  EXPECT_TRUE(RankDifferences({{"version", "2.1", 0, 0}}, 0, 0, 10).empty());
}

TEST(RankDifferences, ValuesOfTheSameRowsStandOnce) {
  const auto found = RankDifferences({{"pod", "b-1", 40, 10}, {"host", "h-1", 40, 10}}, 40, 1000, 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, "host");
}

TEST(RankDifferences, WhatTellsOfTheOutcomeHidesNoCause) {
  const auto found = RankDifferences({{"error.type", "KeyError", 40, 10}, {"region", "eu", 40, 10}}, 40, 1000, 10);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "region");
  EXPECT_FALSE(found[0].outcome);
  EXPECT_EQ(found[1].key, "error.type");
  EXPECT_TRUE(found[1].outcome);
}

}  // namespace
}  // namespace clew::rca
