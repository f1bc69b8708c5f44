// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <random>
#include <utility>

#include "clew/base/time.h"

namespace clew::agent::drain {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFirstBackoff{500};
constexpr std::chrono::milliseconds kLongestBackoff{5'000};
// Failing and working again are told at most that often.
constexpr std::chrono::seconds kSayInterval{60};
// Of cumulative metrics more would only say less.
constexpr size_t kMostMetricBatches = 30;

struct Batch {
  std::string body;
  uint64_t records = 0;
};

}  // namespace

// Shared with the thread, which may outlive the exporter when an attempt hangs at exit.
struct Exporter::State {
  State(Signal signal_of, const SignalConfig& settings, std::unique_ptr<Sender> carrier, Say teller)
      : signal(signal_of), config(settings), sender(std::move(carrier)), say(std::move(teller)) {}

  void Deliver(Batch batch);
  // Whether one more batch would be over a bound; an empty queue takes any.
  bool IsFull(size_t bytes, uint64_t records) const REQUIRES(mutex) {
    return !queue.empty() && (stats.queued_bytes + bytes > config.max_queue_bytes ||
                              stats.queued_records + records > config.max_queue_records ||
                              (signal == Signal::kMetrics && queue.size() >= kMostMetricBatches));
  }
  // Waits for `time`, or until the exporter is told to stop.
  void WaitUntil(SteadyClock::time_point time);
  void Record(const Attempt& attempt, const Batch& batch);
  void Drop(const Batch& batch, uint64_t ExporterStats::* reason);
  void SayOfFailure(const std::string& error);
  void SayOfDelivery(const Attempt& attempt);

  const Signal signal;
  const SignalConfig config;
  const std::unique_ptr<Sender> sender;
  const Say say;

  mutable base::Mutex mutex;
  base::CondVar changed;
  std::deque<Batch> queue GUARDED_BY(mutex);
  ExporterStats stats GUARDED_BY(mutex);
  bool stopping GUARDED_BY(mutex) = false;
  SteadyClock::time_point stop_deadline GUARDED_BY(mutex);
  bool done GUARDED_BY(mutex) = false;

