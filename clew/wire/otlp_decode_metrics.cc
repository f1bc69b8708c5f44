// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/metric_rows.h"
#include "clew/wire/otlp_decode.h"

namespace clew::wire {
namespace {

using model::MetricBatch;
using model::MetricType;

// opentelemetry/proto/metrics/v1/metrics.proto
class MetricDecoder {
 public:
  explicit MetricDecoder(Decoded<MetricBatch>& decoded)
      : decoded_(decoded), batch_(decoded.batch), builder_(decoded.batch), rows_(decoded.batch, builder_) {}

  void Decode(std::string_view message) {
    DecodeRequest(message, batch_, builder_, [this](std::string_view metric, uint32_t resource, uint32_t scope) {
      Metric(metric, resource, scope);
      return true;
    });
    decoded_.rejected = rejections_.count;
    decoded_.reason = std::move(rejections_.reason);
  }

 private:
  void Metric(std::string_view message, uint32_t resource, uint32_t scope) {
    const size_t row = batch_.metrics.size();
    batch_.metrics.emplace_back();
    batch_.metrics[row].resource = resource;
    batch_.metrics[row].scope = scope;
    const MetricRows::Mark mark = rows_.Here();
    const size_t metadata = builder_.BeginKeyValues();
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::metric::kName): batch_.metrics[row].name = builder_.Text(reader.Bytes()); break;
        case LengthTag(field::metric::kDescription):
          batch_.metrics[row].description = builder_.Text(reader.Bytes());
          break;
        case LengthTag(field::metric::kUnit): batch_.metrics[row].unit = builder_.Text(reader.Bytes()); break;
        case LengthTag(field::metric::kMetadata): DecodeKeyValue(reader.Bytes(), builder_); break;
        case LengthTag(field::metric::kGauge): Data(reader.Bytes(), MetricType::kGauge, mark); break;
        case LengthTag(field::metric::kSum): Data(reader.Bytes(), MetricType::kSum, mark); break;
        case LengthTag(field::metric::kHistogram): Data(reader.Bytes(), MetricType::kHistogram, mark); break;
        case LengthTag(field::metric::kExponentialHistogram):
          Data(reader.Bytes(), MetricType::kExponentialHistogram, mark);
          break;
        case LengthTag(field::metric::kSummary): Data(reader.Bytes(), MetricType::kSummary, mark); break;
        default: reader.Skip();
      }
    }
    batch_.metrics[row].metadata = builder_.EndKeyValues(metadata);
  }

  // Gauge, Sum, Histogram, ExponentialHistogram or Summary of the last metric. They are one oneof: another kind than
  // before takes the place of what was read.
  void Data(std::string_view message, MetricType type, const MetricRows::Mark& mark) {
    model::Metric& metric = batch_.metrics.back();
    if (metric.type != type) {
      rows_.BackTo(mark);
      metric.type = type;
      metric.temporality = {};
      metric.is_monotonic = false;
    }
    const bool has_temporality = type != MetricType::kGauge && type != MetricType::kSummary;
    ProtobufReader reader(message);
    while (reader.Next()) {
      if (reader.tag() == LengthTag(field::metric_data::kPoints)) {
        Point(reader.Bytes(), type);
      } else if (reader.tag() == VarintTag(field::metric_data::kTemporality) && has_temporality) {
        metric.temporality = KnownEnum(reader.Enum(), model::Temporality::kCumulative);
      } else if (reader.tag() == VarintTag(field::metric_data::kIsMonotonic) && type == MetricType::kSum) {
        metric.is_monotonic = reader.Bool();
      } else {
        reader.Skip();
      }
    }
  }

  void Point(std::string_view message, MetricType type) {
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

  model::NumberPoint Number(std::string_view message) {
    model::NumberPoint point;
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::number_point::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case Fixed64Tag(field::number_point::kStartTime): point.start_time = reader.Fixed64(); break;
        case Fixed64Tag(field::number_point::kTime): point.time = reader.Fixed64(); break;
        case Fixed64Tag(field::number_point::kAsDouble):
          point.value = model::Number::Double(reader.Double());
          point.has_value = true;
          break;
        case Fixed64Tag(field::number_point::kAsInt):
          point.value = model::Number::Int(static_cast<int64_t>(reader.Fixed64()));
          point.has_value = true;
          break;
        case LengthTag(field::number_point::kExemplars): Exemplar(reader.Bytes()); break;
        case VarintTag(field::number_point::kFlags): point.flags = reader.Uint32(); break;
        default: reader.Skip();
      }
    }
    return point;
  }

  model::HistogramPoint Histogram(std::string_view message) {
    model::HistogramPoint point;
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::histogram_point::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case Fixed64Tag(field::histogram_point::kStartTime): point.start_time = reader.Fixed64(); break;
        case Fixed64Tag(field::histogram_point::kTime): point.time = reader.Fixed64(); break;
        case Fixed64Tag(field::histogram_point::kCount): point.count = reader.Fixed64(); break;
        case Fixed64Tag(field::histogram_point::kSum): Optional(reader, point.sum, point.has_sum); break;
        case Fixed64Tag(field::histogram_point::kMin): Optional(reader, point.min, point.has_min); break;
        case Fixed64Tag(field::histogram_point::kMax): Optional(reader, point.max, point.has_max); break;
        case LengthTag(field::histogram_point::kBucketCounts): reader.AppendPackedFixed64(batch_.counts); break;
        case Fixed64Tag(field::histogram_point::kBucketCounts): batch_.counts.push_back(reader.Fixed64()); break;
        case LengthTag(field::histogram_point::kExplicitBounds): reader.AppendPackedFixed64(batch_.doubles); break;
        case Fixed64Tag(field::histogram_point::kExplicitBounds): batch_.doubles.push_back(reader.Double()); break;
        case LengthTag(field::histogram_point::kExemplars): Exemplar(reader.Bytes()); break;
        case VarintTag(field::histogram_point::kFlags): point.flags = reader.Uint32(); break;
        default: reader.Skip();
      }
    }
    return point;
  }

  model::ExponentialHistogramPoint ExponentialHistogram(std::string_view message) {
    model::ExponentialHistogramPoint point;
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::exponential_point::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case Fixed64Tag(field::exponential_point::kStartTime): point.start_time = reader.Fixed64(); break;
        case Fixed64Tag(field::exponential_point::kTime): point.time = reader.Fixed64(); break;
        case Fixed64Tag(field::exponential_point::kCount): point.count = reader.Fixed64(); break;
        case Fixed64Tag(field::exponential_point::kSum): Optional(reader, point.sum, point.has_sum); break;
        case Fixed64Tag(field::exponential_point::kMin): Optional(reader, point.min, point.has_min); break;
        case Fixed64Tag(field::exponential_point::kMax): Optional(reader, point.max, point.has_max); break;
        case VarintTag(field::exponential_point::kScale): point.scale = reader.Sint32(); break;
        case Fixed64Tag(field::exponential_point::kZeroCount): point.zero_count = reader.Fixed64(); break;
        case Fixed64Tag(field::exponential_point::kZeroThreshold): point.zero_threshold = reader.Double(); break;
        case LengthTag(field::exponential_point::kPositive):
          Buckets(reader.Bytes(), point.positive_offset, rows_.positive());
          break;
        case LengthTag(field::exponential_point::kNegative):
          Buckets(reader.Bytes(), point.negative_offset, rows_.negative());
          break;
        case LengthTag(field::exponential_point::kExemplars): Exemplar(reader.Bytes()); break;
        case VarintTag(field::exponential_point::kFlags): point.flags = reader.Uint32(); break;
        default: reader.Skip();
      }
    }
    return point;
  }

  static void Buckets(std::string_view message, int32_t& offset, std::vector<uint64_t>& counts) {
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case VarintTag(field::buckets::kOffset): offset = reader.Sint32(); break;
        case LengthTag(field::buckets::kBucketCounts): reader.AppendPackedVarint(counts); break;
        case VarintTag(field::buckets::kBucketCounts): counts.push_back(reader.Varint()); break;
        default: reader.Skip();
      }
    }
  }

  model::SummaryPoint Summary(std::string_view message) {
    model::SummaryPoint point;
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::summary_point::kAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case Fixed64Tag(field::summary_point::kStartTime): point.start_time = reader.Fixed64(); break;
        case Fixed64Tag(field::summary_point::kTime): point.time = reader.Fixed64(); break;
        case Fixed64Tag(field::summary_point::kCount): point.count = reader.Fixed64(); break;
        case Fixed64Tag(field::summary_point::kSum): point.sum = reader.Double(); break;
        case LengthTag(field::summary_point::kQuantileValues): QuantileValue(reader.Bytes()); break;
        case VarintTag(field::summary_point::kFlags): point.flags = reader.Uint32(); break;
        default: reader.Skip();
      }
    }
    return point;
  }

  void QuantileValue(std::string_view message) {
    double quantile = 0;
    double value = 0;
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case Fixed64Tag(field::quantile_value::kQuantile): quantile = reader.Double(); break;
        case Fixed64Tag(field::quantile_value::kValue): value = reader.Double(); break;
        default: reader.Skip();
      }
    }
    rows_.AddQuantile(quantile, value);
  }

  void Exemplar(std::string_view message) {
    model::Exemplar exemplar;
    WrongIds wrong;
    const size_t attributes = builder_.BeginKeyValues();
    ProtobufReader reader(message);
    while (reader.Next()) {
      switch (reader.tag()) {
        case LengthTag(field::exemplar::kFilteredAttributes): DecodeKeyValue(reader.Bytes(), builder_); break;
        case Fixed64Tag(field::exemplar::kTime): exemplar.time = reader.Fixed64(); break;
        case Fixed64Tag(field::exemplar::kAsDouble): exemplar.value = model::Number::Double(reader.Double()); break;
        case Fixed64Tag(field::exemplar::kAsInt):
          exemplar.value = model::Number::Int(static_cast<int64_t>(reader.Fixed64()));
          break;
        case LengthTag(field::exemplar::kSpanId): wrong.Take(reader.Bytes(), exemplar.span_id, WrongIds::kSpan); break;
        case LengthTag(field::exemplar::kTraceId):
          wrong.Take(reader.Bytes(), exemplar.trace_id, WrongIds::kTrace);
          break;
        default: reader.Skip();
      }
    }
    if (wrong.Any()) wrong_.Add(WrongIds::kExemplar);
    exemplar.filtered_attributes = builder_.EndKeyValues(attributes);
    batch_.exemplars.push_back(exemplar);
  }

  static void Optional(ProtobufReader& reader, double& value, bool& has_value) {
    value = reader.Double();
    has_value = true;
  }

  Decoded<MetricBatch>& decoded_;
  MetricBatch& batch_;
  BatchBuilder builder_;
  MetricRows rows_;
  Rejections rejections_;
  WrongIds wrong_;  // of the current point
};

}  // namespace

base::Result<Decoded<MetricBatch>> DecodeMetrics(std::string_view protobuf) {
  return DecodeGuarded<MetricBatch>(protobuf, [](std::string_view message, Decoded<MetricBatch>& decoded) {
    MetricDecoder(decoded).Decode(message);
  });
}

}  // namespace clew::wire
