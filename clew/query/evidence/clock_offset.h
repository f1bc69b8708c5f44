// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace clew::query::evidence {

// One call as its two ends saw it, each by its own clock; Unix nanoseconds.
struct CallTimes {
  int64_t caller_start = 0;
  int64_t caller_end = 0;
  int64_t callee_start = 0;
  int64_t callee_end = 0;
};

// By how many nanoseconds the callee's clock is ahead, from calls between the same two clocks: a callee works within
// its caller's time, so each call bounds the offset from both sides, and the offset that most calls allow is the answer
// (the middle of what they allow). 0 where that fits nearly as many calls: then nothing proves that the clocks differ.
int64_t ClockOffset(std::span<const CallTimes> calls);

}  // namespace clew::query::evidence
