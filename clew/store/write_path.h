// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "clew/base/hash.h"
#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/model/request_context.h"
#include "clew/model/tenant.h"
#include "clew/store/pending.h"
#include "clew/store/store.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/body_hashes.h"
#include "clew/store/wal/log.h"

namespace clew::store {

// Where cuts go: Store::Insert, or a test's. Callable from several threads, one cut a table at a time.
class CutSink {
 public:
  virtual ~CutSink() = default;
  virtual base::Status Insert(const Cut<model::SpanBatch>& cut) = 0;
  virtual base::Status Insert(const Cut<model::LogBatch>& cut) = 0;
  virtual base::Status Insert(const Cut<model::SeriesBatch>& cut) = 0;
  // Nothing was inserted into `table` for a while: the memory that its INSERTs keep may go back.
  virtual void GiveBackMemory(wal::Table /*table*/) {}
  // Why an INSERT that has begun does not go on at present, or success.
  virtual base::Status Writable() const { return {}; }
  // An INSERT that cannot go on at `when` may end the process: it would not return.
  virtual void EndWaitingWritesAt(std::chrono::steady_clock::time_point /*when*/) {}
};

struct WritePathOptions {
  wal::LogOptions log;  // its folder: <data_dir>/wal
  // Rows go into their table once there are so many, or once the oldest has waited so long.
  size_t cut_rows = 100'000;
  std::chrono::milliseconds cut_interval{1000};
  // Readers who ask are served together, this far apart at least.
  std::chrono::milliseconds flush_interval{100};
  // A reader waits for so long, from when INSERTs do not get through, before it hears so.
  std::chrono::milliseconds flush_patience{5000};
  // Of all rows that wait for the log or their table, and of those of one table; over it Write refuses.
  uint64_t pending_bytes = 256u << 20;
  uint64_t table_pending_bytes = 160u << 20;
  wal::BodyHashes::Options hashes;
  // An INSERT that fails for a reason that does not pass by itself is given up after so many attempts: its rows stay in
  // a segment set aside, and the table goes on.
  int insert_attempts = 10;
  std::chrono::milliseconds insert_pause{200};  // doubles up to 5 s
};

// One request's rows.
struct WriteEntry {
  model::TenantId tenant;
  // Consistent batches that nobody changes any more.
  wal::Rows rows;
  // Of tenant, signal and body; zero: never a repetition.
  base::Hash128 body_hash;
  // Rows of the request that limits refused: remembered for the answer to a repetition.
  uint64_t rejected = 0;
};

struct Written {
  uint64_t rejected = 0;
  // The same body was taken before: nothing was written now.
  bool is_repetition = false;
};

struct WritePathStats {
  struct TableStats {
    uint64_t pending_rows = 0;
    uint64_t pending_bytes = 0;
    uint64_t inserted_rows = 0;
    uint64_t cuts = 0;
    uint64_t flushes = 0;  // cuts that a reader asked for
    uint64_t insert_errors = 0;
    uint64_t rows_set_aside = 0;
    std::chrono::milliseconds oldest_age{0};
    std::string last_error;  // empty: the last INSERT went well
  };
  std::array<TableStats, wal::kTableCount> tables;
  uint64_t refused_full = 0;  // over the bound of what may wait
  uint64_t repetitions = 0;
  // Readers that were told that rows which may match cannot be inserted now, and went on without them.
  uint64_t stale_reads = 0;
  uint64_t body_hashes = 0;
  bool replaying = false;
  wal::LogStats log;
};

// From an accepted batch to rows in their table: logged and synced (then it is acknowledged), pending in memory, cut
// by table, inserted, and its log segment deleted. A cut is one INSERT of one arrival day; where it begins and ends is
// logged before, and is its deduplication token, so a crash anywhere loses nothing acknowledged and doubles nothing.
// Readers find what is pending by asking for it (FlushFor). All functions may be called from any thread.
class WritePath : public PendingFlusher {
 public:
  using Done = std::move_only_function<void(base::Result<Written>)>;

  // Opens the log and replays what is not in the tables yet; returns when that is done, or, where the tables take
  // nothing now (a full disk), goes on with it and refuses rows until then. Errors: as wal::Log::Open. `sink` outlives
  // the write path.
  static base::Result<std::unique_ptr<WritePath>> Open(WritePathOptions options, CutSink& sink);
  // On top of `store`, whose readers ask it from then on; `store` outlives it.
  static base::Result<std::unique_ptr<WritePath>> Open(WritePathOptions options, Store& store);
  // Close() without waiting for rows that cannot be inserted.
  ~WritePath() override;

  // `done` is called once, after the sync that covers the rows and once FlushFor sees them. RESOURCE_EXHAUSTED with
  // retry_after: too much is pending, or the disk is full. UNAVAILABLE: closing, replaying, or the log has failed.
  void Write(WriteEntry entry, Done done);

  // UNAVAILABLE or RESOURCE_EXHAUSTED where rows that may match cannot be inserted and flush_patience has passed since
  // then; they are kept and tried again.
  base::Status FlushFor(const Question& question, const model::RequestContext& context) override;

  WritePathStats stats() const;
  // All rows that arrived before it are in their tables, but for what arrives after the clock was set back.
  base::UnixNanos StoredUpTo() const;
  // Returns once all rows that were taken before the call are in their tables and nothing of them is left in the log.
  // UNAVAILABLE, DEADLINE_EXCEEDED where that cannot be had within the context.
  base::Status EmptyLog(const model::RequestContext& context);
  // Whether data is kept now: no replay is under way, the log takes rows, INSERTs get through. Else the reason.
  base::Status CheckReady() const;

  // Refuses new rows, inserts what is pending unless that fails, and closes the log; what is left is replayed by the
  // next start. Returns by `deadline` plus one INSERT; one that waits for room on the disk ends the process then.
  // Repeatable.
  void Close(std::chrono::steady_clock::time_point deadline);

 private:
  class Impl;
  explicit WritePath(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clew::store
