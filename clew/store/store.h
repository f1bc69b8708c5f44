// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/model/log_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/model/tenant.h"
#include "clew/store/pending.h"

namespace clew::store {

struct StoreOptions {
  // The embedded engine lives in <data_dir>/engine; the write-ahead log beside it is another's.
  std::string data_dir;
  // See engine::ChdbOptions.
  std::string library_path = {};
  uint64_t memory_bytes = uint64_t{2} << 30;
};

// One acknowledged batch of one tenant, as it leaves the log. The batch outlives the call.
template <typename Batch>
struct ArrivedBatch {
  model::TenantId tenant;
  base::UnixNanos arrival = 0;
  const Batch* batch = nullptr;
};

// The batches of one signal that go into the tables together: one INSERT, one block, one partition a table.
template <typename Batch>
struct Cut {
  std::span<const ArrivedBatch<Batch>> batches;  // all of one arrival day, see ArrivalDay
  // Names the cut for ever; a cut that is inserted again under its token changes nothing.
  std::string token;
  // An earlier attempt failed, or a crash cut it off. ClickHouse notes tokens apart from the parts and unsynced
  // (MergeTreeDeduplicationLog), so then a known token does not prove the rows and an unknown one does not disprove
  // them: each table is asked whether it holds the rows (the arrival of a batch tells), and the token is only the net.
  bool again = false;
};

// The partition of a batch: days since 1970-01-01 in UTC. A cut never crosses from one day into another.
inline int64_t ArrivalDay(base::UnixNanos arrival) {
  constexpr int64_t kNanosPerDay = 86'400 * base::kNanosPerSecond;
  return arrival >= 0 ? arrival / kNanosPerDay : (arrival - kNanosPerDay + 1) / kNanosPerDay;
}

class StoreState;

// What Clew keeps: opens the engine, brings the schema up to date, and is what readers (span_reader.h, log_reader.h,
// series_reader.h) and the write path work on. The only folder with SQL. One Store a process at a time (the embedded
// engine's rule). All functions may be called from any thread; readers and the write path must be gone before it is.
class Store {
 public:
  // FAILED_PRECONDITION: another process holds the folder, it was written by a newer Clew, or there is no libchdb;
  // PERMISSION_DENIED: it cannot be written.
  static base::Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // The write path's last step. Rows are on disk, synced, once it returns; the same cut with the same token may be
  // given again after an error or a crash and is stored once. INVALID_ARGUMENT: a batch that is not consistent or of
  // another day.
  base::Status Insert(const Cut<model::SpanBatch>& cut);
  base::Status Insert(const Cut<model::LogBatch>& cut);
  base::Status Insert(const Cut<model::SeriesBatch>& cut);

  // Damaged parts of tables that lie aside (part_keeper.h).
  uint64_t parts_aside() const;
  // On the disk of the tables; 0 where the file system does not say.
  uint64_t FreeBytes() const;
  // See engine::Engine.
  base::Status Writable() const;
  void EndWaitingWritesAt(std::chrono::steady_clock::time_point when);

  // Readers ask `pending` before they read; nullptr (the state at first): there is none. It outlives its attachment.
  void AttachPending(PendingFlusher* pending);

  // Ends running queries and closes the engine; later calls fail with UNAVAILABLE. The destructor does the same.
  void Close();

  const std::string& data_dir() const { return data_dir_; }
  // What the readers of this folder work on.
  StoreState& state() const { return *state_; }

 private:
  Store(std::string data_dir, std::unique_ptr<StoreState> state);
  const std::string data_dir_;
  std::unique_ptr<StoreState> state_;
};

}  // namespace clew::store
