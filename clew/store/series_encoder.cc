// SPDX-License-Identifier: Apache-2.0
#include "clew/store/series_encoder.h"

#include <set>
#include <string>
#include <utility>

#include "clew/store/encoder_common.h"

namespace clew::store {
namespace {

using engine::ArrayColumn;
using engine::FixedColumn;
using engine::LowCardinalityColumn;
using engine::MapColumn;

using SeriesCut = Cut<model::SeriesBatch>;
using ArrivedSeries = ArrivedBatch<model::SeriesBatch>;

// The columns that say which point of which series it is.
struct PointColumns {
  LowCardinalityColumn tenant;
  FixedColumn<uint64_t> series_id;
  FixedColumn<int64_t> time;
  FixedColumn<uint32_t> arrived;

  void Begin(const ArrivedSeries& batch) {
    tenant_index_ = tenant.IndexOf(batch.tenant.name());
    arrival_seconds_ = ArrivalSeconds(batch.arrival);
    batch_ = batch.batch;
  }
  template <typename Row>
  void Add(const Row& row) {
    tenant.AddIndex(tenant_index_);
    series_id.Add(batch_->series[row.series].id);
    time.Add(row.time);
    arrived.Add(arrival_seconds_);
  }
  void AddTo(engine::BlockWriter& block) const {
    block.Add("tenant", kWord, tenant);
    block.Add("series_id", "UInt64", series_id);
    block.Add("time", "Int64", time);
    block.Add("arrived", "DateTime", arrived);
  }
  size_t size() const { return time.size(); }

 private:
  const model::SeriesBatch* batch_ = nullptr;
  uint32_t tenant_index_ = 0;
  uint32_t arrival_seconds_ = 0;
};

void AddLabels(const model::SeriesBatch& batch, model::Range range, MapColumn& map) {
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::LabelPair& label = batch.labels[range.first + i];
    map.keys().Add(batch.Text(label.name));
    map.values().Add(batch.Text(label.value));
  }
  map.EndRow();
}

template <typename T>
void AddArray(const std::vector<T>& values, model::Range range, ArrayColumn<FixedColumn<T>>& column) {
  column.element().AddAll(std::span<const T>(values).subspan(range.first, range.count));
  column.EndRow();
}

std::string_view MetricNameOf(const model::SeriesBatch& batch, const model::SeriesRow& row) {
  for (uint32_t i = 0; i < row.labels.count; ++i) {
    const model::LabelPair& label = batch.labels[row.labels.first + i];
    if (batch.Text(label.name) == model::kMetricName) return batch.Text(label.value);
  }
  return {};
}

struct HistogramColumns {
  PointColumns points;
  FixedColumn<int64_t> start_time;
  FixedColumn<double> count, sum, min, max, zero_count, zero_threshold;
  FixedColumn<int32_t> schema;
  ArrayColumn<FixedColumn<int32_t>> positive_indexes, negative_indexes;
  ArrayColumn<FixedColumn<double>> positive_counts, negative_counts, custom_bounds;

  void Add(const model::SeriesBatch& batch, const model::HistogramRow& row) {
    points.Add(row);
    start_time.Add(row.start_time);
    count.Add(row.count);
    sum.Add(row.sum);
    min.Add(row.min);
    max.Add(row.max);
    zero_count.Add(row.zero_count);
    zero_threshold.Add(row.zero_threshold);
    schema.Add(row.schema);
    AddArray(batch.indexes, row.positive_indexes, positive_indexes);
    AddArray(batch.doubles, row.positive_counts, positive_counts);
    AddArray(batch.indexes, row.negative_indexes, negative_indexes);
    AddArray(batch.doubles, row.negative_counts, negative_counts);
    AddArray(batch.doubles, row.custom_bounds, custom_bounds);
  }

  engine::EncodedBlock Finish() && {
    engine::BlockWriter block(points.size());
    points.AddTo(block);
    block.Add("start_time", "Int64", start_time);
    block.Add("count", "Float64", count);
    block.Add("sum", "Float64", sum);
    block.Add("min", "Float64", min);
    block.Add("max", "Float64", max);
    block.Add("zero_count", "Float64", zero_count);
    block.Add("zero_threshold", "Float64", zero_threshold);
    block.Add("schema", "Int32", schema);
    block.Add("positive_indexes", "Array(Int32)", positive_indexes);
    block.Add("positive_counts", "Array(Float64)", positive_counts);
    block.Add("negative_indexes", "Array(Int32)", negative_indexes);
    block.Add("negative_counts", "Array(Float64)", negative_counts);
    block.Add("custom_bounds", "Array(Float64)", custom_bounds);
    return std::move(block).Finish();
  }
};

}  // namespace

