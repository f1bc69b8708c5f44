// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "clew/wire/otlp.h"
#include "clew/wire/otlp_encode.h"
#include "clew/wire/row_groups.h"

namespace clew::wire {
namespace {

class MetricEncoder : public GroupEncoder<MetricEncoder> {
 public:
  explicit MetricEncoder(const model::MetricBatch& batch)
      : GroupEncoder(batch),
        batch_(batch),
        numbers_(batch.numbers, batch.metrics.size()),
        histograms_(batch.histograms, batch.metrics.size()),
        exponential_histograms_(batch.exponential_histograms, batch.metrics.size()),
        summaries_(batch.summaries, batch.metrics.size()) {}

  void WriteRecord(size_t row, ProtobufWriter& group) {
    const model::Metric& metric = batch_.metrics[row];
    ProtobufWriter to(group, field::scope_group::kRecords);
    PutString(to, field::metric::kName, batch_.Text(metric.name));
    PutString(to, field::metric::kDescription, batch_.Text(metric.description));
    PutString(to, field::metric::kUnit, batch_.Text(metric.unit));
    switch (metric.type) {
      case model::MetricType::kEmpty: break;
      case model::MetricType::kGauge: Data(to, field::metric::kGauge, batch_.numbers, numbers_, row); break;
      case model::MetricType::kSum: Data(to, field::metric::kSum, batch_.numbers, numbers_, row); break;
      case model::MetricType::kHistogram:
        Data(to, field::metric::kHistogram, batch_.histograms, histograms_, row);
        break;
      case model::MetricType::kExponentialHistogram:
        Data(to, field::metric::kExponentialHistogram, batch_.exponential_histograms, exponential_histograms_, row);
        break;
      case model::MetricType::kSummary: Data(to, field::metric::kSummary, batch_.summaries, summaries_, row); break;
    }
    PutKeyValues(to, field::metric::kMetadata, batch_, metric.metadata);
  }

 private:
  template <typename Point>
  void Data(ProtobufWriter& to, uint32_t field, const std::vector<Point>& points, const PointsByMetric& index,
            size_t row) {
    const model::Metric& metric = batch_.metrics[row];
    ProtobufWriter data(to, field);
    for (const uint32_t point : index.Of(row)) WritePoint(points[point], data);
    if (metric.type == model::MetricType::kGauge || metric.type == model::MetricType::kSummary) return;
    PutUint32(data, field::metric_data::kTemporality, static_cast<uint32_t>(metric.temporality));
    if (metric.type == model::MetricType::kSum && metric.is_monotonic) {
      data.add_bool(field::metric_data::kIsMonotonic, true);
    }
  }

  void WritePoint(const model::NumberPoint& point, ProtobufWriter& data) {
    ProtobufWriter to(data, field::metric_data::kPoints);
    PutFixed64(to, field::number_point::kStartTime, point.start_time);
    PutFixed64(to, field::number_point::kTime, point.time);
    if (point.has_value) {
      if (point.value.is_int) {
        to.add_sfixed64(field::number_point::kAsInt, point.value.int_value());
      } else {
        to.add_double(field::number_point::kAsDouble, point.value.AsDouble());
      }
    }
    WriteExemplars(to, field::number_point::kExemplars, point.exemplars);
    PutKeyValues(to, field::number_point::kAttributes, batch_, point.attributes);
    PutUint32(to, field::number_point::kFlags, point.flags);
  }

  void WritePoint(const model::HistogramPoint& point, ProtobufWriter& data) {
    ProtobufWriter to(data, field::metric_data::kPoints);
    PutFixed64(to, field::histogram_point::kStartTime, point.start_time);
    PutFixed64(to, field::histogram_point::kTime, point.time);
    PutFixed64(to, field::histogram_point::kCount, point.count);
    if (point.has_sum) to.add_double(field::histogram_point::kSum, point.sum);
    const auto counts = batch_.counts.begin() + point.bucket_counts.first;
    to.add_packed_fixed64(field::histogram_point::kBucketCounts, counts, counts + point.bucket_counts.count);
    const auto bounds = batch_.doubles.begin() + point.explicit_bounds.first;
    to.add_packed_double(field::histogram_point::kExplicitBounds, bounds, bounds + point.explicit_bounds.count);
    WriteExemplars(to, field::histogram_point::kExemplars, point.exemplars);
    PutKeyValues(to, field::histogram_point::kAttributes, batch_, point.attributes);
    PutUint32(to, field::histogram_point::kFlags, point.flags);
    if (point.has_min) to.add_double(field::histogram_point::kMin, point.min);
    if (point.has_max) to.add_double(field::histogram_point::kMax, point.max);
  }

