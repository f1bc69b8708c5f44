// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/capacity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <map>
#include <string>

namespace clew::rca {
namespace {

using model::EventKind;

constexpr std::array<std::string_view, 4> kStatuses = {"HTTP 429", "HTTP 503", "HTTP 507", "gRPC 8"};

// In lower case. Words of databases, pools, kernels and runtimes for want of something, not of any product.
constexpr std::array<std::string_view, 20> kWords = {
    "pool",       "exhaust",        "too many",    "no space left",    "disk is full",
    "disk full",  "out of memory",  "memoryerror", "cannot allocate",  "quota",
    "rate limit", "limit exceeded", "is locked",   "lock wait",        "deadlock",
    "overload",   "queue is full",  "at capacity", "no connection to", "temporarily unavailable"};

// Mean slope of a counter over a window, from the intervals between its points that lie within.
struct Slope {
  double amount = 0;
  double seconds = 0;
  double value() const { return seconds > 0 ? amount / seconds : 0; }
};

Slope SlopeOf(const model::Utilization& counter, Window window) {
  Slope slope;
  for (size_t i = 1; i < counter.points.size(); ++i) {
    const model::UtilizationPoint& from = counter.points[i - 1];
    const model::UtilizationPoint& to = counter.points[i];
    // A counter that fell began anew.
    if (from.time < window.from || to.time > window.to || to.value < from.value || to.time <= from.time) continue;
    slope.amount += to.value - from.value;
    slope.seconds += static_cast<double>(to.time - from.time) / 1e9;
  }
  return slope;
}

// Seconds that requests spent in the service itself, a second.
double RequestTime(const model::Evidence& evidence, model::NameId service, Window window) {
  double own = 0;
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = std::numeric_limits<int64_t>::min();
  for (const model::Segment& segment : evidence.segments) {
    if (!window.Contains(segment.start)) continue;
    first = std::min(first, segment.start);
    last = std::max(last, segment.start);
    if (segment.service == service) own += static_cast<double>(segment.own);
  }
  return last > first ? own / static_cast<double>(last - first) : 0;
}

}  // namespace

bool SpeaksOfCapacity(EventKind kind, std::string_view name) {
  if (kind == EventKind::kStatus) return std::ranges::find(kStatuses, name) != kStatuses.end();
  if (kind != EventKind::kException && kind != EventKind::kLog) return false;
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::any_of(kWords, [&](std::string_view word) { return lower.contains(word); });
}

double WaitShare(std::vector<Interval>& calls, size_t least) {
  std::ranges::sort(calls, {}, &Interval::start);
  size_t pairs = 0;
  size_t together = 0;
  for (size_t i = 1; i < calls.size(); ++i) {
    const Interval& one = calls[i - 1];
    const Interval& next = calls[i];
    const int64_t starts = next.start - one.start;
    if (next.start >= one.end || starts <= 0) continue;
    ++pairs;
    const int64_t ends = next.end > one.end ? next.end - one.end : one.end - next.end;
    if (2 * ends <= starts) ++together;
  }
  return pairs >= std::max<size_t>(least, 1) ? static_cast<double>(together) / static_cast<double>(pairs) : 0;
}

CoresUsed MeasureCores(const model::Evidence& evidence, model::NameId service, Window baseline, Window incident) {
  // One metric counts what a process uses, another what its container does: never both.
  std::map<model::NameId, CoresUsed> by_metric;
  for (const model::Utilization& counter : evidence.processor_seconds) {
    if (counter.service != service) continue;
    const Slope before = SlopeOf(counter, baseline);
    const Slope during = SlopeOf(counter, incident);
    CoresUsed& cores = by_metric[counter.metric];
    cores.known = cores.known || (before.seconds > 0 && during.seconds > 0);
    cores.before += before.value();
    cores.during += during.value();
  }
  CoresUsed most;
  for (const auto& [metric, cores] : by_metric) {
    if (cores.known && cores.during > most.during) most = cores;
  }
  if (!most.known) return {};
  const double requests = RequestTime(evidence, service, incident) - RequestTime(evidence, service, baseline);
  most.unaccounted = std::max(0.0, most.during - most.before - std::max(0.0, requests));
  return most;
}

}  // namespace clew::rca
