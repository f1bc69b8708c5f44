// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/engine/engine.h"
#include "clew/model/request_context.h"
#include "clew/store/insert_encoders.h"
#include "clew/store/part_keeper.h"
#include "clew/store/pending.h"
#include "clew/store/sender_directory.h"
#include "clew/store/series_index.h"

namespace clew::store {

// What readers and writers of this folder share. Every part is thread-safe.
class StoreState {
 public:
  explicit StoreState(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  engine::Engine& engine() { return engine_; }
  PartKeeper& parts() { return engine_; }
  SenderDirectory& resources() { return resources_; }
  SenderDirectory& scopes() { return scopes_; }
  SeriesIndex& series() { return series_; }
  InsertEncoders& encoders() { return encoders_; }

  void AttachPending(PendingFlusher* pending) { pending_.store(pending); }
  // What was acknowledged and may match goes into the tables; an error where it cannot. For work that must not miss
  // any row.
  base::Status Flush(const Question& question, const model::RequestContext& context) {
    CLEW_RETURN_IF_ERROR(context.Check());
    PendingFlusher* const pending = pending_.load();
    return pending == nullptr ? base::Status() : pending->FlushFor(question, context);
  }

  // What every reader does first: as Flush, but while the disk is full reading goes on without the rows that wait for
  // room. WritePathStats counts such reads, and the server says that it is not ready. Who asks for a trace that waits
  // is not told that it is not there.
  base::Status FlushForReading(const Question& question, const model::RequestContext& context) {
    base::Status status = Flush(question, context);
    const bool goes_on = !status && status.error().code == base::Code::kResourceExhausted && question.trace_ids.empty();
    return goes_on ? base::Status() : status;
  }

  // The minutes of arrival before it, as seconds, have rollups (rollup.h).
  uint32_t rolled_up_to() const { return rolled_up_to_; }
  void RaiseRolledUpTo(uint32_t seconds) {
    uint32_t known = rolled_up_to_;
    while (known < seconds && !rolled_up_to_.compare_exchange_weak(known, seconds)) {
    }
  }
  // How often windows were marked as to be made again.
  uint64_t rollup_marks() const { return rollup_marks_; }
  void CountRollupMark() { ++rollup_marks_; }
  // Held by whoever adds to rollup_windows, since each row's version is one above the last.
  base::Mutex& rollup_marks_mutex() { return rollup_marks_mutex_; }

  // Fills the mirrors of side tables and series from their tables.
  base::Status LoadMirrors();

 private:
  PartKeeper engine_;
  SenderDirectory resources_;
  SenderDirectory scopes_;
  SeriesIndex series_;
  InsertEncoders encoders_;
  std::atomic<PendingFlusher*> pending_{nullptr};
  std::atomic<uint32_t> rolled_up_to_{0};
  std::atomic<uint64_t> rollup_marks_{0};
  base::Mutex rollup_marks_mutex_;
};

}  // namespace clew::store
