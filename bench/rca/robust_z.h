// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "clew/model/evidence.h"
#include "recordings.h"

namespace clew::bench {

// A yardstick: services ranked as BARO does (Pham et al., "BARO: Robust Root Cause Analysis for Microservices via
// Multivariate Bayesian Online Change Point Detection", FSE 2024, its RobustScorer). Every metric of a service (calls,
// failed calls, median and 95th percentile of duration, every utilization) is a series; a service scores the largest
// distance of any of its values during the incident from the median before, in units of the interquartile range before.
// It is given the true onset, which it would have to find otherwise.
std::vector<std::string> RankByRobustZ(const model::Evidence& evidence, const FaultCase& fault);

}  // namespace clew::bench
