// SPDX-License-Identifier: Apache-2.0
#include "clew/store/series_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "clew/store/delta.h"
#include "clew/store/series_index.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

using Matchers = std::span<const model::LabelMatcher>;

// What a result may hold. Charge before keeping.
class Budget {
 public:
  explicit Budget(uint64_t bytes) : left_(bytes) {}
  base::Status Charge(uint64_t bytes) {
    if (bytes > left_) {
      return base::ResourceExhausted(
          "the query reads more samples than its memory allows; ask for fewer series or less "
          "time");
    }
    left_ -= bytes;
    return {};
  }

 private:
  uint64_t left_;
};

base::Status FlushFor(StoreState& state, const model::RequestContext& context, Matchers matchers, TimeRange range) {
  Question question;
  question.signal = Signal::kMetrics;
  question.range = range;
  question.matchers = matchers;
  return state.FlushForReading(question, context);
}

// Asks the tables for first and last point of series, which the index then knows.
base::Status LoadBounds(StoreState& state, const model::RequestContext& context, std::vector<SeriesMatch>& matches) {
  std::vector<uint64_t> ids;
  std::unordered_map<uint64_t, SeriesBounds> found;
  for (const SeriesMatch& match : matches) {
    if (match.bounds.known) continue;
    ids.push_back(match.id);
    found[match.id].known = true;
  }
  if (ids.empty()) return {};
  for (const std::string_view table : {"samples", "histograms"}) {
    Conditions conditions(context.tenant);
    conditions.AddIds("series_id IN {ids:Array(UInt64)}", "ids", ids);
    CLEW_RETURN_IF_ERROR(state.engine().Query(
        fmt::format("SELECT series_id, min(time), max(time) FROM {}{} GROUP BY series_id", table, conditions.where()),
        conditions.parameters(), OptionsOf(context), [&](const engine::Block& block) -> base::Status {
          for (size_t row = 0; row < block.rows; ++row) {
            SeriesBounds& bounds = found[block[0].At<uint64_t>(row)];
            bounds.Cover(block[1].At<int64_t>(row));
            bounds.Cover(block[2].At<int64_t>(row));
          }
          return {};
        }));
  }
  state.series().Write(context.tenant.name(), [&](TenantSeries& series) {
    for (const auto& [id, bounds] : found) series.Cover(id, bounds);
  });
  for (SeriesMatch& match : matches) {
    if (const auto bounds = found.find(match.id); bounds != found.end()) {
      match.bounds.Cover(bounds->second.first);
      match.bounds.Cover(bounds->second.last);
    }
  }
  return {};
}

base::Result<std::vector<SeriesMatch>> Find(StoreState& state, const model::RequestContext& context, Matchers matchers,
                                            TimeRange range) {
  CLEW_RETURN_IF_ERROR(FlushFor(state, context, matchers, range));
  base::Result<std::vector<SeriesMatch>> matches;
  state.series().Read(context.tenant.name(), [&](const TenantSeries& series) { matches = series.Select(matchers); });
  if (!matches) return matches;
  CLEW_RETURN_IF_ERROR(LoadBounds(state, context, *matches));
  std::erase_if(*matches, [&](const SeriesMatch& match) { return !match.bounds.Overlaps(range); });
  return matches;
}

// Rows of one table of points for some series, sorted by series and time; of equal times the last one counts.
// `on_row(series, block, row, replaces)`: `replaces` says that the last one given is to be overwritten.
template <typename OnRow>
base::Status ReadPoints(StoreState& state, const model::RequestContext& context, std::string_view table,
                        std::string_view columns, std::span<const SeriesPtr> series, TimeRange range,
                        const OnRow& on_row) {
  if (series.empty() || range.IsEmpty()) return {};
  std::vector<uint64_t> ids;
  std::unordered_map<uint64_t, size_t> places;
  ids.reserve(series.size());
  for (size_t i = 0; i < series.size(); ++i) {
    if (places.try_emplace(series[i]->id, i).second) ids.push_back(series[i]->id);
  }
  Conditions conditions(context.tenant);
  conditions.AddIds(ids.size() == 1 ? "series_id = {ids:Array(UInt64)}[1]" : "series_id IN {ids:Array(UInt64)}", "ids",
                    ids);
  conditions.AddRange("time", range);
  uint64_t last_id = 0;
  int64_t last_time = 0;
  bool any = false;
  return state.engine().Query(fmt::format("SELECT series_id, time, {} FROM {}{} ORDER BY series_id, time, arrived",
                                          columns, table, conditions.where()),
                              conditions.parameters(), OptionsOf(context),
                              [&](const engine::Block& block) -> base::Status {
                                for (size_t row = 0; row < block.rows; ++row) {
                                  const uint64_t id = block[0].At<uint64_t>(row);
                                  const int64_t time = block[1].At<int64_t>(row);
                                  const bool replaces = any && id == last_id && time == last_time;
                                  any = true;
                                  last_id = id;
                                  last_time = time;
                                  CLEW_RETURN_IF_ERROR(on_row(places.at(id), block, row, replaces));
                                }
                                return {};
                              });
}

