// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/query/promql/native_histogram.h"

namespace clew::query::promql {

// One series with its samples in ascending time, no time twice. Times are Unix milliseconds, as everywhere in PromQL.
// Stale markers keep their NaN bits; a histogram's is its sum.
struct SourceSeries {
  model::Labels labels;
  std::vector<int64_t> times_ms;
  std::vector<double> values;
  // Native histograms, beside floats or instead of them.
  std::vector<int64_t> histogram_times_ms = {};
  std::vector<HistogramPtr> histograms = {};

  bool empty() const { return values.empty() && histograms.empty(); }
};

// Where the evaluator reads series from: the store, or a script of a test. One query uses it from one thread.
class Source {
 public:
  virtual ~Source() = default;
  // The series that match all of `matchers` and have samples within [from_ms, to_ms], with those samples, by labels.
  virtual base::Result<std::vector<SourceSeries>> Select(std::span<const model::LabelMatcher> matchers, int64_t from_ms,
                                                         int64_t to_ms) = 0;
};

}  // namespace clew::query::promql
