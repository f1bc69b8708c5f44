// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "clew/base/result.h"
#include "clew/model/tenant.h"

namespace clew::model {

enum class Role : uint8_t { kRead, kWrite, kAdmin };

// Says that nobody waits for an answer any more. Copies share one flag; any thread may cancel or ask.
class CancellationToken {
 public:
  CancellationToken() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}
  // Of a flag that somebody else sets too (a connection whose client may go away).
  explicit CancellationToken(std::shared_ptr<std::atomic<bool>> cancelled) : cancelled_(std::move(cancelled)) {}
  void Cancel() const { cancelled_->store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

// Who asks, for how long and at what cost: made once in api (or by a background job), passed by reference through query
// to store. Nothing reads without one.
struct RequestContext {
  TenantId tenant;
  Role role = Role::kRead;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  CancellationToken cancellation;
  // What one request may hold in memory, engine included.
  uint64_t memory_budget_bytes = 512u << 20;

  // CANCELLED or DEADLINE_EXCEEDED once either holds.
  base::Status Check() const {
    if (cancellation.cancelled()) return base::Fail(base::Code::kCancelled, "the client went away");
    if (std::chrono::steady_clock::now() >= deadline) {
      return base::Fail(base::Code::kDeadlineExceeded,
                        "the time limit of the request has passed; ask for less time or data");
    }
    return {};
  }
};

}  // namespace clew::model
