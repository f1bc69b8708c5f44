// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "clew/model/attributes.h"
#include "clew/model/ids.h"

namespace clew::model {

// Index into Evidence::names; 0 is the empty name.
using NameId = uint32_t;

inline constexpr uint32_t kNoSegment = std::numeric_limits<uint32_t>::max();

// What happened within a segment, in the order of time.
enum class EventKind : uint8_t {
  kSpan,        // a span below the entry span, by its name
  kCall,        // a call that another service answered, by that service and its operation
  kUnanswered,  // a call that failed and that no span answers, by whom it was made to
  kException,   // by its type
  kLog,         // a log line, by its template
  kStatus,      // an HTTP or gRPC status other than success, by its number
};

struct SegmentEvent {
  int64_t time = 0;       // Unix nanoseconds
  int64_t end = 0;        // when it was over; the time again where it is a point in time
  int64_t duration = -1;  // nanoseconds that the step itself took; -1: a point in time, or the time went elsewhere
  NameId name = 0;
  EventKind kind = EventKind::kSpan;
  bool is_error = false;
};

// The part of one trace that ran in one service: an entry span (a server or consumer span, or one whose parent ran
// elsewhere) and everything below it in the same service.
struct Segment {
  TraceId trace_id;
  NameId service = 0;
  NameId instance = 0;   // pod, else service.instance.id, else host
  NameId version = 0;    // service.version
  NameId operation = 0;  // name of the entry span
  NameId caller = 0;     // service of the parent span; 0: a root, or not stored
  uint32_t parent = kNoSegment;
  int64_t start = 0;  // Unix nanoseconds
  int64_t end = 0;
  // Nanoseconds in which no call to another service was under way (calls that overlap count once).
  int64_t own = 0;
  // Nanoseconds of the caller's span less the entry span: the way there and back. -1: the caller's span is not known.
  int64_t hop = -1;
  bool is_error = false;  // the entry span has status ERROR
  Range events;           // of Evidence::events
};

// A metric that has a limit, as a share of it.
struct UtilizationPoint {
  int64_t time = 0;
  double value = 0;
};
struct Utilization {
  NameId service = 0;
  NameId instance = 0;
  NameId metric = 0;
  std::vector<UtilizationPoint> points;  // by time
};

// How many rows of a group, and of the rest, have one value of one attribute.
struct AttributeCount {
  std::string key;
  std::string value;
  uint64_t inside = 0;
  uint64_t outside = 0;
};

// What root-cause analysis reads, over a range of time: query/evidence makes it from what is stored, rca decides on it.
// A plain value.
struct Evidence {
  std::vector<std::string> names{""};
  std::vector<Segment> segments;  // by start
  std::vector<SegmentEvent> events;
  std::vector<Utilization> utilizations;
  // Counters of processor seconds that an instance has used, all processes and modes together.
  std::vector<Utilization> processor_seconds;
  // Which service answers at an address ("payment:8000"), learned from calls that were answered.
  struct Peer {
    NameId address = 0;
    NameId service = 0;
  };
  std::vector<Peer> peers;
  // Share of the traces that is here; less than 1 where there were too many.
  double sampled = 1;

  const std::string& Name(NameId id) const { return names[id]; }
};

}  // namespace clew::model
