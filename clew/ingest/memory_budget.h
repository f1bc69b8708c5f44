// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace clew::ingest {

// Bytes that requests hold before their rows are the write path's: bodies unpacked and decoded. Doors share one, so
// that however many large requests come at once, the process stays within its memory. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : limit_(limit_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // What one request holds, given back when it goes or before. The budget outlives it.
  class Lease {
   public:
    explicit Lease(MemoryBudget& budget) : budget_(budget) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { GiveBack(); }

    // False: others hold too much for it, and nothing is taken. What is over the limit by itself is let in where
    // nobody else holds any. Of one thread, and not after GiveBack.
    bool TryAdd(uint64_t bytes) {
      const uint64_t before = budget_.used_.fetch_add(bytes, std::memory_order_relaxed);
      if (before + bytes <= budget_.limit_ || before == held_.load(std::memory_order_relaxed)) {
        held_.fetch_add(bytes, std::memory_order_relaxed);
        return true;
      }
      budget_.used_.fetch_sub(bytes, std::memory_order_relaxed);
      budget_.refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    // Any thread.
    void GiveBack() {
      budget_.used_.fetch_sub(held_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
    }

   private:
    MemoryBudget& budget_;
    std::atomic<uint64_t> held_{0};
  };

  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  // Requests that were turned away, since the start.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace clew::ingest
