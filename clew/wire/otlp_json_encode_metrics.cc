// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "clew/wire/otlp.h"
#include "clew/wire/otlp_json_encode.h"
#include "clew/wire/row_groups.h"

namespace clew::wire {
namespace json {
namespace {

class MetricEncoder : public GroupEncoder<MetricEncoder> {
 public:
  explicit MetricEncoder(const model::MetricBatch& batch)
      : GroupEncoder(batch, {"resourceMetrics", "scopeMetrics", "metrics"}),
        batch_(batch),
        numbers_(batch.numbers, batch.metrics.size()),
        histograms_(batch.histograms, batch.metrics.size()),
        exponential_histograms_(batch.exponential_histograms, batch.metrics.size()),
        summaries_(batch.summaries, batch.metrics.size()) {}

  void WriteRecord(size_t row, JsonWriter& json) {
    const model::Metric& metric = batch_.metrics[row];
    PutText(json, "name", batch_.Text(metric.name));
    PutText(json, "description", batch_.Text(metric.description));
    PutText(json, "unit", batch_.Text(metric.unit));
    switch (metric.type) {
      case model::MetricType::kEmpty: break;
      case model::MetricType::kGauge: Data(json, "gauge", batch_.numbers, numbers_, row); break;
      case model::MetricType::kSum: Data(json, "sum", batch_.numbers, numbers_, row); break;
      case model::MetricType::kHistogram: Data(json, "histogram", batch_.histograms, histograms_, row); break;
      case model::MetricType::kExponentialHistogram:
        Data(json, "exponentialHistogram", batch_.exponential_histograms, exponential_histograms_, row);
        break;
      case model::MetricType::kSummary: Data(json, "summary", batch_.summaries, summaries_, row); break;
    }
    PutKeyValues(json, "metadata", batch_, metric.metadata);
  }

 private:
  template <typename Point>
  void Data(JsonWriter& json, std::string_view name, const std::vector<Point>& points, const PointsByMetric& index,
            size_t row) {
    const model::Metric& metric = batch_.metrics[row];
    json.Key(name).BeginObject().Key("dataPoints").BeginArray();
    for (const uint32_t point : index.Of(row)) {
      json.BeginObject();
      WritePoint(points[point], json);
      json.EndObject();
    }
    json.EndArray();
    if (metric.type != model::MetricType::kGauge && metric.type != model::MetricType::kSummary) {
      PutUint32(json, "aggregationTemporality", static_cast<uint32_t>(metric.temporality));
    }
    if (metric.type == model::MetricType::kSum && metric.is_monotonic) json.Field("isMonotonic", true);
    json.EndObject();
  }

  void WriteBase(const model::PointBase& point, JsonWriter& json) {
    PutKeyValues(json, "attributes", batch_, point.attributes);
    PutUint64(json, "startTimeUnixNano", point.start_time);
    PutUint64(json, "timeUnixNano", point.time);
    PutUint32(json, "flags", point.flags);
    WriteExemplars(json, point.exemplars);
  }

  static void WriteNumber(const model::Number& number, JsonWriter& json) {
    if (number.is_int) {
      PutInt64(json, "asInt", number.int_value());
    } else {
      WriteDouble(json.Key("asDouble"), number.AsDouble());
    }
  }

  void WritePoint(const model::NumberPoint& point, JsonWriter& json) {
    WriteBase(point, json);
    if (point.has_value) WriteNumber(point.value, json);
  }

  // count, sum, min and max of both kinds of histograms.
  template <typename Point>
  static void WriteStatistics(const Point& point, JsonWriter& json) {
    PutUint64(json, "count", point.count);
    if (point.has_sum) WriteDouble(json.Key("sum"), point.sum);
    if (point.has_min) WriteDouble(json.Key("min"), point.min);
    if (point.has_max) WriteDouble(json.Key("max"), point.max);
  }

  void WritePoint(const model::HistogramPoint& point, JsonWriter& json) {
    WriteBase(point, json);
    WriteStatistics(point, json);
    WriteCounts(json, point.bucket_counts);
    if (point.explicit_bounds.count == 0) return;
    json.Key("explicitBounds").BeginArray();
    for (uint32_t i = 0; i < point.explicit_bounds.count; ++i) {
      WriteDouble(json, batch_.doubles[point.explicit_bounds.first + i]);
    }
    json.EndArray();
  }

  void WritePoint(const model::ExponentialHistogramPoint& point, JsonWriter& json) {
    WriteBase(point, json);
    WriteStatistics(point, json);
    if (point.scale != 0) json.Field("scale", point.scale);
    PutUint64(json, "zeroCount", point.zero_count);
    PutDouble(json, "zeroThreshold", point.zero_threshold);
    WriteBuckets(json, "positive", point.positive_offset, point.positive_counts);
    WriteBuckets(json, "negative", point.negative_offset, point.negative_counts);
  }

  void WriteBuckets(JsonWriter& json, std::string_view name, int32_t offset, model::Range counts) {
    if (offset == 0 && counts.count == 0) return;
    json.Key(name).BeginObject();
    if (offset != 0) json.Field("offset", offset);
    WriteCounts(json, counts);
    json.EndObject();
  }

  void WritePoint(const model::SummaryPoint& point, JsonWriter& json) {
    WriteBase(point, json);
    PutUint64(json, "count", point.count);
    PutDouble(json, "sum", point.sum);
    const uint32_t count = std::min(point.quantiles.count, point.quantile_values.count);
    if (count == 0) return;
    json.Key("quantileValues").BeginArray();
    for (uint32_t i = 0; i < count; ++i) {
      json.BeginObject();
      PutDouble(json, "quantile", batch_.doubles[point.quantiles.first + i]);
      PutDouble(json, "value", batch_.doubles[point.quantile_values.first + i]);
      json.EndObject();
    }
    json.EndArray();
  }

  void WriteCounts(JsonWriter& json, model::Range counts) {
    if (counts.count == 0) return;
    json.Key("bucketCounts").BeginArray();
    for (uint32_t i = 0; i < counts.count; ++i) {
      const fmt::format_int digits(batch_.counts[counts.first + i]);
      json.String({digits.data(), digits.size()});
    }
    json.EndArray();
  }

  void WriteExemplars(JsonWriter& json, model::Range range) {
    if (range.count == 0) return;
    json.Key("exemplars").BeginArray();
    for (uint32_t i = 0; i < range.count; ++i) {
      const model::Exemplar& exemplar = batch_.exemplars[range.first + i];
      json.BeginObject();
      PutKeyValues(json, "filteredAttributes", batch_, exemplar.filtered_attributes);
      PutUint64(json, "timeUnixNano", exemplar.time);
      WriteNumber(exemplar.value, json);
      PutId(json, "spanId", exemplar.span_id);
      PutId(json, "traceId", exemplar.trace_id);
      json.EndObject();
    }
    json.EndArray();
  }

  const model::MetricBatch& batch_;
  PointsByMetric numbers_;
  PointsByMetric histograms_;
  PointsByMetric exponential_histograms_;
  PointsByMetric summaries_;
};

}  // namespace
}  // namespace json

std::string EncodeMetricsJson(const model::MetricBatch& batch) {
  json::MetricEncoder encoder(batch);
  VisitGroups(
      batch.metrics.size(), [&](size_t row) { return batch.metrics[row].resource; },
      [&](size_t row) { return batch.metrics[row].scope; }, encoder);
  return encoder.Take();
}

}  // namespace clew::wire
