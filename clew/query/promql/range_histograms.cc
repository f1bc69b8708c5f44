// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/range_histograms.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>

namespace clew::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Histograms = std::span<const HistogramPtr>;

bool IsGauge(const HistogramPtr& histogram) { return histogram->hint == ResetHint::kGauge; }

// Subtracts or adds; false where the two do not mix. What hints contradict is looked after by the caller.
bool Combine(Histogram& to, const Histogram& other, bool subtract, const RangeNotes& notes) {
  const AddOutcome added = Add(to, other, subtract);
  if (!added.compatible) {
    notes.annotations.MixedExponentialCustom(notes.metric, notes.range);
    return false;
  }
  if (added.bounds_reconciled) {
    notes.annotations.BoundsReconciled(subtract ? "subtraction" : "addition", notes.range);
  }
  return true;
}

// Whether a counter's histograms can be told from each other; the coarsest schema among them.
bool CheckCounters(Histograms histograms, bool custom, int32_t& schema, const RangeNotes& notes) {
  for (const HistogramPtr& histogram : histograms.subspan(1, histograms.size() - 2)) {
    if (IsGauge(histogram)) notes.annotations.NotCounter(notes.metric, notes.range);
    schema = std::min(schema, histogram->schema);
    if (histogram->custom() != custom) {
      notes.annotations.MixedExponentialCustom(notes.metric, notes.range);
      return false;
    }
  }
  return true;
}

// What a window of at least two histograms counted from the first to the last, with resets of counters.
std::shared_ptr<Histogram> Increase(Histograms histograms, bool is_counter, const RangeNotes& notes) {
  const Histogram& last = *histograms.back();
  Histogram first = *histograms.front();
  const bool ends_gauge = IsGauge(histograms.front()) || IsGauge(histograms.back());
  if (is_counter && ends_gauge) notes.annotations.NotCounter(notes.metric, notes.range);
  if (is_counter && DetectReset(*histograms[1], first)) {
    // The first one adds nothing, so its buckets need not fit.
    first = Histogram();
    first.schema = histograms[1]->schema;
    first.custom_bounds = histograms[1]->custom_bounds;
  }
  if (last.custom() != first.custom()) {
    notes.annotations.MixedExponentialCustom(notes.metric, notes.range);
    return nullptr;
  }
  int32_t schema = std::min(last.schema, first.schema);
  if (is_counter && !CheckCounters(histograms, first.custom(), schema, notes)) return nullptr;
  auto increase = std::make_shared<Histogram>(last);
  ReduceSchema(*increase, schema);
  if (!Combine(*increase, first, true, notes)) return nullptr;
  if (is_counter) {
    const Histogram* previous = &first;
    for (const HistogramPtr& histogram : histograms.subspan(1)) {
      if (DetectReset(*histogram, *previous) && !Combine(*increase, *previous, false, notes)) return nullptr;
      previous = histogram.get();
    }
  } else if (!IsGauge(histograms.front()) || !IsGauge(histograms.back())) {
    notes.annotations.NotGauge(notes.metric, notes.range);
  }
  increase->hint = ResetHint::kGauge;
  return increase;
}

RangeOutcome Rate(FunctionId id, const Window& window, const RangeNotes& notes) {
  if (!window.values.empty()) {
    notes.annotations.MixedFloatsHistograms(notes.metric, notes.range);
    return {};
  }
  if (window.histograms.size() < 2) return {};
  const bool is_counter = id != FunctionId::kDelta;
  std::shared_ptr<Histogram> increase = Increase(window.histograms, is_counter, notes);
  if (increase == nullptr) return {};
  const double first = window.histograms.front()->count;
  const bool ends_at_zero = is_counter && increase->count > 0 && first >= 0;
  const double first_share = ends_at_zero ? first / increase->count : kInfinity;
  Scale(*increase, ExtrapolationFactor(window, window.histogram_times_ms, id == FunctionId::kRate, first_share));
  return {.histogram = std::move(increase)};
}

// A sample of either kind.
struct Point {
  int64_t time_ms = 0;
  double number = 0;
  const Histogram* histogram = nullptr;
};

// By time.
std::vector<Point> AllPoints(const Window& window) {
  std::vector<Point> points;
  points.reserve(window.values.size() + window.histograms.size());
  size_t next = 0;
  for (size_t i = 0; i < window.histograms.size(); ++i) {
    while (next < window.values.size() && window.times_ms[next] <= window.histogram_times_ms[i]) {
      points.push_back({window.times_ms[next], window.values[next], nullptr});
      ++next;
    }
    points.push_back({window.histogram_times_ms[i], 0, window.histograms[i].get()});
  }
  for (; next < window.values.size(); ++next) points.push_back({window.times_ms[next], window.values[next], nullptr});
  return points;
}

