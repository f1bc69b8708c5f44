// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clew/agent/drain/cell_table.h"
#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/drain/process_watch.h"
#include "clew/agent/drain/record_batcher.h"
#include "clew/agent/record/arena.h"
#include "clew/agent/record/record_reader.h"
#include "clew/agent/record/ring_reader.h"
#include "clew/base/thread_annotations.h"
#include "clew/model/metric_batch.h"

namespace clew::agent::drain {

// Takes what the rings held, in the order of each ring.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual void OnSpan(const RecordSource& source, const record::SpanView& span, int64_t clock_offset) = 0;
  virtual void OnCutShort(const RecordSource& source, const record::SpanView& span, int64_t clock_offset,
                          const CutShort& end) = 0;
  virtual void OnLog(const RecordSource& source, const record::LogView& log, int64_t clock_offset) = 0;
  // For a person: a note of a process, or bits of WorkerSlot::notes that were not set before.
  virtual void OnNote(const RecordSource& source, const record::NoteView& note) = 0;
  virtual void OnWorkerNotes(const RecordSource& source, uint64_t new_bits) = 0;
};

// The drainer's view of an arena: which processes hold what, what they wrote, and when they have ended. Slots of
// processes that have certainly ended are drained to their head, their open spans reported as cut short, their cells
// folded, and only then given back. Poll() and the descriptors belong to one thread; Collect() and the counters may be
// used by any.
class ArenaDrain {
 public:
  struct Counters {
    std::atomic<uint64_t> spans = 0;
    std::atomic<uint64_t> logs = 0;
    std::atomic<uint64_t> cut_short_spans = 0;
    std::atomic<uint64_t> dropped_records = 0;
    std::atomic<uint64_t> broken_records = 0;
    std::atomic<uint64_t> lost_records = 0;
    std::atomic<uint64_t> truncated_records = 0;
    std::atomic<uint64_t> rings = 0;
    std::atomic<uint64_t> living = 0;
    std::atomic<uint64_t> ended = 0;
    std::atomic<uint64_t> killed = 0;
    std::atomic<uint64_t> series_refused = 0;
  };

  // What is known of one process, for the status.
  struct ProcessInfo {
    int64_t pid = 0;
    uint32_t number = 0;
    uint64_t spans = 0;
    uint64_t logs = 0;
  };

  // `arena` and `sink` outlive it.
  ArenaDrain(const record::Arena& arena, RecordSink& sink);
  ~ArenaDrain();

  // Reads everything that is there. True where a ring was over a quarter full.
  bool Poll();
  // Appends the descriptors that become readable when a process ends.
  void AppendDescriptors(std::vector<pollfd>& waits) const;

  // All metrics at this moment.
  model::MetricBatch Collect(const KeyValuePairs& resource, int64_t now_unix_nanos) EXCLUDES(mutex_);
  std::vector<ProcessInfo> Processes() const EXCLUDES(mutex_);
  const Counters& counters() const { return counters_; }
  uint64_t broken_series() const EXCLUDES(mutex_);
  uint64_t series_count() const EXCLUDES(mutex_);

 private:
  struct Process;
  struct Ring;
  struct Worker;

  Process* ProcessOf(uint64_t owner);
  bool IsForeign(uint32_t pid_namespace) const;
  void FindEnded();
  void ScanWorkers();
  void ScanWorker(uint32_t index);
  void ReadIdentity(uint32_t index, Process& process);
  bool ScanRings();
  void DrainRing(uint32_t index, Ring& ring);
  void Visit(Ring& ring, const record::RecordHeader& header, std::string_view payload);
  void CountDropped(uint32_t index, Ring& ring);
  void ReportOpenSpans(uint32_t index, const Ring& ring, const CutShort& end);
  void FreeRing(uint32_t index, const CutShort& end);
  void FreeWorker(uint32_t index);
  void BuryEnded();
  static CutShort EndOf(const Process& process);

  const record::Arena& arena_;
  const record::ArenaView view_;
  RecordSink& sink_;
  Counters counters_;
  int64_t clock_offset_ = 0;

  // Guards what Collect() and Processes() read too. The maps change only under it and only in the polling thread, which
  // therefore reads them without.
  mutable base::Mutex mutex_;
  CellTable cells_;
  std::map<uint64_t, std::unique_ptr<Process>> processes_;  // by owner word
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<std::unique_ptr<Worker>> workers_;
  uint64_t next_process_ = 1;
};

}  // namespace clew::agent::drain
