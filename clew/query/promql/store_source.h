// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clew/query/promql/source.h"
#include "clew/store/series_reader.h"
#include "clew/store/time_range.h"

namespace clew::query::promql {

// The series of the store, of the reader's tenant. Times become milliseconds, rounded down; of samples within one
// millisecond the last one counts. Outlived by the reader.
class StoreSource final : public Source {
 public:
  explicit StoreSource(store::SeriesReader& reader) : reader_(reader) {}

  base::Result<std::vector<SourceSeries>> Select(std::span<const model::LabelMatcher> matchers, int64_t from_ms,
                                                 int64_t to_ms) override;

 private:
  store::SeriesReader& reader_;
};

// The nanoseconds of [from_ms, to_ms], cut to what the store can hold.
store::TimeRange ToTimeRange(int64_t from_ms, int64_t to_ms);
// Rounded down.
int64_t ToMillis(int64_t nanos);

}  // namespace clew::query::promql
