// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/model/ids.h"

namespace clew::rca {

// What sort of thing went wrong (the interface's kinds).
enum class CauseKind : uint8_t { kLatency, kError, kSaturation, kNetwork, kCode, kChange, kDependency };
std::string_view CauseKindName(CauseKind kind);

// One observation for a cause, with its size before and during.
struct Finding {
  enum class Signal : uint8_t { kTraces, kLogs, kMetrics, kChange };
  Signal signal = Signal::kTraces;
  std::string text;
  double before = 0;
  double after = 0;
  std::string unit;  // "ms", "%" or empty
  // Share of the calls in question that are affected for sure, 0 to 1: the lower confidence bound of what came anew.
  double strength = 0;
  // How it went, in steps of equal length: the size in `unit` before and during. Empty where nothing is known.
  std::vector<double> history_before;
  std::vector<double> history_during;
  // A few traces that show it.
  std::vector<model::TraceId> traces;
  // For a link to what shows it.
  std::string operation;
  std::string log_text;
};
std::string_view SignalName(Finding::Signal signal);

struct Cause {
  std::string service;
  std::string instance;
  double score = 0;  // 0 to 1
  CauseKind kind = CauseKind::kCode;
  std::string where;              // operation, log template, metric or attribute that shows it
  std::vector<Finding> findings;  // strongest first
  // Traces of the incident in which it deviated first, a bounded number of them.
  std::vector<model::TraceId> deviating;
  // How it came to its rank, one sentence a step.
  std::vector<std::string> steps;
};

struct Impact {
  std::string service;
  std::string text;
};

struct Diagnosis {
  bool incident = false;
  int64_t baseline_from = 0;  // Unix nanoseconds
  int64_t baseline_to = 0;
  int64_t from = 0;  // the onset, as found
  int64_t to = 0;
  std::string summary;
  std::vector<Cause> causes;  // by rank
  std::vector<Impact> impact;
};

}  // namespace clew::rca
