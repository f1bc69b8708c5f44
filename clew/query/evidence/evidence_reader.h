// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/evidence.h"
#include "clew/model/request_context.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::query::evidence {

struct EvidenceOptions {
  // Beyond so many spans only a share of the traces is read, whole traces, chosen by their id.
  uint64_t max_spans = 300'000;
  uint64_t max_logs = 500'000;
  // Only traces that pass through this service; empty: all.
  std::string service;
};

// Everything that root-cause analysis reads of the ranges (in any order, may overlap) for the context's tenant: each
// signal in one pass over the store's readers, metrics from ten minutes before each range on. Empty ranges, or an empty
// store, give empty evidence.
base::Result<model::Evidence> ReadEvidence(store::Store& store, const model::RequestContext& context,
                                           std::vector<store::TimeRange> ranges, const EvidenceOptions& options = {});

}  // namespace clew::query::evidence
