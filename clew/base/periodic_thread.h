// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "clew/base/thread_annotations.h"

namespace clew::base {

// Does a piece of work again and again on a thread of its own, each time `interval` after the last one has ended. What
// the work uses outlives this object, or Stop. Functions may be called from any thread but that one.
class PeriodicThread {
 public:
  enum class First { kAtOnce, kAfterInterval };

  PeriodicThread(std::chrono::milliseconds interval, First first, std::function<void()> work);
  ~PeriodicThread() { Stop(); }
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

  // Returns once the work that is under way, if any, has returned. Repeatable, by one thread.
  void Stop();
  // Whether the work is to come to an end; the work may ask too.
  bool is_stopping() const;

 private:
  void Run(First first);

  const std::chrono::milliseconds interval_;
  const std::function<void()> work_;
  mutable Mutex mutex_;
  CondVar wake_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace clew::base
