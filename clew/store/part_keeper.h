// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "clew/base/thread_annotations.h"
#include "clew/engine/engine.h"
#include "clew/engine/errors.h"

namespace clew::store {

// An engine whose damaged parts are set aside: what a disk has changed behind ClickHouse's back would else fail every
// read that touches it. A part that a read finds damaged, and a check of its own too, is named in Clew's log and moved
// to its table's folder `detached`; that one read fails with DATA_LOSS, the next goes on without the part.
class PartKeeper final : public engine::Engine {
 public:
  explicit PartKeeper(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  // Names the parts that the engine itself found damaged when it was opened, then or before, and left out.
  base::Status ReportAtStart();
  // Parts that lie aside, those of earlier starts with them.
  uint64_t parts_aside() const { return parts_aside_; }

  base::Status Query(std::string_view sql, const engine::Parameters& parameters, const engine::QueryOptions& options,
                     const engine::OnBlock& on_block) override;
  base::Status Execute(std::string_view sql, const engine::Parameters& parameters,
                       const engine::QueryOptions& options) override;
  base::Status Insert(std::string_view table, const engine::EncodedBlock& block, std::string_view token,
                      const engine::QueryOptions& options) override {
    return engine_->Insert(table, block, token, options);
  }
  base::Status Writable() const override { return engine_->Writable(); }
  void EndWaitingWritesAt(std::chrono::steady_clock::time_point when) override { engine_->EndWaitingWritesAt(when); }
  void Close() override { engine_->Close(); }

 private:
  base::Status Look(base::Status status);
  // Whether the part is damaged indeed, and is out of its table now.
  bool SetAside(const engine::DamagedPart& part);

  std::unique_ptr<engine::Engine> engine_;
  std::atomic<uint64_t> parts_aside_{0};
  base::Mutex mutex_;
  std::set<engine::DamagedPart> seen_ GUARDED_BY(mutex_);
};

}  // namespace clew::store
