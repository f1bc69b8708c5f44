// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/utilization.h"

#include <algorithm>

namespace clew::rca {
namespace {

// Points that say what was just before: one alone may be a dip.
constexpr size_t kJustBefore = 3;

}  // namespace

std::optional<Level> FindLevel(const model::Utilization& utilization, Window line, Window baseline) {
  const auto value = [](const model::UtilizationPoint& point) { return std::clamp(point.value, 0.0, 1.0); };
  const auto& points = utilization.points;
  const auto end = std::ranges::lower_bound(points, line.to, {}, &model::UtilizationPoint::time);
  double usual = -1;
  for (const model::UtilizationPoint& point : points) {
    if (baseline.Contains(point.time)) usual = std::max(usual, value(point));
  }
  std::optional<Level> best;
  double sum = 0;
  double count = 0;
  // From the end backwards, so that the mean of what follows is at hand.
  for (auto at = end; at != points.begin();) {
    --at;
    if (at->time < line.from) break;
    sum += value(*at);
    ++count;
    Level level{at->time, -1, sum / count};
    const auto known = static_cast<size_t>(at - points.begin());
    for (size_t i = 1; i <= std::min(kJustBefore, known); ++i)
      level.before = std::max(level.before, value(*(at - static_cast<std::ptrdiff_t>(i))));
    if (known == 0) level.before = usual;
    if (level.before < 0 || level.rise() <= 0) continue;
    if (!best || level.rise() > best->rise()) best = level;
  }
  return best;
}

}  // namespace clew::rca
