// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clew/model/evidence.h"

namespace clew::rca {

// A feature is something that a call can show; calls are counted with and without it, before and during. All signals
// become features, so that they compare on one scale: the share of calls that show it.
enum class FeatureKind : uint8_t {
  kNext,    // after one event in a segment another comes (log lines, spans, calls, the end)
  kHas,     // an event occurs in a segment at all
  kFailed,  // the segment's entry span has status error
  kOwn,     // the segment's own time is beyond what is usual
  kHop,     // so is the time on the way from the caller and back
  kStep,    // so is a span within the segment
};

// Where calls are counted: segments of an operation, calls of one link, occurrences of an event within an operation.
struct Place {
  model::NameId service = 0;
  model::NameId operation = 0;
  // kHop: the caller; kNext: name of the event before (with its kind in `before_kind`).
  model::NameId other = 0;
  uint8_t before_kind = 0;  // 0: not of an event; 1: the segment's start; else EventKind + 2
  bool is_hop = false;
  bool operator==(const Place&) const = default;
};

struct Feature {
  uint32_t place = 0;
  FeatureKind kind = FeatureKind::kHas;
  model::NameId name = 0;  // of the event; 0 with `is_end`: the segment's end
  model::EventKind event_kind = model::EventKind::kSpan;
  bool is_end = false;
  bool is_error = false;
  bool operator==(const Feature&) const = default;
};

// Whether a feature says that a call failed: its status, an exception, an answer that says so or never came. A line
// that is logged as an error does not.
inline bool IsFailure(const Feature& feature) {
  return feature.kind == FeatureKind::kFailed ||
         (feature.kind == FeatureKind::kHas && feature.is_error && feature.event_kind != model::EventKind::kLog);
}

// One feature of one segment and when it showed.
struct Occurrence {
  uint32_t feature = 0;
  int64_t time = 0;
};

// What a segment shows and where it counts; each place and feature once.
struct Observation {
  std::vector<uint32_t> places;
  std::vector<Occurrence> occurrences;  // of one feature the earliest
};

// Times beyond which an operation, link or step is unusually slow, in nanoseconds.
class Thresholds {
 public:
  // From segments that are taken to be usual: `margin` times the `quantile` of each operation's, link's and step's.
  // Where there are fewer than `few`, at least their median times the same quantile of how far all times lie from
  // the median of their own kind.
  static Thresholds Learn(const model::Evidence& evidence, std::span<const uint32_t> segments, double quantile,
                          double margin, double few);

  // 0 where nothing is known.
  double Own(const model::Segment& segment) const;
  double Hop(const model::Segment& segment) const;
  double Step(const model::Segment& segment, const model::SegmentEvent& event) const;

 private:
  static uint64_t Key(uint32_t salt, model::NameId a, model::NameId b, model::NameId c);
  double Find(uint64_t key) const;
  std::unordered_map<uint64_t, double> values_;
};

// All places and features that occur, numbered.
class FeatureTable {
 public:
  explicit FeatureTable(const model::Evidence& evidence) : evidence_(evidence) {}

  Observation Observe(const model::Segment& segment, const Thresholds& thresholds);

  const Place& place(uint32_t id) const { return places_[id]; }
  const Feature& feature(uint32_t id) const { return features_[id]; }
  size_t place_count() const { return places_.size(); }
  size_t feature_count() const { return features_.size(); }

 private:
  struct Hash {
    size_t operator()(const Place& place) const;
    size_t operator()(const Feature& feature) const;
  };
  uint32_t PlaceId(const Place& place);
  uint32_t FeatureId(const Feature& feature);
  void ObserveEvents(const model::Segment& segment, const Thresholds& thresholds, uint32_t all, Observation& out);

  const model::Evidence& evidence_;
  std::vector<Place> places_;
  std::vector<Feature> features_;
  std::unordered_map<Place, uint32_t, Hash> place_ids_;
  std::unordered_map<Feature, uint32_t, Hash> feature_ids_;
};

// What one trace says, or the part of it that lies in a window. Calls of one trace are alike (a loop over items, a
// retry), so that together they count as one: a place that occurs counts once, a feature by the share of the place's
// calls that show it.
struct TraceTally {
  model::TraceId trace;
  int64_t start = 0;             // of its first segment
  std::vector<uint32_t> places;  // each once
  std::vector<std::pair<uint32_t, double>> features;
};
// Of segments in ascending order of start, by their index in `observations`; in that order too.
std::vector<TraceTally> TallyTraces(const model::Evidence& evidence, const FeatureTable& table,
                                    std::span<const uint32_t> segments, std::span<const Observation> observations);

// How many traces went through each place, and how many of them showed each feature.
struct Counts {
  std::vector<double> places;
  std::vector<double> features;

  void Add(const TraceTally& tally);
  double Place(uint32_t id) const { return id < places.size() ? places[id] : 0; }
  double Feature(uint32_t id) const { return id < features.size() ? features[id] : 0; }
};

}  // namespace clew::rca
