// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/metric_rows.h"
#include "clew/wire/otlp_json.h"

namespace clew::wire {
namespace json {
namespace {

using model::MetricBatch;
using model::MetricType;

constexpr GroupNames kMetricGroups = {Field::kResourceMetrics, Field::kScopeMetrics, Field::kMetrics};

class MetricDecoder {
 public:
  explicit MetricDecoder(Decoded<MetricBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch), rows_(decoded.batch, builder_) {}

  void Decode(Object message) {
    DecodeRequest(message, kMetricGroups, batch_, builder_, [this](Object metric, uint32_t resource, uint32_t scope) {
      Metric(metric, resource, scope);
      return true;
    });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  void Metric(Object message, uint32_t resource, uint32_t scope) {
    const size_t row = batch_.metrics.size();
    batch_.metrics.emplace_back();
    batch_.metrics[row].resource = resource;
    batch_.metrics[row].scope = scope;
    const MetricRows::Mark mark = rows_.Here();
    const size_t metadata = builder_.BeginKeyValues();
    ForEachField(message, [&](Field field, Element value) {
      switch (field) {
        case Field::kName: batch_.metrics[row].name = builder_.Text(AsText(field, value)); break;
        case Field::kDescription: batch_.metrics[row].description = builder_.Text(AsText(field, value)); break;
        case Field::kUnit: batch_.metrics[row].unit = builder_.Text(AsText(field, value)); break;
        case Field::kMetadata: DecodeKeyValues(field, value, builder_); break;
        case Field::kGauge: Data(AsObject(field, value), MetricType::kGauge, mark); break;
        case Field::kSum: Data(AsObject(field, value), MetricType::kSum, mark); break;
        case Field::kHistogram: Data(AsObject(field, value), MetricType::kHistogram, mark); break;
        case Field::kExponentialHistogram: Data(AsObject(field, value), MetricType::kExponentialHistogram, mark); break;
        case Field::kSummary: Data(AsObject(field, value), MetricType::kSummary, mark); break;
        default: break;
      }
    });
    batch_.metrics[row].metadata = builder_.EndKeyValues(metadata);
  }

  // One oneof, as in the protobuf decoder.
  void Data(Object message, MetricType type, const MetricRows::Mark& mark) {
    model::Metric& metric = batch_.metrics.back();
    if (metric.type != type) {
      rows_.BackTo(mark);
      metric.type = type;
      metric.temporality = {};
      metric.is_monotonic = false;
    }
    const bool has_temporality = type != MetricType::kGauge && type != MetricType::kSummary;
    ForEachField(message, [&](Field field, Element value) {
      if (field == Field::kDataPoints) {
        ForEachElement(field, value, [&](Element point) { Point(AsObject(field, point), type); });
      } else if (field == Field::kAggregationTemporality && has_temporality) {
        metric.temporality = AsTemporality(value);
      } else if (field == Field::kIsMonotonic && type == MetricType::kSum) {
        metric.is_monotonic = AsBool(field, value);
      }
    });
  }

  void Point(Object message, MetricType type) {
    wrong_.Clear();
    const MetricRows::Mark mark = rows_.Here();
    const size_t attributes = builder_.BeginKeyValues();
    const uint32_t metric = static_cast<uint32_t>(batch_.metrics.size() - 1);
    std::string_view problem;
    switch (type) {
      case MetricType::kHistogram: problem = rows_.Add(Histogram(message), mark, metric, attributes); break;
      case MetricType::kExponentialHistogram:
        problem = rows_.Add(ExponentialHistogram(message), mark, metric, attributes);
        break;
      case MetricType::kSummary: problem = rows_.Add(Summary(message), mark, metric, attributes); break;
      default: problem = rows_.Add(Number(message), mark, metric, attributes); break;
    }
    if (wrong_.Any()) problem = wrong_.Reason();
    if (problem.empty()) return;
    rejections_.Add(problem);
    rows_.BackTo(mark);
  }

  // What all kinds of points have; false: another field.
  bool BaseField(Field field, Element value, model::PointBase& point) {
    switch (field) {
      case Field::kAttributes: DecodeKeyValues(field, value, builder_); return true;
      case Field::kStartTimeUnixNano: point.start_time = AsUint64(field, value); return true;
      case Field::kTimeUnixNano: point.time = AsUint64(field, value); return true;
      case Field::kFlags: point.flags = AsUint32(field, value); return true;
      default: return false;
    }
  }

  void Exemplars(Field field, Element value) {
    ForEachElement(field, value, [&](Element exemplar) { Exemplar(AsObject(field, exemplar)); });
  }

  model::NumberPoint Number(Object message) {
    model::NumberPoint point;
    ForEachField(message, [&](Field field, Element value) {
      if (BaseField(field, value, point)) return;
      if (field == Field::kExemplars) {
        Exemplars(field, value);
      } else if (field == Field::kAsDouble) {
        point.value = model::Number::Double(AsDouble(field, value));
        point.has_value = true;
      } else if (field == Field::kAsInt) {
        point.value = model::Number::Int(AsInt64(field, value));
        point.has_value = true;
      }
    });
    return point;
  }

  model::HistogramPoint Histogram(Object message) {
    model::HistogramPoint point;
    ForEachField(message, [&](Field field, Element value) {
      if (BaseField(field, value, point) || StatisticsField(field, value, point)) return;
      if (field == Field::kBucketCounts) {
        ForEachElement(field, value, [&](Element count) { batch_.counts.push_back(AsUint64(field, count)); });
      } else if (field == Field::kExplicitBounds) {
        ForEachElement(field, value, [&](Element bound) { batch_.doubles.push_back(AsDouble(field, bound)); });
      } else if (field == Field::kExemplars) {
        Exemplars(field, value);
      }
    });
    return point;
  }

  model::ExponentialHistogramPoint ExponentialHistogram(Object message) {
    model::ExponentialHistogramPoint point;
    ForEachField(message, [&](Field field, Element value) {
      if (BaseField(field, value, point) || StatisticsField(field, value, point)) return;
      switch (field) {
        case Field::kScale: point.scale = AsInt32(field, value); break;
        case Field::kZeroCount: point.zero_count = AsUint64(field, value); break;
        case Field::kZeroThreshold: point.zero_threshold = AsDouble(field, value); break;
        case Field::kPositive: Buckets(AsObject(field, value), point.positive_offset, rows_.positive()); break;
        case Field::kNegative: Buckets(AsObject(field, value), point.negative_offset, rows_.negative()); break;
        case Field::kExemplars: Exemplars(field, value); break;
        default: break;
      }
    });
    return point;
  }

  static void Buckets(Object message, int32_t& offset, std::vector<uint64_t>& counts) {
    ForEachField(message, [&](Field field, Element value) {
      if (field == Field::kOffset) {
        offset = AsInt32(field, value);
      } else if (field == Field::kBucketCounts) {
        ForEachElement(field, value, [&](Element count) { counts.push_back(AsUint64(field, count)); });
      }
    });
  }

  model::SummaryPoint Summary(Object message) {
    model::SummaryPoint point;
    ForEachField(message, [&](Field field, Element value) {
      if (BaseField(field, value, point)) return;
      if (field == Field::kCount) {
        point.count = AsUint64(field, value);
      } else if (field == Field::kSum) {
        point.sum = AsDouble(field, value);
      } else if (field == Field::kQuantileValues) {
        ForEachElement(field, value, [&](Element quantile) { QuantileValue(AsObject(field, quantile)); });
      }
    });
    return point;
  }

  void QuantileValue(Object message) {
    double quantile = 0;
    double at_quantile = 0;
    ForEachField(message, [&](Field field, Element value) {
      if (field == Field::kQuantile) quantile = AsDouble(field, value);
      if (field == Field::kValue) at_quantile = AsDouble(field, value);
    });
    rows_.AddQuantile(quantile, at_quantile);
  }

  // count, sum, min and max of both kinds of histograms.
  template <typename Point>
  static bool StatisticsField(Field field, Element value, Point& point) {
    switch (field) {
      case Field::kCount: point.count = AsUint64(field, value); return true;
      case Field::kSum:
        point.sum = AsDouble(field, value);
        point.has_sum = true;
        return true;
      case Field::kMin:
        point.min = AsDouble(field, value);
        point.has_min = true;
        return true;
      case Field::kMax:
        point.max = AsDouble(field, value);
        point.has_max = true;
        return true;
      default: return false;
    }
  }

  void Exemplar(Object message) {
    model::Exemplar exemplar;
    WrongIds wrong;
    const size_t attributes = builder_.BeginKeyValues();
    ForEachField(message, [&](Field field, Element value) {
      switch (field) {
        case Field::kFilteredAttributes: DecodeKeyValues(field, value, builder_); break;
        case Field::kTimeUnixNano: exemplar.time = AsUint64(field, value); break;
        case Field::kAsDouble: exemplar.value = model::Number::Double(AsDouble(field, value)); break;
        case Field::kAsInt: exemplar.value = model::Number::Int(AsInt64(field, value)); break;
        case Field::kSpanId: wrong.TakeHex(AsText(field, value), exemplar.span_id, WrongIds::kSpan); break;
        case Field::kTraceId: wrong.TakeHex(AsText(field, value), exemplar.trace_id, WrongIds::kTrace); break;
        default: break;
      }
    });
    if (wrong.Any()) wrong_.Add(WrongIds::kExemplar);
    exemplar.filtered_attributes = builder_.EndKeyValues(attributes);
    batch_.exemplars.push_back(exemplar);
  }

  Decoded<MetricBatch>& decoded_;
  MetricBatch& batch_;
  BatchBuilder builder_;
  MetricRows rows_;
  Rejections rejections_;
  WrongIds wrong_;  // of the current point
};

}  // namespace
}  // namespace json

base::Result<Decoded<model::MetricBatch>> DecodeMetricsJson(std::string_view text) {
  return json::DecodeGuarded<model::MetricBatch>(text, [](json::Object message, Decoded<model::MetricBatch>& decoded) {
    json::MetricDecoder(decoded).Decode(message);
  });
}

}  // namespace clew::wire
