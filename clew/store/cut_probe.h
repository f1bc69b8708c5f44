// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/result.h"
#include "clew/engine/engine.h"
#include "clew/model/log_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/store/store.h"

namespace clew::store {

// Whether the rows of a cut whose INSERT was tried before stand in their table: asked of the table itself, since the
// engine's record of tokens is neither synced nor written at once with the rows. An INSERT is one part and so whole or
// not at all; a few rows, spread over the batches, each named by its own data and its arrival, speak for all.
base::Result<bool> HoldsSpans(engine::Engine& engine, const Cut<model::SpanBatch>& cut);
base::Result<bool> HoldsLogs(engine::Engine& engine, const Cut<model::LogBatch>& cut);

enum class PointTable { kSamples, kHistograms, kExemplars, kPointFlags };
base::Result<bool> HoldsPoints(engine::Engine& engine, const Cut<model::SeriesBatch>& cut, PointTable table);

}  // namespace clew::store
