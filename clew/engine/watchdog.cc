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

Watchdog::Watchdog(Kill kill) : kill_(std::move(kill)), thread_([this] { Run(); }) {}

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

void Watchdog::Run() {
  std::vector<uint64_t> condemned;
  while (true) {
    condemned.clear();
    {
      const base::MutexLock lock(mutex_);
      if (stop_) return;
      if (queries_.empty()) {
        changed_.wait(mutex_);
      } else {
        changed_.wait_for(mutex_, kPeriod);
      }
      if (stop_) return;
      for (auto& [query, watched] : queries_) {
        if (watched.verdict) watched.verdict = Judge(watched);
        if (!watched.verdict) condemned.push_back(query);
      }
    }
    // Without the lock, since the engine takes its time; a query that has ended meanwhile is not found by its number.
    for (const uint64_t query : condemned) kill_(query);
  }
}

}  // namespace clew::engine
