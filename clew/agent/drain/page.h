// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "clew/agent/drain/key_value_list.h"
#include "clew/model/metric_batch.h"
#include "clew/wire/prometheus_text.h"

namespace clew::agent::drain {

// The families of the metrics page (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility" and
// "Prometheus exporter"): names with unit and type suffixes, scopes as otel_scope_* labels, the resource in
// target_info. Metrics of one name from several scopes are one family; a metric whose type contradicts its family is
// left out.
std::vector<wire::MetricFamily> PageFamilies(const model::MetricBatch& batch, const KeyValuePairs& resource);

}  // namespace clew::agent::drain
