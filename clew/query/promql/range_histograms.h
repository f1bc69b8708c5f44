// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/query/promql/annotations.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/range_functions.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {

// What a function makes of a window: a number, a histogram, or nothing.
struct RangeOutcome {
  double number = Absent();
  HistogramPtr histogram = nullptr;
};

// Where annotations point to, and what they name.
struct RangeNotes {
  Annotations& annotations;
  std::string_view metric;
  PositionRange range;
};

// The result of a function (one that FindRangeFunction knows) over a window that has histograms, and maybe floats.
RangeOutcome ApplyOverHistograms(FunctionId id, const Window& window, const RangeNotes& notes);

}  // namespace clew::query::promql
