// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/rca/features.h"

namespace clew::rca {

struct Onset {
  int64_t time = 0;     // Unix nanoseconds
  double evidence = 0;  // log-likelihood ratio, summed over the operations that changed most
};

// When features of `segments` (indexes by start time, with their observations) began to occur more often: the split of
// the time line after which they are explained best by a share of their own. Of each operation only the feature that
// changed most counts, and of the operations the five that changed most, so that one wide fault does not outvote.
// `first` to `last` bound it. Evidence below kOnsetEvidence says that nothing began in between.
Onset FindOnset(const FeatureTable& table, std::span<const Observation> observations, std::span<const int64_t> starts,
                const std::vector<bool>& candidates, int64_t first, int64_t last);

// Twenty: odds of 5·10^8 to one for a single operation; five operations that waver by chance stay below it.
inline constexpr double kOnsetEvidence = 20;

}  // namespace clew::rca
