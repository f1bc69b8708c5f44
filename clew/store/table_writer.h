// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/model/request_context.h"
#include "clew/model/tenant.h"
#include "clew/store/pending.h"
#include "clew/store/pending_index.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/log.h"
#include "clew/store/write_path.h"

namespace clew::store {

// Bytes that wait for the log or their table. Callable from any thread.
class PendingBudget {
 public:
  PendingBudget(uint64_t total_bytes, uint64_t table_bytes) : total_limit_(total_bytes), table_limit_(table_bytes) {}

  // False: over a bound. What is larger than a bound by itself is let in where nothing else waits.
  bool TryReserve(wal::Table table, uint64_t bytes);
  // For rows that are in the log already.
  void Reserve(wal::Table table, uint64_t bytes);
  void Release(wal::Table table, uint64_t bytes);

 private:
  const uint64_t total_limit_;
  const uint64_t table_limit_;
  base::Mutex mutex_;
  uint64_t total_ GUARDED_BY(mutex_) = 0;
  std::array<uint64_t, wal::kTableCount> tables_ GUARDED_BY(mutex_){};
};

// One acknowledged batch that waits for its table.
struct PendingRows {
  uint64_t sequence = 0;
  base::UnixNanos arrival = 0;
  model::TenantId tenant;
  wal::Rows rows;  // one batch
  size_t row_count = 0;
  uint64_t reserved_bytes = 0;
  PendingIndex index;
  std::chrono::steady_clock::time_point since{};
};

// Takes the pending rows of one table into it, cut by cut, on a thread of its own. Numbers of added rows rise.
class TableWriter {
 public:
  // `open_cut`: how the first rows were cut before the start, where that INSERT may have been cut off. All references
  // outlive the writer.
  TableWriter(wal::Table table, const WritePathOptions& options, wal::Log& log, CutSink& sink, PendingBudget& budget,
              std::optional<wal::CutPayload> open_cut);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // Never waits. The rows' bytes are reserved already, and are released once they are in the table.
  void Add(PendingRows rows);
  // The log has been replayed up to here, and new rows may follow.
  void FinishReplay(uint64_t last_sequence);

  // See WritePath::FlushFor.
  base::Status FlushFor(const PendingQuestion& question, const model::RequestContext& context);

  // The last INSERT has failed.
  bool is_failing() const;
  // Why rows do not get into the table at present: RESOURCE_EXHAUSTED for lack of room, else UNAVAILABLE.
  std::optional<base::Error> WhyStuck() const;
  // The earliest arrival among the rows that wait; the largest time there is where none do.
  base::UnixNanos OldestPending() const;
  WritePathStats::TableStats stats() const;

  // Asks the thread to insert what is pending, unless an INSERT fails or `deadline` passes, and to end.
  void BeginStop(std::chrono::steady_clock::time_point deadline);
  void Join();

 private:
  using Time = std::chrono::steady_clock::time_point;

  // The cut that is on its way: it keeps its rows, whatever fails, until it is in.
  struct ActiveCut {
    wal::CutPayload payload;
    size_t entries = 0;
    bool logged = false;
    int attempts = 0;
    bool tried_before = false;
    Time retry_at{};
    Time reader_retry_at{};  // where a reader waits for the rows
  };

  void Run();
  // Waits until there is a cut to try; false: the thread ends.
  bool WaitForCut() REQUIRES(mutex_);
  bool IsCutDue(Time now, Time& next) REQUIRES(mutex_);
  void MakeCut() REQUIRES(mutex_);
  void TakeOverOpenCut() REQUIRES(mutex_);
  bool IsOpenCutComplete() const REQUIRES(mutex_);
  base::Status StoreCut();
  template <typename Batch>
  base::Status InsertRows(std::shared_ptr<const Batch> wal::Rows::* batch);
  void FinishCut(bool set_aside) REQUIRES(mutex_);
  void NoteFailure(const base::Error& error) REQUIRES(mutex_);
  bool IsHopeless(const base::Error& error) const REQUIRES(mutex_);
  std::optional<base::Error> Obstacle() const REQUIRES(mutex_);
  // An error once rows have not got into the table for as long as readers wait.
  base::Status CheckProgress() REQUIRES(mutex_);

  const wal::Table table_;
  const WritePathOptions& options_;
  wal::Log& log_;
  CutSink& sink_;
  PendingBudget& budget_;

  mutable base::Mutex mutex_;
  base::CondVar work_;      // for the thread
  base::CondVar progress_;  // for those who wait for a flush
  // The first cut_->entries are on their way; references to them hold while others are added.
  std::deque<PendingRows> pending_ GUARDED_BY(mutex_);
  size_t pending_rows_ GUARDED_BY(mutex_) = 0;
  uint64_t pending_bytes_ GUARDED_BY(mutex_) = 0;
  std::optional<wal::CutPayload> open_cut_ GUARDED_BY(mutex_);
  std::optional<ActiveCut> cut_ GUARDED_BY(mutex_);
  bool replayed_ GUARDED_BY(mutex_) = false;
  uint64_t replayed_to_ GUARDED_BY(mutex_) = 0;
  uint64_t inserted_to_ GUARDED_BY(mutex_) = 0;
  uint64_t flush_target_ GUARDED_BY(mutex_) = 0;  // readers wait for rows up to here
  uint64_t round_target_ GUARDED_BY(mutex_) = 0;  // of the flush under way
  Time next_flush_ GUARDED_BY(mutex_){};
  bool failing_ GUARDED_BY(mutex_) = false;
  Time last_cut_ GUARDED_BY(mutex_){};
  bool is_resting_ GUARDED_BY(mutex_) = true;  // the sink keeps no memory for cuts
  // Since when INSERTs fail, or one that has begun does not go on.
  std::optional<Time> stuck_since_ GUARDED_BY(mutex_);
  base::Error last_failure_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  Time stop_deadline_ GUARDED_BY(mutex_){};
  WritePathStats::TableStats stats_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace clew::store
