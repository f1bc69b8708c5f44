// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "clew/agent/drain/config.h"
#include "clew/agent/drain/sender.h"
#include "clew/base/thread_annotations.h"

namespace clew::agent::drain {

// What an exporter has done so far. Records are spans, log records or data points.
struct ExporterStats {
  uint64_t queued_batches = 0;
  uint64_t queued_records = 0;
  uint64_t queued_bytes = 0;
  uint64_t delivered_batches = 0;
  uint64_t delivered_records = 0;  // less those that the receiver rejected
  uint64_t delivered_bytes = 0;    // before compression
  uint64_t attempts = 0;
  uint64_t failed_attempts = 0;
  // Records that never arrived, by reason.
  uint64_t dropped_queue_full = 0;
  uint64_t dropped_refused = 0;   // the receiver said no for good
  uint64_t dropped_deadline = 0;  // it was not to be had within the batch's time
  uint64_t dropped_at_exit = 0;
  uint64_t rejected = 0;  // partial success

  bool failing = false;  // the last attempt
  std::string last_error;
  int64_t last_error_unix_nanos = 0;
};

// A bounded queue of encoded batches and the thread that delivers them, one after another. Each batch has one deadline
// for all its attempts, which are spaced by exponential backoff or as the receiver asks. Functions may be called from
// any thread.
class Exporter {
 public:
  // `say` takes single lines for a person: when deliveries begin to fail, when they work again, and of the first
  // partial success.
  using Say = std::function<void(const std::string&)>;

  Exporter(Signal signal, const SignalConfig& config, std::unique_ptr<Sender> sender, Say say);
  ~Exporter();

  // Never waits. A batch that finds the queue full is dropped and counted; of metrics, which are cumulative, the oldest
  // goes instead.
  void Push(std::string body, uint64_t records);

  // Takes no more; what waits gets one attempt each until `deadline`.
  void BeginStop(std::chrono::steady_clock::time_point deadline);
  // Waits for the end of that, at most until `deadline`; false where an attempt still hangs. Then the thread is left to
  // itself and the process must end without running destructors of what it uses.
  bool FinishStop(std::chrono::steady_clock::time_point deadline);

  ExporterStats stats() const;

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace clew::agent::drain
