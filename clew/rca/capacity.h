// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/rca/diagnose.h"

// Signs that a service is not slow or broken by itself but lacks something: capacity, a turn, the processor.
namespace clew::rca {

// Whether an event of that kind and name says that something ran out: a status whose meaning that is (HTTP 429, 503 and
// 507, RFC 9110 and RFC 4918; gRPC RESOURCE_EXHAUSTED), or an exception or a log line in the words that systems use for
// it (pool, exhausted, no space left, out of memory, locked, …).
bool SpeaksOfCapacity(model::EventKind kind, std::string_view name);

struct Interval {
  int64_t start = 0;
  int64_t end = 0;
};

// Who waits for the same thing goes on at the same moment. Of calls that follow each other and overlap, the share that
// ended at most half as far apart as they began: none where each takes its own constant time longer, few where times
// vary by themselves, most behind a lock. 0 where fewer than `least` pairs overlap. Sorts `calls`.
double WaitShare(std::vector<Interval>& calls, size_t least);

// Processor time of a service in cores, before and during.
struct CoresUsed {
  bool known = false;  // there are counters of both times
  double before = 0;
  double during = 0;
  // What came anew and no request accounts for: more than all the time that requests spent in the service grew by.
  double unaccounted = 0;
  double unaccounted_share() const { return during > 0 ? unaccounted / during : 0; }
};
CoresUsed MeasureCores(const model::Evidence& evidence, model::NameId service, Window baseline, Window incident);

}  // namespace clew::rca
