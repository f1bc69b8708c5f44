// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "clew/model/ids.h"
#include "clew/model/resource.h"

namespace clew::model {

enum class MetricType : uint8_t { kEmpty, kGauge, kSum, kHistogram, kExponentialHistogram, kSummary };
// AggregationTemporality
enum class Temporality : uint8_t { kUnspecified = 0, kDelta = 1, kCumulative = 2 };

// DataPointFlags: the point says only that there is no value (a stale marker).
inline constexpr uint32_t kNoRecordedValue = 1;

struct Metric {
  uint32_t resource = 0;
  uint32_t scope = 0;
  StringId name = 0;
  StringId description = 0;
  StringId unit = 0;
  MetricType type = MetricType::kEmpty;
  Temporality temporality = Temporality::kUnspecified;
  bool is_monotonic = false;
  uint8_t unused = 0;
  Range metadata;  // of attributes.key_values
};

// A number whose kind matters when it is sent on.
struct Number {
  uint64_t bits = 0;  // int64 or double
  bool is_int = false;
  uint8_t unused[7] = {};

  static Number Int(int64_t value) { return {static_cast<uint64_t>(value), true, {}}; }
  static Number Double(double value) { return {std::bit_cast<uint64_t>(value), false, {}}; }
  int64_t int_value() const { return static_cast<int64_t>(bits); }
  double AsDouble() const { return is_int ? static_cast<double>(int_value()) : std::bit_cast<double>(bits); }
};

struct Exemplar {
  uint64_t time = 0;
  Number value;
  TraceId trace_id;
  SpanId span_id;
  Range filtered_attributes;
};

// What all kinds of points share.
struct PointBase {
  uint32_t metric = 0;  // row of `metrics`
  uint32_t flags = 0;
  Range attributes;
  uint64_t start_time = 0;  // 0: not known
  uint64_t time = 0;
  Range exemplars;
};

struct NumberPoint : PointBase {
  Number value;
  bool has_value = false;
  uint8_t unused2[7] = {};
};

struct HistogramPoint : PointBase {
  uint64_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
  Range explicit_bounds;  // of `doubles`
  Range bucket_counts;    // of `counts`; one more than the bounds, or none at all
  bool has_sum = false;
  bool has_min = false;
  bool has_max = false;
  uint8_t unused2[5] = {};
};

struct ExponentialHistogramPoint : PointBase {
  uint64_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
  uint64_t zero_count = 0;
  double zero_threshold = 0;
  int32_t scale = 0;
  int32_t positive_offset = 0;
  int32_t negative_offset = 0;
  bool has_sum = false;
  bool has_min = false;
  bool has_max = false;
  uint8_t unused2 = 0;
  Range positive_counts;  // of `counts`
  Range negative_counts;
};

struct SummaryPoint : PointBase {
  uint64_t count = 0;
  double sum = 0;
  Range quantiles;        // of `doubles`
  Range quantile_values;  // of `doubles`, as long
};

// Metrics as OTLP has them (opentelemetry/proto/metrics/v1/metrics.proto), points by kind. ToSeries (series_batch.h)
// makes Prometheus series of them.
struct MetricBatch : BatchBase {
  std::vector<Metric> metrics;
  std::vector<NumberPoint> numbers;
  std::vector<HistogramPoint> histograms;
  std::vector<ExponentialHistogramPoint> exponential_histograms;
  std::vector<SummaryPoint> summaries;
  std::vector<Exemplar> exemplars;
  std::vector<double> doubles;
  std::vector<uint64_t> counts;

  size_t point_count() const {
    return numbers.size() + histograms.size() + exponential_histograms.size() + summaries.size();
  }

  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    VisitBaseColumns(visit);
    VisitOwn(*this, visit);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    VisitBaseColumns(visit);
    VisitOwn(*this, visit);
  }
  bool IsConsistent() const;

 private:
  template <typename Self, typename Visitor>
  static void VisitOwn(Self& self, Visitor& visit) {
    visit(self.metrics);
    visit(self.numbers);
    visit(self.histograms);
    visit(self.exponential_histograms);
    visit(self.summaries);
    visit(self.exemplars);
    visit(self.doubles);
    visit(self.counts);
  }
};

}  // namespace clew::model
