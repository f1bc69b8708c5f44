// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/store_source.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "clew/base/time.h"

namespace clew::query::promql {

int64_t ToMillis(int64_t nanos) {
  const int64_t millis = nanos / base::kNanosPerMilli;
  return nanos % base::kNanosPerMilli < 0 ? millis - 1 : millis;
}

store::TimeRange ToTimeRange(int64_t from_ms, int64_t to_ms) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min() / base::kNanosPerMilli;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / base::kNanosPerMilli;
  store::TimeRange range;
  if (from_ms > kMin) range.from = std::min(from_ms, kMax) * base::kNanosPerMilli;
  if (to_ms < kMax) range.to = (std::max(to_ms, kMin) + 1) * base::kNanosPerMilli;
  return range;
}

base::Result<std::vector<SourceSeries>> StoreSource::Select(std::span<const model::LabelMatcher> matchers,
                                                            int64_t from_ms, int64_t to_ms) {
  CLEW_ASSIGN_OR_RETURN(std::vector<store::SeriesSamples> stored,
                        reader_.Samples(matchers, ToTimeRange(from_ms, to_ms)));
  std::vector<SourceSeries> result;
  result.reserve(stored.size());
  for (store::SeriesSamples& samples : stored) {
    SourceSeries series;
    series.labels = samples.series->labels;
    series.values = std::move(samples.values);
    series.times_ms.resize(series.values.size());
    size_t kept = 0;
    for (size_t i = 0; i < series.values.size(); ++i) {
      const int64_t time = ToMillis(samples.times[i]);
      if (kept > 0 && series.times_ms[kept - 1] == time) --kept;
      series.times_ms[kept] = time;
      series.values[kept] = series.values[i];
      ++kept;
    }
    series.times_ms.resize(kept);
    series.values.resize(kept);
    result.push_back(std::move(series));
  }
  return result;
}

}  // namespace clew::query::promql
