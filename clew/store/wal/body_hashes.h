// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "clew/base/hash.h"
#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"

namespace clew::store::wal {

// Which request bodies were taken in the last minutes: clients send again what was cut off before the answer came.
// Time is counted on the steady clock, so a jump of the time of day neither forgets nor keeps. Callable from any
// thread; waiters are called by whoever settles, outside the lock.
class BodyHashes {
 public:
  // Gets the rejected rows of the first request once that is kept, or its error.
  using Waiter = std::move_only_function<void(base::Result<uint64_t>)>;
  enum class Claim {
    kNew,      // the caller keeps the body and settles the claim
    kWaiting,  // another caller is at it; `waiter` was taken and will be called
    kKnown,    // kept already; `rejected` was set
  };

  struct Options {
    std::chrono::seconds lifetime{300};
    // The oldest are forgotten beyond this (about 100 bytes each).
    size_t max_entries = 500'000;
  };

  explicit BodyHashes(Options options) : options_(options) {}

  Claim Take(const base::Hash128& hash, Waiter& waiter, uint64_t& rejected);
  // Ends a claim that was kNew: kept (with its rejected rows), or not, and then the next one with that body is new.
  void Settle(const base::Hash128& hash, base::Result<uint64_t> outcome);
  // A body that the log holds from before.
  void Remember(const base::Hash128& hash, uint64_t rejected);

  size_t size() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    bool kept = false;
    uint32_t rejected = 0;
    std::vector<Waiter> waiters;
  };
  struct Hasher {
    size_t operator()(const base::Hash128& hash) const { return hash.low; }
  };

  void Expire() REQUIRES(mutex_);
  void Keep(const base::Hash128& hash, uint64_t rejected) REQUIRES(mutex_);

  const Options options_;
  mutable base::Mutex mutex_;
  std::unordered_map<base::Hash128, Entry, Hasher> entries_ GUARDED_BY(mutex_);
  std::deque<std::pair<Time, base::Hash128>> kept_ GUARDED_BY(mutex_);
};

}  // namespace clew::store::wal
