// SPDX-License-Identifier: Apache-2.0
#include "clew/store/cut_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clew/store/encoder_common.h"
#include "clew/store/sql.h"

namespace clew::store {
namespace {

constexpr size_t kProbes = 8;

struct Place {
  size_t batch = 0;
  size_t row = 0;
};

// At most kProbes rows of all, evenly spread, first and last among them.
template <typename Counter>
std::vector<Place> PlacesOf(size_t batches, const Counter& rows_of) {
  size_t total = 0;
  for (size_t batch = 0; batch < batches; ++batch) total += rows_of(batch);
  const size_t probes = std::min(kProbes, total);
  std::vector<Place> places;
  size_t batch = 0;
  size_t before = 0;
  for (size_t probe = 0; probe < probes; ++probe) {
    const size_t row = probes == 1 ? 0 : probe * (total - 1) / (probes - 1);
    while (row >= before + rows_of(batch)) before += rows_of(batch++);
    places.push_back({batch, row - before});
  }
  return places;
}

base::Result<bool> Holds(engine::Engine& engine, std::string_view table, Conditions& conditions) {
  uint64_t rows = 0;
  CLEW_RETURN_IF_ERROR(engine.Query(fmt::format("SELECT count() FROM {}{}", table, conditions.where()),
                                    conditions.parameters(), {}, [&](const engine::Block& block) -> base::Status {
                                      rows = block[0].At<uint64_t>(0);
                                      return {};
                                    }));
  return rows > 0;
}

template <typename Batch>
Conditions ArrivedOf(const ArrivedBatch<Batch>& arrived) {
  Conditions conditions(arrived.tenant);
  conditions.AddInt("arrived = toDateTime({arrived:UInt32})", "arrived", ArrivalSeconds(arrived.arrival));
  return conditions;
}

// A row of a table of points, or nullptr where `index` is past the last.
struct PointName {
  uint64_t series_id = 0;
  int64_t time = 0;
};

std::vector<PointName> PointsOf(const model::SeriesBatch& batch, PointTable table) {
  std::vector<PointName> points;
  const auto add = [&](const auto& rows, const auto& is_in) {
    for (const auto& row : rows) {
      if (is_in(row)) points.push_back({batch.series[row.series].id, row.time});
    }
  };
  const auto all = [](const auto&) { return true; };
  const auto flagged = [](const auto& row) { return row.flags != 0; };
  switch (table) {
    case PointTable::kSamples: add(batch.samples, all); break;
    case PointTable::kHistograms: add(batch.histograms, all); break;
    case PointTable::kExemplars: add(batch.exemplars, all); break;
    case PointTable::kPointFlags:
      add(batch.samples, flagged);
      add(batch.histograms, flagged);
      break;
  }
  return points;
}

std::string_view NameOf(PointTable table) {
  switch (table) {
    case PointTable::kSamples: return "samples";
    case PointTable::kHistograms: return "histograms";
    case PointTable::kExemplars: return "exemplars";
    default: return "point_flags";
  }
}

}  // namespace

base::Result<bool> HoldsSpans(engine::Engine& engine, const Cut<model::SpanBatch>& cut) {
  const auto places = PlacesOf(cut.batches.size(), [&](size_t batch) { return cut.batches[batch].batch->size(); });
  for (const Place& place : places) {
    const model::SpanBatch& batch = *cut.batches[place.batch].batch;
    Conditions conditions = ArrivedOf(cut.batches[place.batch]);
    conditions.AddTraceIds(std::span(&batch.trace_id[place.row], 1));
    conditions.AddText("span_id = {span_id:FixedString(8)}", "span_id", batch.span_id[place.row].View());
    conditions.parameters().Uint("start", batch.start_time[place.row]);
    conditions.Add("start_time = {start:UInt64}");
    CLEW_ASSIGN_OR_RETURN(const bool holds, Holds(engine, "spans", conditions));
    if (!holds) return false;
  }
  return true;
}

base::Result<bool> HoldsLogs(engine::Engine& engine, const Cut<model::LogBatch>& cut) {
  const auto places = PlacesOf(cut.batches.size(), [&](size_t batch) { return cut.batches[batch].batch->size(); });
  for (const Place& place : places) {
    const ArrivedBatch<model::LogBatch>& arrived = cut.batches[place.batch];
    const model::LogBatch& batch = *arrived.batch;
    Conditions conditions = ArrivedOf(arrived);
    const uint64_t own = batch.effective_time(place.row);
    conditions.parameters().Uint("time", own != 0 ? own : static_cast<uint64_t>(arrived.arrival));
    conditions.Add("time = {time:UInt64}");
    conditions.AddText("body = {body:String}", "body",
                       model::ValueToText(batch.attributes, batch.strings, batch.body[place.row]));
    conditions.AddTraceIds(std::span(&batch.trace_id[place.row], 1));
    conditions.AddText("span_id = {span_id:FixedString(8)}", "span_id", batch.span_id[place.row].View());
    CLEW_ASSIGN_OR_RETURN(const bool holds, Holds(engine, "logs", conditions));
    if (!holds) return false;
  }
  return true;
}

base::Result<bool> HoldsPoints(engine::Engine& engine, const Cut<model::SeriesBatch>& cut, PointTable table) {
  std::vector<std::vector<PointName>> points;
  for (const ArrivedBatch<model::SeriesBatch>& arrived : cut.batches) points.push_back(PointsOf(*arrived.batch, table));
  const auto places = PlacesOf(points.size(), [&](size_t batch) { return points[batch].size(); });
  for (const Place& place : places) {
    const PointName& point = points[place.batch][place.row];
    Conditions conditions = ArrivedOf(cut.batches[place.batch]);
    conditions.parameters().Uint("series", point.series_id);
    conditions.Add("series_id = {series:UInt64}").AddInt("time = {time:Int64}", "time", point.time);
    CLEW_ASSIGN_OR_RETURN(const bool holds, Holds(engine, NameOf(table), conditions));
    if (!holds) return false;
  }
  return true;
}

}  // namespace clew::store
