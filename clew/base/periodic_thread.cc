// SPDX-License-Identifier: Apache-2.0
#include "clew/base/periodic_thread.h"

#include <utility>

namespace clew::base {

PeriodicThread::PeriodicThread(std::chrono::milliseconds interval, First first, std::function<void()> work)
    : interval_(interval), work_(std::move(work)) {
  thread_ = std::thread([this, first] { Run(first); });
}

void PeriodicThread::Stop() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool PeriodicThread::is_stopping() const {
  const MutexLock lock(mutex_);
  return stop_;
}

void PeriodicThread::Run(First first) {
  bool is_due = first == First::kAtOnce;
  while (true) {
    if (is_due) work_();
    is_due = true;
    const MutexLock lock(mutex_);
    const auto next = std::chrono::steady_clock::now() + interval_;
    while (!stop_ && std::chrono::steady_clock::now() < next) wake_.wait_until(mutex_, next);
    if (stop_) return;
  }
}

}  // namespace clew::base
