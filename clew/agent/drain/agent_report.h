// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clew/agent/drain/arena_drain.h"
#include "clew/agent/drain/config.h"
#include "clew/agent/drain/drainer.h"
#include "clew/agent/drain/exporter.h"
#include "clew/wire/prometheus_text.h"

namespace clew::agent::drain {

// How one run stands at one moment.
struct AgentReport {
  int64_t pid = 0;
  std::string service;
  std::string instance;
  std::vector<std::string> command;
  int64_t started_unix_nanos = 0;
  std::string page_address;  // empty: no page
  DrainerStats stats;
  std::vector<ArenaDrain::ProcessInfo> processes;
  std::array<std::optional<ExporterStats>, kSignalCount> exporters;  // none: not sent by OTLP
  std::array<std::string, kSignalCount> exporter_names;              // "otlp http/protobuf", "console", "none"
  std::array<std::string, kSignalCount> endpoints;
  double cpu_seconds = 0;  // of the drainer's process
};

// For the status socket.
std::string ReportJson(const AgentReport& report);
// The clew_agent_* families of the metrics page.
std::vector<wire::MetricFamily> ReportFamilies(const AgentReport& report);

// A URL without what may be secret in it: userinfo and query.
std::string DisplayUrl(std::string_view url);

}  // namespace clew::agent::drain