std::vector<NewSeries> FindNewSeries(const SeriesCut& cut, const SeriesIndex& index) {
  std::vector<NewSeries> fresh;
  std::set<std::pair<std::string_view, uint64_t>> seen;
  for (const ArrivedSeries& arrived : cut.batches) {
    index.Read(arrived.tenant.name(), [&](const TenantSeries& series) {
      for (const model::SeriesRow& row : arrived.batch->series) {
        if (!series.NeedsRow(*arrived.batch, row, ArrivalDay(arrived.arrival))) continue;
        if (seen.emplace(arrived.tenant.name(), row.id).second) fresh.push_back({&arrived, &row});
      }
    });
  }
  return fresh;
}

engine::EncodedBlock EncodeSeries(const std::vector<NewSeries>& series) {
  LowCardinalityColumn tenant, name, family, help, unit;
  FixedColumn<uint64_t> id;
  FixedColumn<uint32_t> arrived;
  MapColumn labels;
  FixedColumn<uint8_t> type, temporality;
  for (const NewSeries& one : series) {
    const model::SeriesBatch& batch = *one.arrived->batch;
    tenant.Add(one.arrived->tenant.name());
    id.Add(one.row->id);
    arrived.Add(ArrivalSeconds(one.arrived->arrival));
    name.Add(MetricNameOf(batch, *one.row));
    AddLabels(batch, one.row->labels, labels);
    family.Add(batch.Text(one.row->family));
    help.Add(batch.Text(one.row->help));
    unit.Add(batch.Text(one.row->unit));
    type.Add(static_cast<uint8_t>(one.row->type));
    temporality.Add(static_cast<uint8_t>(one.row->temporality));
  }
  engine::BlockWriter block(series.size());
  block.Add("tenant", kWord, tenant);
  block.Add("id", "UInt64", id);
  block.Add("arrived", "DateTime", arrived);
  block.Add("name", kWord, name);
  block.Add("labels", kTextMap, labels);
  block.Add("family", kWord, family);
  block.Add("help", kWord, help);
  block.Add("unit", kWord, unit);
  block.Add("type", "UInt8", type);
  block.Add("temporality", "UInt8", temporality);
  return std::move(block).Finish();
}

engine::EncodedBlock EncodeSamples(const SeriesCut& cut) {
  PointColumns points;
  FixedColumn<int64_t> start_time;
  FixedColumn<double> value;
  for (const ArrivedSeries& arrived : cut.batches) {
    points.Begin(arrived);
    for (const model::SampleRow& row : arrived.batch->samples) {
      points.Add(row);
      start_time.Add(row.start_time);
      value.Add(row.value);
    }
  }
  engine::BlockWriter block(points.size());
  points.AddTo(block);
  block.Add("start_time", "Int64", start_time);
  block.Add("value", "Float64", value);
  return std::move(block).Finish();
}

engine::EncodedBlock EncodeHistograms(const SeriesCut& cut) {
  HistogramColumns columns;
  for (const ArrivedSeries& arrived : cut.batches) {
    columns.points.Begin(arrived);
    for (const model::HistogramRow& row : arrived.batch->histograms) columns.Add(*arrived.batch, row);
  }
  return std::move(columns).Finish();
}

engine::EncodedBlock EncodeExemplars(const SeriesCut& cut) {
  PointColumns points;
  FixedColumn<double> value;
  FixedColumn<model::TraceId> trace_id;
  FixedColumn<model::SpanId> span_id;
  MapColumn labels;
  for (const ArrivedSeries& arrived : cut.batches) {
    points.Begin(arrived);
    for (const model::ExemplarRow& row : arrived.batch->exemplars) {
      points.Add(row);
      value.Add(row.value);
      trace_id.Add(row.trace_id);
      span_id.Add(row.span_id);
      AddLabels(*arrived.batch, row.labels, labels);
    }
  }
  engine::BlockWriter block(points.size());
  points.AddTo(block);
  block.Add("value", "Float64", value);
  block.Add("trace_id", "FixedString(16)", trace_id);
  block.Add("span_id", "FixedString(8)", span_id);
  block.Add("labels", kTextMap, labels);
  return std::move(block).Finish();
}

engine::EncodedBlock EncodePointFlags(const SeriesCut& cut) {
  PointColumns points;
  FixedColumn<uint32_t> flags;
  const auto add = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (row.flags == 0) continue;
      points.Add(row);
      flags.Add(row.flags);
    }
  };
  for (const ArrivedSeries& arrived : cut.batches) {
    points.Begin(arrived);
    add(arrived.batch->samples);
    add(arrived.batch->histograms);
  }
  engine::BlockWriter block(points.size());
  points.AddTo(block);
  block.Add("flags", "UInt32", flags);
  return std::move(block).Finish();
}

}  // namespace clew::store
