// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "clew/model/attributes.h"
#include "clew/model/ids.h"
#include "clew/model/metric_batch.h"
#include "clew/model/strings.h"

namespace clew::model {

// What a Prometheus metric family is (text format's TYPE).
enum class FamilyType : uint8_t { kUnknown, kCounter, kGauge, kHistogram, kGaugeHistogram, kSummary, kInfo, kStateSet };

struct LabelPair {
  StringId name = 0;
  StringId value = 0;
};

// One series: its labels sorted by name, and what is known of its family.
struct SeriesRow {
  uint64_t id = 0;      // Labels::Id() of the same labels
  Range labels;         // of `labels`
  StringId family = 0;  // name of its metric family: of http_requests_bucket it is http_requests
  StringId help = 0;
  StringId unit = 0;
  FamilyType type = FamilyType::kUnknown;
  Temporality temporality = Temporality::kCumulative;  // delta streams are kept as delta
  uint8_t unused[2] = {};
};

struct SampleRow {
  uint32_t series = 0;     // row of `series`
  uint32_t flags = 0;      // OTLP DataPointFlags
  int64_t start_time = 0;  // Unix nanoseconds, 0: not known
  int64_t time = 0;        // Unix nanoseconds
  double value = 0;        // may be the stale marker, whose NaN bits are kept
};

// A native histogram (Prometheus) or exponential histogram (OTLP), or one with custom bounds. Buckets are sparse: index
// and count side by side.
struct HistogramRow {
  uint32_t series = 0;
  uint32_t flags = 0;
  int64_t start_time = 0;
  int64_t time = 0;
  double count = 0;
  double sum = 0;
  double min = 0;  // NaN where not known
  double max = 0;
  double zero_count = 0;
  double zero_threshold = 0;
  int32_t schema = 0;  // OTLP scale; -53: custom bounds
  uint32_t unused = 0;
  Range positive_indexes;  // of `indexes`; bucket i covers (base^(i-1), base^i], as in Prometheus
  Range positive_counts;   // of `doubles`
  Range negative_indexes;
  Range negative_counts;
  Range custom_bounds;  // of `doubles`
};

struct ExemplarRow {
  uint32_t series = 0;
  uint32_t unused = 0;
  int64_t time = 0;
  double value = 0;
  TraceId trace_id;
  SpanId span_id;
  Range labels;  // of `labels`: trace_id, span_id and the rest, as the Prometheus API shows them
};

// Metrics in their stored form: series with their samples. From OTLP by ToSeries, from remote write and scrapes by
// their own readers.
struct SeriesBatch {
  Strings strings;
  std::vector<LabelPair> labels;
  std::vector<SeriesRow> series;
  std::vector<SampleRow> samples;
  std::vector<HistogramRow> histograms;
  std::vector<ExemplarRow> exemplars;
  std::vector<int32_t> indexes;
  std::vector<double> doubles;

  std::string_view Text(StringId id) const { return strings.Get(id); }

  template <typename Visitor>
  void VisitColumns(Visitor&& visit) {
    strings.VisitColumns(visit);
    VisitOwn(*this, visit);
  }
  template <typename Visitor>
  void VisitColumns(Visitor&& visit) const {
    strings.VisitColumns(visit);
    VisitOwn(*this, visit);
  }
  // After the columns were read from foreign bytes: every id and range within bounds.
  bool IsConsistent() const;

 private:
  template <typename Self, typename Visitor>
  static void VisitOwn(Self& self, Visitor& visit) {
    visit(self.labels);
    visit(self.series);
    visit(self.samples);
    visit(self.histograms);
    visit(self.exemplars);
    visit(self.indexes);
    visit(self.doubles);
  }
};

// Prometheus' stale marker, a NaN of its own (prometheus model/value).
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002ULL;

}  // namespace clew::model
