// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/drain/process_watch.h"
#include "clew/agent/record/layout.h"
#include "clew/agent/record/record_reader.h"
#include "clew/model/metric_batch.h"

namespace clew::agent::drain {

// The sums over the metric cells of all workers. What a worker counted is folded into an accumulator when it ends, so
// counters and histograms never fall; its gauges and up-down counters go with it. Counters, histograms and up-down
// counters are one series for the whole service; gauges and the process metrics have one a worker, told apart by the
// attribute `worker` (`clew.worker` where the service has one of that name), a small number that a process keeps while
// it lives and that is given out again after it.
// Not thread-safe: the drainer guards it, since both its own thread and the metrics page read.
class CellTable {
 public:
  // `start_unix_nanos`: since when everything counts (the start of the run). More label sets than `max_series`, those
  // of the dead included, become one series with otel.metric.overflow a metric.
  CellTable(const record::ArenaView& arena, int64_t start_unix_nanos, size_t max_series = 16'384);
  ~CellTable();

  // A process that records; gives its worker number.
  uint32_t AddProcess(uint64_t process);
  // The newest look at a process' CPU time, memory and threads.
  void SetUsage(uint64_t process, const ProcessStat& stat);
  // It has ended: its CPU time stays, its memory and threads go, its number is free.
  void RemoveProcess(uint64_t process);

  // Worker slot `slot` belongs to that process from now on.
  void AddWorker(uint32_t slot, uint64_t process);
  // Its owner has ended and everything it counted is folded in. The caller frees the slot.
  void FoldWorker(uint32_t slot);

  // All series at this moment, one scope after the other, by name. `resource` becomes the only resource row.
  model::MetricBatch Collect(const KeyValuePairs& resource, int64_t now_unix_nanos);

  // Series of workers whose descriptor was broken, so far.
  uint64_t broken_series() const { return broken_series_; }
  size_t series_count() const { return series_.size(); }

 private:
  struct Series;
  struct Process;
  struct Slot;
  class Writer;

  Series* Resolve(const Slot& slot, const record::SeriesView& view);
  void ReadSlot(uint32_t slot_index, Slot& slot, bool fold);
  void WriteProcesses(Writer& writer);

  record::ArenaView arena_;
  const int64_t start_unix_nanos_;
  const size_t max_series_;
  std::map<std::string, std::unique_ptr<Series>> series_;  // by canonical definition: scope, name, …
  std::map<uint32_t, Slot> slots_;
  std::map<uint64_t, Process> processes_;
  std::vector<bool> numbers_;
  // CPU time of ended processes by worker number: user, system.
  std::vector<std::pair<double, double>> ended_cpu_;
  uint64_t broken_series_ = 0;
};

}  // namespace clew::agent::drain
