// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/body_hashes.h"

#include <gtest/gtest.h>

#include <thread>

namespace clew::store::wal {
namespace {

using Claim = BodyHashes::Claim;

Claim Take(BodyHashes& hashes, uint64_t hash, uint64_t* rejected = nullptr) {
  BodyHashes::Waiter waiter = [](const base::Result<uint64_t>&) {};
  uint64_t ignored = 0;
  return hashes.Take({hash, hash}, waiter, rejected != nullptr ? *rejected : ignored);
}

TEST(BodyHashes, KnowsWhatWasKept) {
  BodyHashes hashes({});
  EXPECT_EQ(Take(hashes, 1), Claim::kNew);
  hashes.Settle({1, 1}, uint64_t{3});
  uint64_t rejected = 0;
  EXPECT_EQ(Take(hashes, 1, &rejected), Claim::kKnown);
  EXPECT_EQ(rejected, 3u);
  // What failed is new again.
  EXPECT_EQ(Take(hashes, 2), Claim::kNew);
  hashes.Settle({2, 2}, base::Unavailable("no"));
  EXPECT_EQ(Take(hashes, 2), Claim::kNew);
  hashes.Remember({4, 4}, 0);
  EXPECT_EQ(Take(hashes, 4), Claim::kKnown);
}

TEST(BodyHashes, ThoseWhoComeMeanwhileGetTheFirstOnesAnswer) {
  BodyHashes hashes({});
  ASSERT_EQ(Take(hashes, 1), Claim::kNew);
  std::vector<std::string> answers;
  uint64_t rejected = 0;
  for (int i = 0; i < 2; ++i) {
    BodyHashes::Waiter waiter = [&](const base::Result<uint64_t>& result) {
      answers.push_back(result ? std::to_string(*result) : result.error().message);
    };
    EXPECT_EQ(hashes.Take({1, 1}, waiter, rejected), Claim::kWaiting);
  }
  EXPECT_TRUE(answers.empty());
  hashes.Settle({1, 1}, uint64_t{5});
  EXPECT_EQ(answers, (std::vector<std::string>{"5", "5"}));

  ASSERT_EQ(Take(hashes, 2), Claim::kNew);
  BodyHashes::Waiter waiter = [&](const base::Result<uint64_t>& result) { answers.push_back(result.error().message); };
  EXPECT_EQ(hashes.Take({2, 2}, waiter, rejected), Claim::kWaiting);
  hashes.Settle({2, 2}, base::Unavailable("full"));
  EXPECT_EQ(answers.back(), "full");
}

TEST(BodyHashes, ForgetsByTimeAndNumber) {
  BodyHashes brief({.lifetime = std::chrono::seconds(0), .max_entries = 100});
  ASSERT_EQ(Take(brief, 1), Claim::kNew);
  brief.Settle({1, 1}, uint64_t{0});
  EXPECT_EQ(Take(brief, 1), Claim::kNew);

  BodyHashes few({.lifetime = std::chrono::seconds(300), .max_entries = 100});
  for (uint64_t i = 1; i <= 1000; ++i) few.Remember({i, i}, 0);
  EXPECT_EQ(few.size(), 100u);
  EXPECT_EQ(Take(few, 1000), Claim::kKnown);
  EXPECT_EQ(Take(few, 899), Claim::kNew);
}

}  // namespace
}  // namespace clew::store::wal
