// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <cstdint>

namespace clew::agent::record {

inline int64_t ClockNanos(clockid_t clock) noexcept {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
// What records carry; the drainer adds the offset to the time of day.
inline int64_t MonotonicNanos() noexcept { return ClockNanos(CLOCK_MONOTONIC); }
inline int64_t UnixNanos() noexcept { return ClockNanos(CLOCK_REALTIME); }

}  // namespace clew::agent::record