RangeOutcome InstantDelta(FunctionId id, const Window& window, const RangeNotes& notes) {
  const std::vector<Point> points = AllPoints(window);
  if (points.size() < 2) return {};
  const Point& last = points[points.size() - 1];
  const Point& previous = points[points.size() - 2];
  const double seconds = static_cast<double>(last.time_ms - previous.time_ms) / 1000;
  if (seconds == 0) return {};
  const bool is_rate = id == FunctionId::kIrate;
  if (last.histogram == nullptr && previous.histogram == nullptr) {
    const bool reset = is_rate && last.number < previous.number;
    const double delta = reset ? last.number : last.number - previous.number;
    return {.number = is_rate ? delta / seconds : delta};
  }
  if (last.histogram == nullptr || previous.histogram == nullptr) {
    notes.annotations.MixedFloatsHistograms(notes.metric, notes.range);
    return {};
  }
  const bool last_gauge = last.histogram->hint == ResetHint::kGauge;
  const bool previous_gauge = previous.histogram->hint == ResetHint::kGauge;
  if (is_rate && (last_gauge || previous_gauge)) notes.annotations.NotCounter(notes.metric, notes.range);
  if (!is_rate && (!last_gauge || !previous_gauge)) notes.annotations.NotGauge(notes.metric, notes.range);
  auto delta = std::make_shared<Histogram>(*last.histogram);
  if (!is_rate || !DetectReset(*last.histogram, *previous.histogram)) {
    if (!Combine(*delta, *previous.histogram, true, notes)) return {};
  }
  delta->hint = ResetHint::kGauge;
  if (is_rate) Divide(*delta, seconds);
  return {.histogram = std::move(delta)};
}

RangeOutcome SumOrMean(FunctionId id, const Window& window, const RangeNotes& notes) {
  if (!window.values.empty()) {
    notes.annotations.MixedFloatsHistograms(notes.metric, notes.range);
    return {};
  }
  HistogramSum sum(*window.histograms[0], id == FunctionId::kAvgOverTime);
  bool reconciled = false;
  bool compatible = true;
  for (const HistogramPtr& histogram : window.histograms.subspan(1)) {
    const AddOutcome added = sum.Add(*histogram);
    reconciled = reconciled || added.bounds_reconciled;
    compatible = added.compatible;
    if (!compatible) break;
  }
  if (!compatible) {
    notes.annotations.MixedExponentialCustom(notes.metric, notes.range);
    return {};
  }
  if (sum.hints_collide()) notes.annotations.ResetCollision("aggregation", notes.range);
  if (reconciled) notes.annotations.BoundsReconciled("aggregation", notes.range);
  return {.histogram = std::make_shared<Histogram>(sum.Result())};
}

RangeOutcome FirstOrLast(FunctionId id, const Window& window) {
  const bool first = id == FunctionId::kFirstOverTime;
  const HistogramPtr& histogram = first ? window.histograms.front() : window.histograms.back();
  if (window.values.empty()) return {.histogram = histogram};
  const int64_t histogram_time = first ? window.histogram_times_ms.front() : window.histogram_times_ms.back();
  const int64_t float_time = first ? window.times_ms.front() : window.times_ms.back();
  if (first ? float_time < histogram_time : float_time > histogram_time) {
    return {.number = first ? window.values.front() : window.values.back()};
  }
  return {.histogram = histogram};
}

bool IsChange(const Point& point, const Point& previous) {
  if (point.histogram != nullptr) return !SameHistogram(*point.histogram, *previous.histogram);
  return point.number != previous.number && !(std::isnan(point.number) && std::isnan(previous.number));
}

bool IsReset(const Point& point, const Point& previous) {
  if (point.histogram != nullptr) return DetectReset(*point.histogram, *previous.histogram);
  return point.number < previous.number;
}

RangeOutcome ChangesOrResets(FunctionId id, const Window& window) {
  const std::vector<Point> points = AllPoints(window);
  int count = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    const bool other_kind = (points[i].histogram == nullptr) != (points[i - 1].histogram == nullptr);
    const bool counts = other_kind || (id == FunctionId::kChanges ? IsChange(points[i], points[i - 1])
                                                                  : IsReset(points[i], points[i - 1]));
    if (counts) ++count;
  }
  return {.number = static_cast<double>(count)};
}

}  // namespace

RangeOutcome ApplyOverHistograms(FunctionId id, const Window& window, const RangeNotes& notes) {
  switch (id) {
    case FunctionId::kRate:
    case FunctionId::kIncrease:
    case FunctionId::kDelta: return Rate(id, window, notes);
    case FunctionId::kIrate:
    case FunctionId::kIdelta: return InstantDelta(id, window, notes);
    case FunctionId::kSumOverTime:
    case FunctionId::kAvgOverTime: return SumOrMean(id, window, notes);
    case FunctionId::kFirstOverTime:
    case FunctionId::kLastOverTime: return FirstOrLast(id, window);
    case FunctionId::kCountOverTime:
      return {.number = static_cast<double>(window.values.size() + window.histograms.size())};
    case FunctionId::kPresentOverTime:
    case FunctionId::kAbsentOverTime: return {.number = 1};
    case FunctionId::kChanges:
    case FunctionId::kResets: return ChangesOrResets(id, window);
    default: break;
  }
  // All others are of floats.
  if (window.values.empty()) return {};
  notes.annotations.IgnoredInMixedRange(notes.metric, notes.range);
  RangeOutcome outcome;
  if (!FindRangeFunction(id)(window, outcome.number)) return {};
  return outcome;
}

}  // namespace clew::query::promql
