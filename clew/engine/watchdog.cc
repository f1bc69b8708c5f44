// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/watchdog.h"

#include <utility>
#include <vector>

namespace clew::engine {
namespace {

constexpr std::chrono::milliseconds kPeriod{10};
// The engine's own time limit comes first; this is for what it does not notice.
constexpr std::chrono::milliseconds kGrace{200};

}  // namespace

Watchdog::Watchdog(Kill kill, Idle idle) : kill_(std::move(kill)), idle_(std::move(idle)), thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

uint64_t Watchdog::Begin(std::chrono::steady_clock::time_point deadline, const std::function<bool()>* cancelled) {
  const base::MutexLock lock(mutex_);
  queries_[++last_] = {deadline, cancelled, {}};
  busy_ = true;
  changed_.notify_all();
  return last_;
}

base::Status Watchdog::End(uint64_t query) {
  const base::MutexLock lock(mutex_);
  auto node = queries_.extract(query);
  return std::move(node.mapped().verdict);
}

void Watchdog::KillAll() {
  const base::MutexLock lock(mutex_);
  kill_all_ = true;
  changed_.notify_all();
}

base::Status Watchdog::Judge(const Watched& watched) {
  if (kill_all_) return base::Unavailable("the store is closing");
  if (watched.cancelled != nullptr && *watched.cancelled && (*watched.cancelled)()) {
    return base::Fail(base::Code::kCancelled, "the client went away");
  }
  if (std::chrono::steady_clock::now() >= watched.deadline + kGrace) {
    return base::Fail(base::Code::kDeadlineExceeded, "the time limit of the request has passed");
  }
  return {};
}

bool Watchdog::WaitForWork() {
  if (!queries_.empty()) {
    changed_.wait_for(mutex_, kPeriod);
    return false;
  }
  if (!busy_) {
    changed_.wait(mutex_);
    return false;
  }
  // Every end of a query wakes nobody, so this is the time since this thread last saw one, at least.
  const uint64_t last = last_;
  changed_.wait_for(mutex_, kIdleAfter);
  if (!queries_.empty() || last_ != last || stop_ || kill_all_) return false;
  busy_ = false;
  return true;
}

void Watchdog::Run() {
  std::vector<uint64_t> condemned;
  while (true) {
    condemned.clear();
    bool is_idle = false;
    {
      const base::MutexLock lock(mutex_);
      if (stop_) return;
      is_idle = WaitForWork();
      if (stop_) return;
      for (auto& [query, watched] : queries_) {
        if (watched.verdict) watched.verdict = Judge(watched);
        if (!watched.verdict) condemned.push_back(query);
      }
    }
    // Without the lock, since the engine takes its time; a query that has ended meanwhile is not found by its number.
    for (const uint64_t query : condemned) kill_(query);
    if (is_idle) idle_();
  }
}

}  // namespace clew::engine
