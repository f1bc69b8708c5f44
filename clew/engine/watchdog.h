// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"

namespace clew::engine {

// Ends queries whose client went away or whose time has passed while their own thread is inside the engine, and says
// when nothing has run for a while. One thread, which sleeps while nothing runs. Thread-safe.
class Watchdog {
 public:
  // Asks the engine to end the query with this number; may be called again for the same one until it has ended.
  using Kill = std::function<void(uint64_t query)>;
  // Called once each time that nothing has run for kIdleAfter.
  using Idle = std::function<void()>;
  static constexpr std::chrono::seconds kIdleAfter{5};
  Watchdog(Kill kill, Idle idle);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // From Begin to End the query is watched; `cancelled` outlives that, and may be empty.
  uint64_t Begin(std::chrono::steady_clock::time_point deadline, const std::function<bool()>* cancelled);
  // Why it was ended: CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE (KillAll), or success where it was not.
  base::Status End(uint64_t query);
  // Ends all that runs and whatever begins later.
  void KillAll();

 private:
  struct Watched {
    std::chrono::steady_clock::time_point deadline;
    const std::function<bool()>* cancelled = nullptr;
    base::Status verdict;
  };

  void Run();
  // Waits for something to do; whether idle_ is to be called.
  bool WaitForWork() REQUIRES(mutex_);
  base::Status Judge(const Watched& watched) REQUIRES(mutex_);

  const Kill kill_;
  const Idle idle_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<uint64_t, Watched> queries_ GUARDED_BY(mutex_);
  uint64_t last_ GUARDED_BY(mutex_) = 0;
  // Something has run since the last call of idle_.
  bool busy_ GUARDED_BY(mutex_) = false;
  bool kill_all_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace clew::engine
