// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "clew/ingest/ingest.h"
#include "clew/net/http_server.h"
#include "clew/privacy/redactor.h"
#include "clew/store/retention.h"
#include "clew/store/write_path.h"
#include "clew/wire/prometheus_text.h"

namespace clew::cli {

// Clew's own telemetry as metric families, from the counters of its parts: clew_<area>_<name>_<unit>[_total].
std::vector<wire::MetricFamily> SelfMetrics(const ingest::Counters& ingest, const store::WritePathStats& write_path,
                                            const store::RetentionStats& retention, uint64_t parts_aside,
                                            const privacy::RedactionCounts& redactions,
                                            const std::vector<std::pair<std::string, net::HttpServer::Counters>>& http);

}  // namespace clew::cli
