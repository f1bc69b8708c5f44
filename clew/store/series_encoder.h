// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "clew/engine/native_writer.h"
#include "clew/model/series_batch.h"
#include "clew/store/series_index.h"
#include "clew/store/store.h"

namespace clew::store {

// A row of table `series` that a cut brings along.
struct NewSeries {
  const ArrivedBatch<model::SeriesBatch>* arrived = nullptr;
  const model::SeriesRow* row = nullptr;
};
// Series of the cut that the table does not have for this arrival day, or not as they are now.
std::vector<NewSeries> FindNewSeries(const Cut<model::SeriesBatch>& cut, const SeriesIndex& index);

// One block a table, from the batches of a cut, which are consistent.
engine::EncodedBlock EncodeSeries(const std::vector<NewSeries>& series);
engine::EncodedBlock EncodeSamples(const Cut<model::SeriesBatch>& cut);
engine::EncodedBlock EncodeHistograms(const Cut<model::SeriesBatch>& cut);
engine::EncodedBlock EncodeExemplars(const Cut<model::SeriesBatch>& cut);
engine::EncodedBlock EncodePointFlags(const Cut<model::SeriesBatch>& cut);

}  // namespace clew::store
