// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "clew/model/evidence.h"
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
  // Where the onset is looked for. It may lie up to `slack` outside of what a person said.
  Window incident;
  int64_t slack = 60'000'000'000;
  // Whether `incident` was given by a person (the onset lies near its start) or only bounds the search.
  bool incident_given = false;
};

// From evidence to ranked, explained causes. A pure function: the same evidence gives the same answer.
//
// Every signal becomes features of calls (features.h), and every comparison is the least share of calls that shows a
// feature anew (statistics.h, RiseLowerBound), so that signals compare on one scale and few samples say little. In each
// trace only the service that deviated first counts; what follows in the callers and callees is its effect. What was
// the same before the onset is no cause.
Diagnosis Diagnose(const model::Evidence& evidence, const DiagnoseOptions& options);

}  // namespace clew::rca