  // Of the thread alone.
  SteadyClock::time_point not_before;
  std::minstd_rand random{std::random_device{}()};
  bool told_failing = false;
  bool told_partial = false;
  SteadyClock::time_point last_told;
  bool unreachable = false;
  bool saw_stop = false;
};

Exporter::Exporter(Signal signal, const SignalConfig& config, std::unique_ptr<Sender> sender, Say say)
    : state_(std::make_shared<State>(signal, config, std::move(sender), std::move(say))) {
  thread_ = std::thread([state = state_] { Run(state); });
}

Exporter::~Exporter() {
  if (!thread_.joinable()) return;
  BeginStop(SteadyClock::now());
  thread_.join();
}

void Exporter::Push(std::string body, uint64_t records) {
  State& state = *state_;
  base::MutexLock lock(state.mutex);
  ExporterStats& stats = state.stats;
  if (state.stopping) {
    stats.dropped_at_exit += records;
    return;
  }
  while (state.IsFull(body.size(), records)) {
    if (state.signal != Signal::kMetrics) {
      stats.dropped_queue_full += records;
      return;
    }
    const Batch& oldest = state.queue.front();
    stats.dropped_queue_full += oldest.records;
    stats.queued_records -= oldest.records;
    stats.queued_bytes -= oldest.body.size();
    --stats.queued_batches;
    state.queue.pop_front();
  }
  ++stats.queued_batches;
  stats.queued_records += records;
  stats.queued_bytes += body.size();
  state.queue.push_back({std::move(body), records});
  state.changed.notify_all();
}

void Exporter::BeginStop(SteadyClock::time_point deadline) {
  base::MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->stop_deadline = deadline;
  state_->changed.notify_all();
}

bool Exporter::FinishStop(SteadyClock::time_point deadline) {
  {
    base::MutexLock lock(state_->mutex);
    while (!state_->done) {
      if (state_->changed.wait_until(state_->mutex, deadline) == std::cv_status::timeout) break;
    }
    if (!state_->done) {
      thread_.detach();
      return false;
    }
  }
  thread_.join();
  return true;
}

ExporterStats Exporter::stats() const {
  base::MutexLock lock(state_->mutex);
  return state_->stats;
}

void Exporter::Run(const std::shared_ptr<State>& state) {
  while (true) {
    Batch batch;
    {
      base::MutexLock lock(state->mutex);
      while (state->queue.empty() && !state->stopping) state->changed.wait(state->mutex);
      if (state->queue.empty()) {
        state->done = true;
        state->changed.notify_all();
        return;
      }
      batch = std::move(state->queue.front());
      state->queue.pop_front();
    }
    state->Deliver(std::move(batch));
  }
}

void Exporter::State::Deliver(Batch batch) {
  // What the receiver asked of the last batch holds for the next one too.
  WaitUntil(not_before);
  const SteadyClock::time_point own_deadline = SteadyClock::now() + config.timeout;
  std::chrono::milliseconds backoff = kFirstBackoff;
  while (true) {
    SteadyClock::time_point deadline = own_deadline;
    bool last = false;
    {
      base::MutexLock lock(mutex);
      last = stopping;
      if (stopping) deadline = std::min(deadline, stop_deadline);
    }
    // At exit a receiver that could not be reached a moment ago is not asked again for every batch.
    if (last && !std::exchange(saw_stop, true)) unreachable = false;
    if (SteadyClock::now() >= deadline || (last && unreachable)) {
      return Drop(batch, last ? &ExporterStats::dropped_at_exit : &ExporterStats::dropped_deadline);
    }
    const Attempt attempt = sender->Send(batch.body, deadline);
    Record(attempt, batch);
    if (attempt.delivered) return;
    if (!attempt.retryable) return Drop(batch, &ExporterStats::dropped_refused);
    unreachable = attempt.retry_after.count() == 0;

    std::chrono::milliseconds wait = attempt.retry_after;
    if (wait.count() == 0) {
      wait = backoff * (80 + random() % 41) / 100;
      backoff = std::min(backoff * 2, kLongestBackoff);
    }
    const SteadyClock::time_point next = SteadyClock::now() + wait;
    {
      base::MutexLock lock(mutex);
      last = stopping;
      if (stopping) deadline = std::min(deadline, stop_deadline);
    }
    if (next >= deadline || (last && unreachable)) {
      if (attempt.retry_after.count() > 0) not_before = next;
      return Drop(batch, last ? &ExporterStats::dropped_at_exit : &ExporterStats::dropped_deadline);
    }
    if (last) {
      std::this_thread::sleep_until(next);
    } else {
      WaitUntil(next);
    }
  }
}

void Exporter::State::WaitUntil(SteadyClock::time_point time) {
  base::MutexLock lock(mutex);
  while (!stopping && SteadyClock::now() < time) changed.wait_until(mutex, time);
}

void Exporter::State::Record(const Attempt& attempt, const Batch& batch) {
  {
    base::MutexLock lock(mutex);
    ++stats.attempts;
    stats.failing = !attempt.delivered;
    if (!attempt.delivered) {
      ++stats.failed_attempts;
      stats.last_error = attempt.error;
      stats.last_error_unix_nanos = base::Clock::System().Now();
    } else {
      const uint64_t rejected = std::min(attempt.rejected, batch.records);
      ++stats.delivered_batches;
      stats.delivered_records += batch.records - rejected;
      stats.delivered_bytes += batch.body.size();
      stats.rejected += rejected;
      --stats.queued_batches;
      stats.queued_records -= batch.records;
      stats.queued_bytes -= batch.body.size();
      if (!attempt.warning.empty() || rejected > 0) {
        stats.last_error = attempt.warning;
        stats.last_error_unix_nanos = base::Clock::System().Now();
      }
    }
  }
  if (attempt.delivered) {
    unreachable = false;
    SayOfDelivery(attempt);
  } else {
    SayOfFailure(attempt.error);
  }
}

void Exporter::State::Drop(const Batch& batch, uint64_t ExporterStats::* reason) {
  base::MutexLock lock(mutex);
  stats.*reason += batch.records;
  --stats.queued_batches;
  stats.queued_records -= batch.records;
  stats.queued_bytes -= batch.body.size();
}

void Exporter::State::SayOfFailure(const std::string& error) {
  const SteadyClock::time_point now = SteadyClock::now();
  if (told_failing || (last_told.time_since_epoch().count() != 0 && now - last_told < kSayInterval)) return;
  told_failing = true;
  last_told = now;
  say(fmt::format("{} do not arrive at {}: {} (the service is not affected)", SignalName(signal), config.endpoint,
                  error));
}

void Exporter::State::SayOfDelivery(const Attempt& attempt) {
  if (told_failing) {
    told_failing = false;
    say(fmt::format("{} arrive at {} again", SignalName(signal), config.endpoint));
  }
  if (told_partial || (attempt.rejected == 0 && attempt.warning.empty())) return;
  told_partial = true;
  if (attempt.rejected > 0) {
    say(fmt::format("{} rejected {} {} of a batch: {}", config.endpoint, attempt.rejected, SignalName(signal),
                    attempt.warning));
  } else {
    say(fmt::format("{} said of {}: {}", config.endpoint, SignalName(signal), attempt.warning));
  }
}

}  // namespace clew::agent::drain
