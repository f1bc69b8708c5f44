// SPDX-License-Identifier: Apache-2.0
#include "clew/query/evidence/clock_offset.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace clew::query::evidence {
namespace {

// Calls that an offset must explain more than none does, at least and as a share: what a late clock tick or a caller
// that did not wait can bring about is no proof.
constexpr size_t kFewest = 3;
constexpr size_t kTenth = 10;

}  // namespace

int64_t ClockOffset(std::span<const CallTimes> calls) {
  // Where an interval of allowed offsets opens (+1) and where it has closed (-1).
  std::vector<std::pair<int64_t, int>> edges;
  size_t bounded = 0;
  size_t without = 0;
  for (const CallTimes& call : calls) {
    const int64_t low = call.callee_end - call.caller_end;
    const int64_t high = call.callee_start - call.caller_start;
    if (low > high) continue;  // the callee took longer than its caller waited
    ++bounded;
    if (low <= 0 && high >= 0) ++without;
    edges.emplace_back(low, 1);
    edges.emplace_back(high + 1, -1);
  }
  std::ranges::sort(edges);
  int open = 0;
  int most = 0;
  int64_t best_low = 0;
  int64_t best_high = 0;
  for (size_t i = 0; i < edges.size(); ++i) {
    open += edges[i].second;
    if (open > most) {
      most = open;
      best_low = edges[i].first;
      best_high = i + 1 < edges.size() ? edges[i + 1].first - 1 : edges[i].first;
    }
  }
  const size_t gained = static_cast<size_t>(most) - std::min(static_cast<size_t>(most), without);
  if (gained < std::max(kFewest, bounded / kTenth)) return 0;
  return best_low + (best_high - best_low) / 2;
}

}  // namespace clew::query::evidence
