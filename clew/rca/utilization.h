// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "clew/model/evidence.h"
#include "clew/rca/diagnose.h"

namespace clew::rca {

// A level that a utilization rose to and stayed at, as shares of its limit.
struct Level {
  int64_t since = 0;  // Unix nanoseconds of the first point of it
  double before = 0;  // the highest of the last few points before
  double during = 0;  // mean from then on

  double rise() const { return during - before; }
  // Of what was left of the limit, the share that is used now.
  double taken() const { return before < 1 ? rise() / (1 - before) : 0; }
};

// The greatest rise whose first point lies within `line` and that lasts to the line's end. What counts as before is
// what was just before: an earlier peak that was over is none of it, and who was at the limit already has not risen.
// Where no point precedes it, the baseline's stand in. Nothing where there is no rise, or nothing to compare with.
// Finds its own beginning, since metrics come in steps of many seconds.
std::optional<Level> FindLevel(const model::Utilization& utilization, Window line, Window baseline);

}  // namespace clew::rca
