// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace clew::ingest {
namespace {

TEST(MemoryBudget, BoundsWhatAllHoldTogether) {
  MemoryBudget budget(100);
  MemoryBudget::Lease first(budget);
  EXPECT_TRUE(first.TryAdd(60));
  {
    MemoryBudget::Lease second(budget);
    EXPECT_TRUE(second.TryAdd(40));
    EXPECT_FALSE(second.TryAdd(1));
    EXPECT_EQ(budget.used(), 100u);
    EXPECT_FALSE(first.TryAdd(1));
  }
  EXPECT_EQ(budget.refused(), 2u);
  EXPECT_EQ(budget.used(), 60u);
  // Alone, it may have more than there is.
  EXPECT_TRUE(first.TryAdd(1000));
  MemoryBudget::Lease third(budget);
  EXPECT_FALSE(third.TryAdd(1));
}

TEST(MemoryBudget, CountsRightWhateverThreadsDo) {
  constexpr uint64_t kLimit = 1000;
  MemoryBudget budget(kLimit);
  std::atomic<uint64_t> held = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        MemoryBudget::Lease lease(budget);
        if (!lease.TryAdd(400)) continue;
        if (held.fetch_add(400) + 400 > kLimit) over = true;
        held.fetch_sub(400);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace clew::ingest
