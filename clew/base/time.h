// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::base {

// Nanoseconds since the Unix epoch, as OTLP carries them.
using UnixNanos = int64_t;

inline constexpr int64_t kNanosPerMilli = 1'000'000;
inline constexpr int64_t kNanosPerSecond = 1'000'000'000;

// Where the time of day comes from; a seam for tests. Implementations are callable from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixNanos Now() const = 0;
  // The system's clock; lives for ever.
  static const Clock& System();
};

// A point in time as people and the public APIs write it (reference: T in the interface): RFC 3339
// ("2026-11-24T19:40:00.5Z", offset allowed), a Unix time (seconds, fraction allowed; 13, 16 or 19 digits are taken as
// milli-, micro- and nanoseconds), "now", or relative to `now`: "-15m", "-1h30m", "now-5m" (units ms s m h d w).
Result<UnixNanos> ParseTime(std::string_view text, UnixNanos now);

// A length of time: "250ms", "1h30m", "30d", or bare seconds ("1.5"). Units ns us µs ms s m h d w y.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// RFC 3339 in UTC with as many fraction digits as needed: "2026-11-24T19:40:00.5Z".
std::string FormatTime(UnixNanos time);

// For people: "1.89 s", "20.1 ms", "340 µs".
std::string FormatDuration(std::chrono::nanoseconds duration);

}  // namespace clew::base
