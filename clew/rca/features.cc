// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/features.h"

#include <algorithm>

#include "clew/base/bytes.h"
#include "clew/base/hash.h"
#include "clew/rca/statistics.h"

namespace clew::rca {
namespace {

using model::EventKind;
using model::Segment;
using model::SegmentEvent;

constexpr uint8_t kAtStart = 1;
constexpr uint8_t kAfterEvent = 2;

enum : uint32_t { kOwnSalt = 1, kHopSalt = 2, kStepSalt = 3 };

std::span<const SegmentEvent> EventsOf(const model::Evidence& evidence, const Segment& segment) {
  return std::span(evidence.events).subspan(segment.events.first, segment.events.count);
}

void AddOnce(std::vector<uint32_t>& ids, uint32_t id) {
  if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
}

void AddOnce(std::vector<Occurrence>& occurrences, Occurrence occurrence) {
  const auto found = std::ranges::find(occurrences, occurrence.feature, &Occurrence::feature);
  if (found == occurrences.end()) {
    occurrences.push_back(occurrence);
  } else {
    found->time = std::min(found->time, occurrence.time);
  }
}

}  // namespace

uint64_t Thresholds::Key(uint32_t salt, model::NameId a, model::NameId b, model::NameId c) {
  const uint32_t words[3] = {a, b, c};
  return base::Hash64(base::BytesOf(words), salt);
}

double Thresholds::Find(uint64_t key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? 0 : found->second;
}

double Thresholds::Own(const Segment& segment) const {
  return Find(Key(kOwnSalt, segment.service, segment.operation, 0));
}
double Thresholds::Hop(const Segment& segment) const {
  return Find(Key(kHopSalt, segment.caller, segment.service, segment.operation));
}
double Thresholds::Step(const Segment& segment, const SegmentEvent& event) const {
  return Find(Key(kStepSalt, segment.service, segment.operation, event.name));
}

Thresholds Thresholds::Learn(const model::Evidence& evidence, std::span<const uint32_t> segments, double quantile,
                             double margin, double few) {
  std::unordered_map<uint64_t, std::vector<double>> samples;
  for (const uint32_t index : segments) {
    const Segment& segment = evidence.segments[index];
    samples[Key(kOwnSalt, segment.service, segment.operation, 0)].push_back(static_cast<double>(segment.own));
    if (segment.hop >= 0) {
      samples[Key(kHopSalt, segment.caller, segment.service, segment.operation)].push_back(
          static_cast<double>(segment.hop));
    }
    for (const SegmentEvent& event : EventsOf(evidence, segment)) {
      if (event.kind == EventKind::kSpan && event.duration >= 0) {
        samples[Key(kStepSalt, segment.service, segment.operation, event.name)].push_back(
            static_cast<double>(event.duration));
      }
    }
  }
  std::vector<double> distances;
  for (auto& [key, values] : samples) {
    if (static_cast<double>(values.size()) < few / 2) continue;  // their median is too close to each of them
    const double median = Quantile(values, 0.5);
    for (const double value : values) distances.push_back(median > 0 ? value / median : 1);
  }
  const double distance = Quantile(distances, quantile);
  Thresholds thresholds;
  for (auto& [key, values] : samples) {
    double& threshold = thresholds.values_[key] = margin * Quantile(values, quantile);
    if (static_cast<double>(values.size()) < few) threshold = std::max(threshold, distance * Quantile(values, 0.5));
  }
  return thresholds;
}

size_t FeatureTable::Hash::operator()(const Place& place) const {
  const uint32_t words[4] = {place.service, place.operation, place.other,
                             static_cast<uint32_t>(place.before_kind) << 1 | (place.is_hop ? 1u : 0u)};
  return base::Hash64(base::BytesOf(words));
}

size_t FeatureTable::Hash::operator()(const Feature& feature) const {
  const uint32_t words[3] = {feature.place, feature.name,
                             static_cast<uint32_t>(feature.kind) << 16 |
                                 static_cast<uint32_t>(feature.event_kind) << 8 | (feature.is_end ? 2u : 0u) |
                                 (feature.is_error ? 1u : 0u)};
  return base::Hash64(base::BytesOf(words));
}

uint32_t FeatureTable::PlaceId(const Place& place) {
  const auto [entry, added] = place_ids_.try_emplace(place, static_cast<uint32_t>(places_.size()));
  if (added) places_.push_back(place);
  return entry->second;
}

uint32_t FeatureTable::FeatureId(const Feature& feature) {
  const auto [entry, added] = feature_ids_.try_emplace(feature, static_cast<uint32_t>(features_.size()));
  if (added) features_.push_back(feature);
  return entry->second;
}

Observation FeatureTable::Observe(const Segment& segment, const Thresholds& thresholds) {
  Observation out;
  const uint32_t all = PlaceId({.service = segment.service, .operation = segment.operation});
  out.places.push_back(all);
  if (segment.is_error) {
    out.occurrences.push_back({FeatureId({.place = all, .kind = FeatureKind::kFailed, .is_error = true}), segment.end});
  }
  if (const double threshold = thresholds.Own(segment); threshold > 0 && static_cast<double>(segment.own) > threshold) {
    // It is slow from when it exceeds what is usual on: a caller that gives up waiting does so later.
    const int64_t shows = segment.end - std::max<int64_t>(0, segment.own - static_cast<int64_t>(threshold));
    out.occurrences.push_back({FeatureId({.place = all, .kind = FeatureKind::kOwn}), shows});
  }
  if (segment.hop >= 0) {
    const uint32_t link =
        PlaceId({.service = segment.service, .operation = segment.operation, .other = segment.caller, .is_hop = true});
    out.places.push_back(link);
    if (const double threshold = thresholds.Hop(segment);
        threshold > 0 && static_cast<double>(segment.hop) > threshold) {
      out.occurrences.push_back({FeatureId({.place = link, .kind = FeatureKind::kHop}), segment.start});
    }
  }
  ObserveEvents(segment, thresholds, all, out);
  return out;
}

void FeatureTable::ObserveEvents(const Segment& segment, const Thresholds& thresholds, uint32_t all, Observation& out) {
  Place before{.service = segment.service, .operation = segment.operation, .before_kind = kAtStart};
  for (const SegmentEvent& event : EventsOf(evidence_, segment)) {
    // How often a step repeats follows the data (a loop over items), not the code.
    const auto kind_here = static_cast<uint8_t>(kAfterEvent + static_cast<uint8_t>(event.kind));
    const bool repeats = before.before_kind == kind_here && before.other == event.name;
    const uint32_t place = PlaceId(before);
    if (!repeats) AddOnce(out.places, place);
    const Feature shown{.place = all,
                        .kind = FeatureKind::kHas,
                        .name = event.name,
                        .event_kind = event.kind,
                        .is_error = event.is_error};
    // That a step or call failed shows when it ends.
    const int64_t shows = event.is_error ? event.end : event.time;
    AddOnce(out.occurrences, {FeatureId(shown), shows});
    Feature next = shown;
    next.place = place;
    next.kind = FeatureKind::kNext;
    if (!repeats) AddOnce(out.occurrences, {FeatureId(next), shows});
    if (event.kind == EventKind::kSpan && event.duration >= 0) {
      // Counted among the calls that take this step at all.
      const uint32_t step_place = PlaceId({.service = segment.service,
                                           .operation = segment.operation,
                                           .other = event.name,
                                           .before_kind = static_cast<uint8_t>(0xFF)});
      AddOnce(out.places, step_place);
      const double threshold = thresholds.Step(segment, event);
      if (threshold > 0 && static_cast<double>(event.duration) > threshold) {
        AddOnce(out.occurrences,
                {FeatureId({.place = step_place, .kind = FeatureKind::kStep, .name = event.name}), event.time});
      }
    }
    before.other = event.name;
    before.before_kind = kind_here;
  }
  const uint32_t place = PlaceId(before);
  AddOnce(out.places, place);
  AddOnce(out.occurrences, {FeatureId({.place = place, .kind = FeatureKind::kNext, .is_end = true}), segment.end});
}

std::vector<TraceTally> TallyTraces(const model::Evidence& evidence, const FeatureTable& table,
                                    std::span<const uint32_t> segments, std::span<const Observation> observations) {
  struct Calls {
    TraceTally tally;
    std::unordered_map<uint32_t, double> places;
    std::unordered_map<uint32_t, double> features;
  };
  std::vector<Calls> traces;
  std::unordered_map<model::TraceId, size_t, model::TraceIdHash> index;
  for (const uint32_t segment : segments) {
    const model::TraceId& trace = evidence.segments[segment].trace_id;
    const auto [entry, added] = index.try_emplace(trace, traces.size());
    if (added) traces.push_back({{trace, evidence.segments[segment].start, {}, {}}, {}, {}});
    Calls& calls = traces[entry->second];
    for (const uint32_t place : observations[segment].places) ++calls.places[place];
    for (const Occurrence& occurrence : observations[segment].occurrences) ++calls.features[occurrence.feature];
  }
  std::vector<TraceTally> tallies;
  tallies.reserve(traces.size());
  for (Calls& calls : traces) {
    for (const auto& [place, count] : calls.places) calls.tally.places.push_back(place);
    for (const auto& [feature, count] : calls.features) {
      calls.tally.features.emplace_back(feature, count / calls.places[table.feature(feature).place]);
    }
    std::ranges::sort(calls.tally.places);
    std::ranges::sort(calls.tally.features);
    tallies.push_back(std::move(calls.tally));
  }
  return tallies;
}

void Counts::Add(const TraceTally& tally) {
  for (const uint32_t place : tally.places) {
    if (place >= places.size()) places.resize(place + 1);
    ++places[place];
  }
  for (const auto& [feature, share] : tally.features) {
    if (feature >= features.size()) features.resize(feature + 1);
    features[feature] += share;
  }
}

}  // namespace clew::rca
