// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "clew/base/periodic_thread.h"
#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/store/store.h"

namespace clew::store {

struct RetentionOptions {
  // Counted from arrival, so data from 1970 lives as long as fresh data; zero: for ever.
  std::chrono::nanoseconds age{0};
  // What the tables may take of the room that they and nobody else take: their bytes and what is free on the disk.
  // Zero or less, one or more: no bound.
  double disk_share = 0;
  std::chrono::milliseconds interval = std::chrono::minutes(1);
  const base::Clock* clock = &base::Clock::System();
  // Free on the disk of the tables; empty: what the file system says.
  std::function<uint64_t()> free_bytes;
};

struct RetentionStats {
  uint64_t dropped_days_by_age = 0;
  uint64_t dropped_days_by_disk_share = 0;
  uint64_t dropped_rows = 0;
  uint64_t dropped_bytes = 0;
  uint64_t table_bytes = 0;  // when it looked last
  std::string last_error;    // empty: the last look went well
};

// Drops whole days of arrival (UTC), oldest first, of all tables of telemetry: those that are older than they may be,
// and more while the tables take more of the disk than they may. The day that is running is never dropped. What is
// dropped is said in Clew's own log and counted. Looks at once and then now and then, on a thread of its own; `store`
// outlives it.
class Retention {
 public:
  Retention(Store& store, RetentionOptions options);
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Looks and drops now.
  base::Status Apply();
  RetentionStats stats() const;

 private:
  struct Day;

  base::Status DropDay(const Day& day, const std::string& reason);
  double ShareOf(uint64_t table_bytes) const;

  Store& store_;
  const RetentionOptions options_;
  base::Mutex work_mutex_;  // held while days are dropped
  mutable base::Mutex mutex_;
  RetentionStats stats_ GUARDED_BY(mutex_);
  base::PeriodicThread thread_;  // last: it uses all of the others
};

}  // namespace clew::store
