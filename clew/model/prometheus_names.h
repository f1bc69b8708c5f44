// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"

namespace clew::model {

// How OpenTelemetry's names become Prometheus' names (OpenTelemetry specification, "Prometheus and OpenMetrics
// Compatibility", "OTLP Metric points to Prometheus"; Prometheus' strategy UnderscoreEscapingWithSuffixes). Pure
// functions, used for what comes in by OTLP and for the agent's metrics page, so that both give the same series.

inline constexpr std::string_view kBucketSuffix = "_bucket";
inline constexpr std::string_view kSumSuffix = "_sum";
inline constexpr std::string_view kCountSuffix = "_count";
inline constexpr std::string_view kTotalSuffix = "_total";
inline constexpr std::string_view kLeLabel = "le";
inline constexpr std::string_view kQuantileLabel = "quantile";
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kInstanceLabel = "instance";
inline constexpr std::string_view kTargetInfo = "target_info";
inline constexpr std::string_view kScopeNameLabel = "otel_scope_name";
inline constexpr std::string_view kScopeVersionLabel = "otel_scope_version";
inline constexpr std::string_view kScopeSchemaUrlLabel = "otel_scope_schema_url";
inline constexpr std::string_view kScopeLabelPrefix = "otel_scope_";

// The name of the family of a metric: "http.server.request.duration" in "s" is "http_server_request_duration_seconds".
// A monotonic sum's ends in _total and is the name of its samples too, as in text format 0.0.4 and in Prometheus' own
// metadata; OpenMetricsFamily() takes the suffix off. A histogram's samples add _bucket, _sum, _count; a summary's
// _sum, _count and nothing. INVALID_ARGUMENT where nothing but underscores is left.
base::Result<std::string> FamilyName(std::string_view name, std::string_view unit, MetricType type, bool is_monotonic);

// The family's name as OpenMetrics wants it on TYPE, HELP and UNIT lines: a counter's without _total.
std::string_view OpenMetricsFamily(std::string_view family, FamilyType type);

// What a metric is in Prometheus' terms. Temporality has no say: delta streams are made cumulative on reading.
FamilyType FamilyTypeOf(MetricType type, bool is_monotonic);
// "counter", "gauge", … as in TYPE lines and the metadata API; "unknown" for kUnknown.
std::string_view FamilyTypeName(FamilyType type);

// The unit in words: "s" is "seconds", "By/s" is "bytes_per_second", "1" and "{requests}" are "".
std::string UnitName(std::string_view unit);

// The label of an attribute: every character but letters, digits and underscores becomes one underscore, repeated ones
// stay, "key_" comes before a leading digit. INVALID_ARGUMENT where nothing but underscores is left.
base::Result<std::string> LabelName(std::string_view key);

// The label job: "namespace/name", or the name alone. Empty without a name.
std::string JobName(std::string_view service_namespace, std::string_view service_name);

// A float as the labels le and quantile carry it, everywhere the same way: "10.0", "0.005", "1e+06", "+Inf", "NaN"
// (OpenMetrics 1.0, "Considerations: Canonical Numbers", and what Prometheus 3 makes of a scrape).
std::string CanonicalFloat(double value);

}  // namespace clew::model