  void WritePoint(const model::ExponentialHistogramPoint& point, ProtobufWriter& data) {
    ProtobufWriter to(data, field::metric_data::kPoints);
    PutKeyValues(to, field::exponential_point::kAttributes, batch_, point.attributes);
    PutFixed64(to, field::exponential_point::kStartTime, point.start_time);
    PutFixed64(to, field::exponential_point::kTime, point.time);
    PutFixed64(to, field::exponential_point::kCount, point.count);
    if (point.has_sum) to.add_double(field::exponential_point::kSum, point.sum);
    if (point.scale != 0) to.add_sint32(field::exponential_point::kScale, point.scale);
    PutFixed64(to, field::exponential_point::kZeroCount, point.zero_count);
    WriteBuckets(to, field::exponential_point::kPositive, point.positive_offset, point.positive_counts);
    WriteBuckets(to, field::exponential_point::kNegative, point.negative_offset, point.negative_counts);
    PutUint32(to, field::exponential_point::kFlags, point.flags);
    WriteExemplars(to, field::exponential_point::kExemplars, point.exemplars);
    if (point.has_min) to.add_double(field::exponential_point::kMin, point.min);
    if (point.has_max) to.add_double(field::exponential_point::kMax, point.max);
    PutDouble(to, field::exponential_point::kZeroThreshold, point.zero_threshold);
  }

  void WriteBuckets(ProtobufWriter& point, uint32_t field, int32_t offset, model::Range counts) {
    if (offset == 0 && counts.count == 0) return;
    ProtobufWriter to(point, field);
    if (offset != 0) to.add_sint32(field::buckets::kOffset, offset);
    const auto first = batch_.counts.begin() + counts.first;
    to.add_packed_uint64(field::buckets::kBucketCounts, first, first + counts.count);
  }

  void WritePoint(const model::SummaryPoint& point, ProtobufWriter& data) {
    ProtobufWriter to(data, field::metric_data::kPoints);
    PutFixed64(to, field::summary_point::kStartTime, point.start_time);
    PutFixed64(to, field::summary_point::kTime, point.time);
    PutFixed64(to, field::summary_point::kCount, point.count);
    PutDouble(to, field::summary_point::kSum, point.sum);
    for (uint32_t i = 0; i < std::min(point.quantiles.count, point.quantile_values.count); ++i) {
      ProtobufWriter quantile(to, field::summary_point::kQuantileValues);
      PutDouble(quantile, field::quantile_value::kQuantile, batch_.doubles[point.quantiles.first + i]);
      PutDouble(quantile, field::quantile_value::kValue, batch_.doubles[point.quantile_values.first + i]);
    }
    PutKeyValues(to, field::summary_point::kAttributes, batch_, point.attributes);
    PutUint32(to, field::summary_point::kFlags, point.flags);
  }

  void WriteExemplars(ProtobufWriter& point, uint32_t field, model::Range range) {
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::Exemplar& exemplar = batch_.exemplars[range.first + i];
      ProtobufWriter to(point, field);
      PutFixed64(to, field::exemplar::kTime, exemplar.time);
      if (exemplar.value.is_int) {
        to.add_sfixed64(field::exemplar::kAsInt, exemplar.value.int_value());
      } else {
        to.add_double(field::exemplar::kAsDouble, exemplar.value.AsDouble());
      }
      PutId(to, field::exemplar::kSpanId, exemplar.span_id);
      PutId(to, field::exemplar::kTraceId, exemplar.trace_id);
      PutKeyValues(to, field::exemplar::kFilteredAttributes, batch_, exemplar.filtered_attributes);
    }
  }

  const model::MetricBatch& batch_;
  PointsByMetric numbers_;
  PointsByMetric histograms_;
  PointsByMetric exponential_histograms_;
  PointsByMetric summaries_;
};

}  // namespace

std::string EncodeMetrics(const model::MetricBatch& batch) {
  MetricEncoder encoder(batch);
  VisitGroups(
      batch.metrics.size(), [&](size_t row) { return batch.metrics[row].resource; },
      [&](size_t row) { return batch.metrics[row].scope; }, encoder);
  return encoder.Take();
}

}  // namespace clew::wire
