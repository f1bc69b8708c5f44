// SPDX-License-Identifier: Apache-2.0
#include "clew/model/series_batch.h"

#include <algorithm>

namespace clew::model {

bool SeriesBatch::IsConsistent() const {
  const auto fits = [](Range range, size_t rows) { return uint64_t{range.first} + range.count <= rows; };
  const auto known = [this](StringId id) { return id < strings.size(); };
  return strings.IsConsistent() &&
         std::ranges::all_of(labels, [&](const LabelPair& pair) { return known(pair.name) && known(pair.value); }) &&
         std::ranges::all_of(series,
                             [&](const SeriesRow& row) {
                               return fits(row.labels, labels.size()) && known(row.family) && known(row.help) &&
                                      known(row.unit);
                             }) &&
         std::ranges::all_of(samples, [&](const SampleRow& row) { return row.series < series.size(); }) &&
         std::ranges::all_of(histograms,
                             [&](const HistogramRow& row) {
                               return row.series < series.size() && fits(row.positive_indexes, indexes.size()) &&
                                      fits(row.positive_counts, doubles.size()) &&
                                      fits(row.negative_indexes, indexes.size()) &&
                                      fits(row.negative_counts, doubles.size()) &&
                                      fits(row.custom_bounds, doubles.size());
                             }) &&
         std::ranges::all_of(exemplars, [&](const ExemplarRow& row) {
           return row.series < series.size() && fits(row.labels, labels.size());
         });
}

}  // namespace clew::model
