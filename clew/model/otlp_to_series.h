// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"

namespace clew::model {

struct ToSeriesOptions {
  // Keys of resource attributes that every series carries as labels too.
  std::vector<std::string> promoted_resource_attributes;
  // otel_scope_name, otel_scope_version, otel_scope_schema_url and the scope's attributes as labels. The specification
  // wants them of Prometheus exporters (the agent's page); a server that takes OTLP leaves them out unless asked, as
  // Prometheus does (promote_scope_metadata), so that an upgrade of an instrumentation makes no new series.
  bool scope_labels = false;
};

struct ToSeriesResult {
  SeriesBatch series;
  uint64_t rejected_points = 0;
  std::string reason;  // of the first rejected point, for the sender; quotes no value
};

// Prometheus series from OTLP metrics, by OpenTelemetry's specification "Prometheus and OpenMetrics Compatibility",
// section "OTLP Metric points to Prometheus". What it leaves open:
// - Classic histograms become _bucket, _sum and _count; exponential ones stay one series of native histograms. They
// keep
//   their scale (PromQL reads at most 8), and their bucket index is OTLP's plus one.
// - Delta points are kept as they are; the series says so (SeriesRow::temporality) and its type is that of the stream
// it
//   becomes on reading.
// - A point with the flag "no recorded value" becomes the stale marker in each of its series.
// - target_info stands at the time of a resource's first and last point, and about every 150 s of points between.
// Rejected, with a reason: sums and histograms without a temporality, points without time or value, bounds that do not
// rise or do not fit their counts, exponential histograms without a sum, names and keys of nothing but punctuation.
ToSeriesResult ToSeries(const MetricBatch& batch, const ToSeriesOptions& options = {});

}  // namespace clew::model