template <typename T>
std::vector<T> ArrayAt(const engine::Column& column, size_t row) {
  const auto [first, last] = column.Elements(row);
  const std::span<const T> values = column.element().Values<T>().subspan(first, last - first);
  return {values.begin(), values.end()};
}

constexpr std::string_view kHistogramColumns =
    "start_time, count, sum, min, max, zero_count, zero_threshold, schema, positive_indexes, positive_counts, "
    "negative_indexes, negative_counts, custom_bounds";

// From ReadPoints with kHistogramColumns.
Histogram HistogramAt(const engine::Block& block, size_t row) {
  Histogram histogram;
  histogram.time = block[1].At<int64_t>(row);
  histogram.start_time = block[2].At<int64_t>(row);
  histogram.count = block[3].At<double>(row);
  histogram.sum = block[4].At<double>(row);
  histogram.min = block[5].At<double>(row);
  histogram.max = block[6].At<double>(row);
  histogram.zero_count = block[7].At<double>(row);
  histogram.zero_threshold = block[8].At<double>(row);
  histogram.schema = block[9].At<int32_t>(row);
  histogram.positive_indexes = ArrayAt<int32_t>(block[10], row);
  histogram.positive_counts = ArrayAt<double>(block[11], row);
  histogram.negative_indexes = ArrayAt<int32_t>(block[12], row);
  histogram.negative_counts = ArrayAt<double>(block[13], row);
  histogram.custom_bounds = ArrayAt<double>(block[14], row);
  return histogram;
}

uint64_t SizeOf(const Histogram& histogram) {
  return sizeof histogram + 4 * (histogram.positive_indexes.size() + histogram.negative_indexes.size()) +
         8 * (histogram.positive_counts.size() + histogram.negative_counts.size() + histogram.custom_bounds.size());
}

bool IsDelta(const Series& series) { return series.temporality == model::Temporality::kDelta; }

}  // namespace

base::Result<std::vector<SeriesPtr>> SeriesReader::Select(Matchers matchers, TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesMatch> matches, Find(state, context_, matchers, range));
  std::vector<SeriesPtr> series;
  series.reserve(matches.size());
  state.series().Read(context_.tenant.name(), [&](const TenantSeries& own) {
    for (const SeriesMatch& match : matches) series.push_back(own.Get(match.row));
  });
  std::ranges::sort(series, {}, [](const SeriesPtr& one) -> const model::Labels& { return one->labels; });
  return series;
}

base::Result<std::vector<SeriesSamples>> SeriesReader::Samples(Matchers matchers, TimeRange range) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesPtr> series, Select(matchers, range));
  return Samples(series, range);
}

base::Result<std::vector<SeriesSamples>> SeriesReader::Samples(std::span<const SeriesPtr> series, TimeRange range) {
  std::vector<SeriesSamples> all(series.size());
  for (size_t i = 0; i < series.size(); ++i) all[i].series = series[i];
  Budget budget(context_.memory_budget_bytes);
  const auto on_row = [&](size_t place, const engine::Block& block, size_t row, bool replaces) -> base::Status {
    SeriesSamples& one = all[place];
    if (replaces) {
      one.start_times.back() = block[2].At<int64_t>(row);
      one.values.back() = block[3].At<double>(row);
      return {};
    }
    CLEW_RETURN_IF_ERROR(budget.Charge(3 * sizeof(int64_t)));
    one.times.push_back(block[1].At<int64_t>(row));
    one.start_times.push_back(block[2].At<int64_t>(row));
    one.values.push_back(block[3].At<double>(row));
    return {};
  };
  CLEW_RETURN_IF_ERROR(ReadPoints(store_.state(), context_, "samples", "start_time, value", series, range, on_row));
  std::erase_if(all, [](const SeriesSamples& one) { return one.times.empty(); });
  for (SeriesSamples& one : all) {
    if (IsDelta(*one.series)) MakeCumulative(one);
  }
  return all;
}

base::Result<std::vector<SeriesHistograms>> SeriesReader::Histograms(Matchers matchers, TimeRange range) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesPtr> series, Select(matchers, range));
  return Histograms(series, range);
}

