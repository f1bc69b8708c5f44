// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/ingest/limits.h"
#include "clew/model/series_batch.h"
#include "clew/model/tenant.h"

namespace clew::ingest {

// What one tenant may send; zero: no bound. Of a rate, ten seconds' worth may come at once after a pause.
struct TenantLimits {
  uint64_t bytes_per_second = 0;  // of batches as they are held in memory
  uint64_t spans_per_second = 0;
  uint64_t records_per_second = 0;  // log records
  uint64_t points_per_second = 0;   // of metrics, as they came
  // Different series that send points within one day (UTC). Points of more are rejected, the rest is taken.
  uint64_t series = 1'000'000;
  // Tenants that are told apart; a request of another is refused. What is known of a tenant takes memory.
  uint32_t tenants = 1000;
};

// Holds tenants to their limits. Thread-safe.
class TenantGuard {
 public:
  enum class Signal : uint8_t { kSpans, kLogs, kMetrics };

  explicit TenantGuard(const TenantLimits& limits) : limits_(limits) {}

  // RESOURCE_EXHAUSTED with retry_after where the tenant has sent more than it may: nothing of the request is to be
  // taken.
  base::Status Check(const model::TenantId& tenant, Signal signal);
  // What a request that passed Check brought. A large one may take the tenant over its limit; then it waits the longer.
  void Count(const model::TenantId& tenant, Signal signal, uint64_t rows, uint64_t bytes);
  // Removes series beyond the bound, and their points; `now` says which day it is.
  LimitReport LimitSeries(const model::TenantId& tenant, base::UnixNanos now, model::SeriesBatch& batch);

 private:
  using Time = std::chrono::steady_clock::time_point;
  // What may still be sent; it fills up as time passes, and may be below zero.
  struct Bucket {
    double left = 0;
    Time filled{};
  };
  struct Tenant {
    Bucket bytes;
    std::array<Bucket, 3> rows;  // by signal
    int64_t day = 0;
    std::unordered_set<uint64_t> series;  // of that day
  };

  // nullptr: there are too many.
  Tenant* TenantOf(const std::string& name) REQUIRES(mutex_);
  uint64_t RowRate(Signal signal) const;

  const TenantLimits limits_;
  base::Mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<Tenant>> tenants_ GUARDED_BY(mutex_);
};

}  // namespace clew::ingest
