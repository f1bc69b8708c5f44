// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "clew/base/result.h"
#include "clew/engine/engine.h"
#include "clew/model/request_context.h"
#include "clew/store/pending.h"
#include "clew/store/sender_directory.h"
#include "clew/store/series_index.h"

namespace clew::store {

// What readers and writers of this folder share. Every part is thread-safe.
class StoreState {
 public:
  explicit StoreState(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  engine::Engine& engine() { return *engine_; }
  SenderDirectory& resources() { return resources_; }
  SenderDirectory& scopes() { return scopes_; }
  SeriesIndex& series() { return series_; }

  void AttachPending(PendingFlusher* pending) { pending_.store(pending); }
  // What every reader does first: what was acknowledged and may match goes into the tables.
  base::Status Flush(const Question& question, const model::RequestContext& context) {
    CLEW_RETURN_IF_ERROR(context.Check());
    PendingFlusher* const pending = pending_.load();
    return pending == nullptr ? base::Status() : pending->FlushFor(question, context);
  }

  // Fills the mirrors of side tables and series from their tables.
  base::Status LoadMirrors();

 private:
  std::unique_ptr<engine::Engine> engine_;
  SenderDirectory resources_;
  SenderDirectory scopes_;
  SeriesIndex series_;
  std::atomic<PendingFlusher*> pending_{nullptr};
};

}  // namespace clew::store