base::Result<std::vector<SeriesHistograms>> SeriesReader::Histograms(std::span<const SeriesPtr> series,
                                                                     TimeRange range) {
  std::vector<SeriesHistograms> all(series.size());
  for (size_t i = 0; i < series.size(); ++i) all[i].series = series[i];
  Budget budget(context_.memory_budget_bytes);
  const auto on_row = [&](size_t place, const engine::Block& block, size_t row, bool replaces) -> base::Status {
    Histogram histogram = HistogramAt(block, row);
    CLEW_RETURN_IF_ERROR(budget.Charge(SizeOf(histogram)));
    if (replaces) all[place].histograms.pop_back();
    all[place].histograms.push_back(std::move(histogram));
    return {};
  };
  CLEW_RETURN_IF_ERROR(ReadPoints(store_.state(), context_, "histograms", kHistogramColumns, series, range, on_row));
  std::erase_if(all, [](const SeriesHistograms& one) { return one.histograms.empty(); });
  for (SeriesHistograms& one : all) {
    if (IsDelta(*one.series)) MakeCumulative(one);
  }
  return all;
}

base::Result<std::vector<SeriesExemplars>> SeriesReader::Exemplars(Matchers matchers, TimeRange range) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesPtr> series, Select(matchers, range));
  std::vector<SeriesExemplars> all(series.size());
  for (size_t i = 0; i < series.size(); ++i) all[i].series = series[i];
  Budget budget(context_.memory_budget_bytes);
  // Two exemplars of one series at one time are both kept: they may belong to two requests.
  const auto on_row = [&](size_t place, const engine::Block& block, size_t row, bool) -> base::Status {
    StoredExemplar exemplar;
    exemplar.time = block[1].At<int64_t>(row);
    exemplar.value = block[2].At<double>(row);
    exemplar.trace_id = block[3].At<model::TraceId>(row);
    exemplar.span_id = block[4].At<model::SpanId>(row);
    std::vector<model::Label> labels;
    const auto [first, last] = block[5].Elements(row);
    for (size_t i = first; i < last; ++i) {
      labels.push_back({std::string(block[5].element(0).Text(i)), std::string(block[5].element(1).Text(i))});
    }
    CLEW_RETURN_IF_ERROR(budget.Charge(sizeof exemplar + labels.size() * sizeof(model::Label)));
    exemplar.labels = model::Labels(std::move(labels));
    all[place].exemplars.push_back(std::move(exemplar));
    return {};
  };
  CLEW_RETURN_IF_ERROR(
      ReadPoints(store_.state(), context_, "exemplars", "value, trace_id, span_id, labels", series, range, on_row));
  std::erase_if(all, [](const SeriesExemplars& one) { return one.exemplars.empty(); });
  return all;
}

base::Result<std::vector<std::string>> SeriesReader::LabelNames(Matchers matchers, TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesMatch> matches, Find(state, context_, matchers, range));
  std::set<std::string, std::less<>> names;
  state.series().Read(context_.tenant.name(), [&](const TenantSeries& own) {
    for (const SeriesMatch& match : matches) {
      own.VisitLabels(match.row, [&](std::string_view name, std::string_view) {
        if (!names.contains(name)) names.emplace(name);
      });
    }
  });
  return std::vector<std::string>(names.begin(), names.end());
}

base::Result<std::vector<std::string>> SeriesReader::LabelValues(std::string_view name, Matchers matchers,
                                                                 TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(const std::vector<SeriesMatch> matches, Find(state, context_, matchers, range));
  std::set<std::string, std::less<>> values;
  state.series().Read(context_.tenant.name(), [&](const TenantSeries& own) {
    for (const SeriesMatch& match : matches) {
      const std::string_view value = own.LabelValue(match.row, name);
      if (!value.empty() && !values.contains(value)) values.emplace(value);
    }
  });
  return std::vector<std::string>(values.begin(), values.end());
}

base::Result<std::vector<FamilyMetadata>> SeriesReader::Metadata() {
  StoreState& state = store_.state();
  CLEW_RETURN_IF_ERROR(FlushFor(state, context_, {}, {}));
  std::vector<FamilyMetadata> all;
  state.series().Read(context_.tenant.name(), [&](const TenantSeries& own) {
    own.VisitFamilies([&](const FamilyMetadata& family) {
      if (!family.family.empty()) all.push_back(family);
    });
  });
  std::ranges::sort(all, {}, &FamilyMetadata::family);
  return all;
}

}  // namespace clew::store
