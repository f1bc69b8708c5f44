// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "clew/model/evidence.h"
#include "clew/rca/constants.h"
#include "clew/rca/diagnosis.h"

namespace clew::rca {

struct Window {
  int64_t from = 0;  // Unix nanoseconds, [from, to)
  int64_t to = 0;
  bool Contains(int64_t time) const { return from <= time && time < to; }
};

struct DiagnoseOptions {
  // What is taken as usual; empty (from == to): what lies before the onset.
  Window baseline;
  // Bounds the search for onset and end.
  Window incident;
  // Whether a person said that something was wrong then; the times said may be off by Constants::slack_seconds.
  bool incident_given = false;
  // Whether it is known to have begun before `incident`: then only its end is looked for.
  bool began = false;
  Constants constants;
};

// From evidence to ranked, explained causes. A pure function: the same evidence gives the same answer.
//
// Every signal becomes features of calls (features.h), and every comparison is the least share of calls that shows a
// feature anew (statistics.h, RiseLowerBound), so that signals compare on one scale and few samples say little. In each
// trace only the service that deviated first counts; what follows in the callers and callees is its effect. What was
// the same before the onset is no cause.
Diagnosis Diagnose(const model::Evidence& evidence, const DiagnoseOptions& options);

}  // namespace clew::rca
