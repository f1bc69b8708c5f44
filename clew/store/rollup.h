// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/periodic_thread.h"
#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/store/log_template_rollup.h"
#include "clew/store/store.h"

namespace clew::store {

// An operation beyond the bound of its service is counted under this name.
inline constexpr std::string_view kOtherOperations = "(other operations)";

struct RollupOptions {
  // All rows that arrived before it are in their tables: WritePath::StoredUpTo.
  std::function<base::UnixNanos()> stored_up_to;
  std::chrono::milliseconds interval = std::chrono::seconds(5);
  // Operations of one service in one window; the others are counted together.
  uint32_t operations = 500;
  // Spans that one statement reads; a window with more is taken in parts, by trace.
  uint64_t spans_at_once = 400'000;
  LogTemplateRollup::Options log_templates = {};
};

struct RollupStats {
  uint64_t windows = 0;  // made
  base::UnixNanos rolled_up_to = 0;
  std::string last_error;
};

// Keeps the tables span_rollups and edge_rollups: what the spans say by service, operation and minute, so that hours
// can be read without them; and log_template_counts, which says the same of log records. A window is what arrived in
// one minute; its rows are made from stored spans once these and their neighbours of two minutes (parents and children
// come from different senders) are all stored, so they follow from data that does not change. They count from when the
// window's row in rollup_windows names them, which is written last: a crash leaves rows that nobody names, and the
// window is made anew. Each span is counted exactly once. When the clock was set back and more arrives in a minute that
// is done, its windows are made again. One thread of its own; `store` outlives it.
class Rollup {
 public:
  Rollup(Store& store, RollupOptions options);
  Rollup(const Rollup&) = delete;
  Rollup& operator=(const Rollup&) = delete;

  // Makes every window that can be made now.
  base::Status Apply();
  RollupStats stats() const;

 private:
  // The next windows to make, as seconds of their minute.
  base::Result<std::vector<uint32_t>> NextWindows(uint32_t before);
  base::Status MakeWindow(uint32_t window) REQUIRES(work_mutex_);

  Store& store_;
  const RollupOptions options_;
  base::Mutex work_mutex_;  // held while windows are made
  LogTemplateRollup log_templates_ GUARDED_BY(work_mutex_);
  // Up to where all is made, as seconds, and how many marks were known then.
  std::optional<std::pair<uint32_t, uint64_t>> looked_at_ GUARDED_BY(work_mutex_);
  mutable base::Mutex mutex_;
  RollupStats stats_ GUARDED_BY(mutex_);
  base::PeriodicThread thread_;  // last: it uses all of the others
};

}  // namespace clew::store
