// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/body_hashes.h"

#include <algorithm>
#include <limits>

namespace clew::store::wal {

void BodyHashes::Expire() {
  const Time now = std::chrono::steady_clock::now();
  while (!kept_.empty() && (now - kept_.front().first >= options_.lifetime || kept_.size() > options_.max_entries)) {
    entries_.erase(kept_.front().second);
    kept_.pop_front();
  }
}

void BodyHashes::Keep(const base::Hash128& hash, uint64_t rejected) {
  Entry& entry = entries_[hash];
  entry.rejected = static_cast<uint32_t>(std::min<uint64_t>(rejected, std::numeric_limits<uint32_t>::max()));
  if (!entry.kept) kept_.emplace_back(std::chrono::steady_clock::now(), hash);
  entry.kept = true;
}

BodyHashes::Claim BodyHashes::Take(const base::Hash128& hash, Waiter& waiter, uint64_t& rejected) {
  const base::MutexLock lock(mutex_);
  Expire();
  const auto [found, is_new] = entries_.try_emplace(hash);
  if (is_new) return Claim::kNew;
  if (found->second.kept) {
    rejected = found->second.rejected;
    return Claim::kKnown;
  }
  found->second.waiters.push_back(std::move(waiter));
  return Claim::kWaiting;
}

void BodyHashes::Settle(const base::Hash128& hash, base::Result<uint64_t> outcome) {
  std::vector<Waiter> waiters;
  {
    const base::MutexLock lock(mutex_);
    const auto found = entries_.find(hash);
    if (found == entries_.end()) return;
    waiters = std::move(found->second.waiters);
    found->second.waiters.clear();
    if (outcome) {
      Keep(hash, *outcome);
    } else {
      entries_.erase(found);
    }
  }
  for (Waiter& waiter : waiters) waiter(outcome);
}

void BodyHashes::Remember(const base::Hash128& hash, uint64_t rejected) {
  const base::MutexLock lock(mutex_);
  Keep(hash, rejected);
  Expire();
}

size_t BodyHashes::size() const {
  const base::MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace clew::store::wal
