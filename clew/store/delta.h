// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/store/series_reader.h"

namespace clew::store {

// Turns points of a delta stream (OpenTelemetry metrics data model, "Temporality"), sorted by time, into running sums
// that start where the first one does. Stale markers stay as they are and do not end the sum.
void MakeCumulative(SeriesSamples& samples);
// A histogram whose buckets have another layout than the sum so far (schema, zero threshold, custom bounds) begins a
// new sum, which readers take for a reset.
void MakeCumulative(SeriesHistograms& histograms);

}  // namespace clew::store
