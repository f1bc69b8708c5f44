// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/ids.h"
#include "clew/model/labels.h"
#include "clew/model/request_context.h"
#include "clew/model/series_batch.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

struct Series {
  uint64_t id = 0;
  model::Labels labels;
  std::string family;  // name of the metric family: of http_requests_bucket it is http_requests
  std::string help;
  std::string unit;
  model::FamilyType type = model::FamilyType::kUnknown;
  model::Temporality temporality = model::Temporality::kCumulative;
};
// Immutable once it is handed out.
using SeriesPtr = std::shared_ptr<const Series>;

// The samples of one series in ascending time, no time twice (of equal times the one that came last). Stale markers
// keep their NaN bits. A delta series comes out as a running sum over the range, cumulative from its first point on.
struct SeriesSamples {
  SeriesPtr series;
  std::vector<int64_t> times;        // Unix nanoseconds
  std::vector<int64_t> start_times;  // 0: not known
  std::vector<double> values;
};

// A native or exponential histogram at one time; buckets as in model::HistogramRow.
struct Histogram {
  int64_t time = 0;
  int64_t start_time = 0;
  double count = 0;
  double sum = 0;
  double min = 0;  // NaN where not known
  double max = 0;
  double zero_count = 0;
  double zero_threshold = 0;
  int32_t schema = 0;  // -53: custom bounds
  std::vector<int32_t> positive_indexes;
  std::vector<double> positive_counts;
  std::vector<int32_t> negative_indexes;
  std::vector<double> negative_counts;
  std::vector<double> custom_bounds;
};

struct SeriesHistograms {
  SeriesPtr series;
  std::vector<Histogram> histograms;  // by time, no time twice
};

struct StoredExemplar {
  int64_t time = 0;
  double value = 0;
  model::TraceId trace_id;
  model::SpanId span_id;
  model::Labels labels;
};

struct SeriesExemplars {
  SeriesPtr series;
  std::vector<StoredExemplar> exemplars;  // by time
};

struct FamilyMetadata {
  std::string family;
  model::FamilyType type = model::FamilyType::kUnknown;
  std::string help;
  std::string unit;
};

// Reads metrics; the same rules as SpanReader. Matchers: all of them hold; a matcher that matches the empty string also
// matches series without the label, as in Prometheus. A result that does not fit the context's memory budget is
// RESOURCE_EXHAUSTED; a bad regular expression INVALID_ARGUMENT.
class SeriesReader {
 public:
  SeriesReader(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Series whose first and last sample or histogram leave room for one in the range, by labels.
  base::Result<std::vector<SeriesPtr>> Select(std::span<const model::LabelMatcher> matchers, TimeRange range);
  // Series with at least one sample in the range, by labels. With a list (from Select), in its order, and as fresh as
  // when Select was asked.
  base::Result<std::vector<SeriesSamples>> Samples(std::span<const model::LabelMatcher> matchers, TimeRange range);
  base::Result<std::vector<SeriesSamples>> Samples(std::span<const SeriesPtr> series, TimeRange range);
  base::Result<std::vector<SeriesHistograms>> Histograms(std::span<const model::LabelMatcher> matchers,
                                                         TimeRange range);
  base::Result<std::vector<SeriesHistograms>> Histograms(std::span<const SeriesPtr> series, TimeRange range);
  base::Result<std::vector<SeriesExemplars>> Exemplars(std::span<const model::LabelMatcher> matchers, TimeRange range);
  // Of the series that Select gives, sorted.
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::LabelMatcher> matchers, TimeRange range);
  base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                     std::span<const model::LabelMatcher> matchers, TimeRange range);
  // One entry a family, by name.
  base::Result<std::vector<FamilyMetadata>> Metadata();

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
