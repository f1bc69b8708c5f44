// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "clew/base/time.h"

namespace clew::store {

// [from, to) in Unix nanoseconds of the events' own time.
struct TimeRange {
  base::UnixNanos from = std::numeric_limits<int64_t>::min();
  base::UnixNanos to = std::numeric_limits<int64_t>::max();

  bool operator==(const TimeRange&) const = default;
  bool Contains(base::UnixNanos time) const { return from <= time && time < to; }
  bool IsEmpty() const { return from >= to; }
};

}  // namespace clew::store
