// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/evidence.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/span_batch.h"

namespace clew::bench {

// One recorded fault and its truth, a row of cases.json. Times are Unix nanoseconds.
struct FaultCase {
  std::string id;
  std::string folder;    // of its recording
  std::string baseline;  // folder of the fault-free recording
  std::string service;
  std::string fault;
  std::string kind;   // one of the interface's kinds where the truth names it
  std::string where;  // two log templates joined by '_', or a metric
  int64_t injected = 0;
  int64_t from = 0;
  int64_t to = 0;
  int64_t baseline_from = 0;
  int64_t baseline_to = 0;
};
base::Result<std::vector<FaultCase>> ReadCases(const std::string& folder);

// What is done to a recording, and to the times that a person would give, before the question is asked.
struct Variant {
  std::string name = "as recorded";
  int64_t shift = 0;  // nanoseconds by which both given times are moved
  double traces = 1;  // share of the traces that is kept, whole traces
  uint64_t draw = 0;  // which of them: another number keeps others
  bool logs = true;
  bool metrics = true;
  int64_t skew = 0;  // nanoseconds by which the clocks of half of the services are ahead
};

// Reads recordings (traces.pb.gz, logs.pb.gz, metrics.pb.gz: OTLP Export…ServiceRequest) once each.
class Recordings {
 public:
  // Both recordings of a case as root-cause analysis gets them.
  base::Result<model::Evidence> Load(const FaultCase& fault, const Variant& variant);

 private:
  struct Recording {
    model::SpanBatch spans;
    model::LogBatch logs;
    model::MetricBatch metrics;
  };
  base::Result<const Recording*> Read(const std::string& folder);

  std::map<std::string, Recording> read_;
};

}  // namespace clew::bench
