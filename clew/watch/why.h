// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/rca/diagnose.h"
#include "clew/store/store.h"

namespace clew::watch {

struct WhyQuestion {
  rca::DiagnoseOptions options;
  // Only traces that pass through this service; empty: all.
  std::string service;
  // Beyond so many spans a share of the traces is taken.
  uint64_t max_spans = 300'000;
};

// Reads what the question needs from the store, and answers it: the one way from stored telemetry to a diagnosis, for
// people and for noticing.
base::Result<rca::Diagnosis> Why(store::Store& store, const model::RequestContext& context,
                                 const WhyQuestion& question);

}  // namespace clew::watch
