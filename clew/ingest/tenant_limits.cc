// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/tenant_limits.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace clew::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr double kBurstSeconds = 10;
constexpr int64_t kNanosPerDay = 86'400 * base::kNanosPerSecond;
constexpr milliseconds kManyTenantsRetry{60'000};
constexpr Rejection kManySeries{RejectReason::kTenantSeries, "the tenant has sent as many series today as it may"};

// Fills the bucket up to now; how long until there is something in it.
template <typename Bucket>
milliseconds Fill(Bucket& bucket, uint64_t rate, steady_clock::time_point now) {
  if (rate == 0) return milliseconds(0);
  const auto per_second = static_cast<double>(rate);
  const double most = per_second * kBurstSeconds;
  const bool is_new = bucket.filled == steady_clock::time_point();
  bucket.left =
      is_new ? most
             : std::min(most, bucket.left + per_second * std::chrono::duration<double>(now - bucket.filled).count());
  bucket.filled = now;
  if (bucket.left > 0) return milliseconds(0);
  return milliseconds(1 + std::llround(-bucket.left / per_second * 1000));
}

}  // namespace

TenantGuard::Tenant* TenantGuard::TenantOf(const std::string& name) {
  if (const auto known = tenants_.find(name); known != tenants_.end()) return known->second.get();
  if (limits_.tenants > 0 && tenants_.size() >= limits_.tenants) return nullptr;
  return tenants_.emplace(name, std::make_unique<Tenant>()).first->second.get();
}

uint64_t TenantGuard::RowRate(Signal signal) const {
  switch (signal) {
    case Signal::kSpans: return limits_.spans_per_second;
    case Signal::kLogs: return limits_.records_per_second;
    case Signal::kMetrics: return limits_.points_per_second;
  }
  return 0;
}

base::Status TenantGuard::Check(const model::TenantId& tenant, Signal signal) {
  const base::MutexLock lock(mutex_);
  Tenant* const own = TenantOf(tenant.name());
  if (own == nullptr) {
    return base::ResourceExhausted("there are more tenants than this server takes", kManyTenantsRetry);
  }
  const auto now = steady_clock::now();
  const milliseconds wait = std::max(Fill(own->bytes, limits_.bytes_per_second, now),
                                     Fill(own->rows[static_cast<size_t>(signal)], RowRate(signal), now));
  if (wait.count() > 0) return base::ResourceExhausted("the tenant sends more than it may; come again", wait);
  return {};
}

void TenantGuard::Count(const model::TenantId& tenant, Signal signal, uint64_t rows, uint64_t bytes) {
  const base::MutexLock lock(mutex_);
  Tenant* const own = TenantOf(tenant.name());
  if (own == nullptr) return;
  own->bytes.left -= static_cast<double>(bytes);
  own->rows[static_cast<size_t>(signal)].left -= static_cast<double>(rows);
}

LimitReport TenantGuard::LimitSeries(const model::TenantId& tenant, base::UnixNanos now, model::SeriesBatch& batch) {
  LimitReport report;
  if (limits_.series == 0) return report;
  std::vector<std::optional<Rejection>> rejections(batch.series.size());
  {
    const base::MutexLock lock(mutex_);
    Tenant* const own = TenantOf(tenant.name());
    if (own == nullptr) return report;
    if (own->day != now / kNanosPerDay) {
      own->day = now / kNanosPerDay;
      own->series.clear();
    }
    for (size_t i = 0; i < batch.series.size(); ++i) {
      const uint64_t id = batch.series[i].id;
      if (own->series.size() < limits_.series) {
        own->series.insert(id);
      } else if (!own->series.contains(id)) {
        rejections[i] = kManySeries;
      }
    }
  }
  RejectSeries(rejections, batch, report);
  return report;
}

}  // namespace clew::ingest
