// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/comparison.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "clew/rca/onset.h"

namespace clew::rca {
namespace {

// Standard deviations of the bounds. Against the baseline 2.58: one chance in two hundred. Against the minutes just
// before the onset, which are few, 1.28: one in ten. For what counts to a service 1.96, since it was selected already.
constexpr double kBaselineZ = 2.58;
constexpr double kBeforeZ = 1.28;
constexpr double kOriginZ = 1.96;
// Fewer calls in the baseline say nothing about what is usual.
constexpr uint32_t kMinBaseline = 3;
// A twentieth of the calls is the least that is looked at, and a thirtieth the least that counts to a service.
constexpr double kMinRise = 0.05;
constexpr double kMinOriginRise = 0.03;
// A time is unusual where it exceeds all but one in a hundred of the usual ones by a tenth.
constexpr double kUsualQuantile = 0.99;
constexpr double kUsualMargin = 1.1;
// Until the onset is known there is no baseline: twice the median of all calls stands in.
constexpr double kSearchMargin = 2;
// The incident's edge is not sharp: calls that ran when it began belong to neither side.
constexpr int64_t kEdge = 2'000'000'000;

bool IsTime(FeatureKind kind) {
  return kind == FeatureKind::kOwn || kind == FeatureKind::kHop || kind == FeatureKind::kStep;
}

Share ShareOf(const Counts& counts, const FeatureTable& table, uint32_t feature) {
  return {static_cast<double>(counts.Feature(feature)),
          static_cast<double>(counts.Place(table.feature(feature).place))};
}

}  // namespace

Comparison::Comparison(const model::Evidence& evidence, const DiagnoseOptions& options)
    : evidence_(evidence), table_(evidence) {
  for (const model::Evidence::Peer& peer : evidence.peers) peer_service_[peer.address] = peer.service;
  SplitTime(options);
  CountWindows();
  FindRecoveries();
  FindChanges();
  MeasureTimes();
  BlameLinks();
  FindOrigins();
}

std::vector<uint32_t> Comparison::SegmentsIn(Window window) const {
  std::vector<uint32_t> members;
  for (uint32_t i = 0; i < evidence_.segments.size(); ++i) {
    if (window.Contains(evidence_.segments[i].start)) members.push_back(i);
  }
  return members;
}

void Comparison::SplitTime(const DiagnoseOptions& options) {
  const bool own_baseline = options.baseline.from < options.baseline.to;
  incident_ = options.incident;
  Window search = incident_;
  if (options.incident_given) {
    search.from -= options.slack;
    search.to = std::min(incident_.to, incident_.from + options.slack);
    if (search.to <= incident_.from) search.to = incident_.to;
  }
  // The time line on which the onset is looked for reaches to the end of the incident.
  const std::vector<uint32_t> line = SegmentsIn({search.from, incident_.to});
  const std::vector<uint32_t> usual = own_baseline ? SegmentsIn(options.baseline) : line;
  const Thresholds thresholds = own_baseline ? Thresholds::Learn(evidence_, usual, kUsualQuantile, kUsualMargin)
                                             : Thresholds::Learn(evidence_, usual, 0.5, kSearchMargin);
  FeatureTable search_table(evidence_);
  std::vector<Observation> observations;
  std::vector<int64_t> starts;
  Counts line_counts;
  for (const uint32_t i : line) {
    observations.push_back(search_table.Observe(evidence_.segments[i], thresholds));
    starts.push_back(evidence_.segments[i].start);
    line_counts.Add(observations.back());
  }
  Counts usual_counts;
  if (own_baseline) {
    for (const uint32_t i : usual) usual_counts.Add(search_table.Observe(evidence_.segments[i], thresholds));
  }
  std::vector<bool> candidates(search_table.feature_count());
  for (uint32_t id = 0; id < candidates.size(); ++id) {
    const Share now = ShareOf(line_counts, search_table, id);
    const Share before = ShareOf(usual_counts, search_table, id);
    // With a baseline only what differs from it can have begun.
    candidates[id] = now.k >= 3 && (!own_baseline || (before.n > 0 && RiseLowerBound(before, now, kBeforeZ) > 0.02));
  }
  const int64_t first = line.empty() ? search.from : std::max(search.from, starts.front());
  const Onset onset = FindOnset(search_table, observations, starts, candidates, first, search.to);
  const bool found = onset.evidence >= kOnsetEvidence;
  onset_ = found ? onset.time : options.incident_given ? incident_.from : first;
  if (own_baseline) {
    baseline_ = options.baseline;
    // Without an onset in sight the fault may have been there all along.
    before_ = found ? Window{first, onset_} : Window{};
    incident_.from = found ? onset_ : first;
  } else {
    baseline_ = {std::numeric_limits<int64_t>::min(), onset_ - (found ? kEdge : 0)};
    incident_.from = onset_;
  }
}

void Comparison::CountWindows() {
  baseline_members_ = SegmentsIn(baseline_);
  before_members_ = SegmentsIn(before_);
  incident_members_ = SegmentsIn(incident_);
  baseline_segments_ = baseline_members_.size();
  incident_segments_ = incident_members_.size();
  const Thresholds thresholds = Thresholds::Learn(evidence_, baseline_members_, kUsualQuantile, kUsualMargin);
  observations_.resize(evidence_.segments.size());
  for (const auto& [members, counts] : {std::pair{&baseline_members_, &baseline_counts_},
                                        {&before_members_, &before_counts_},
                                        {&incident_members_, &incident_counts_}}) {
    for (const uint32_t i : *members) {
      observations_[i] = table_.Observe(evidence_.segments[i], thresholds);
      counts->Add(observations_[i]);
    }
  }
}

void Comparison::FindRecoveries() {
  for (uint32_t id = 0; id < table_.feature_count(); ++id) {
    const Feature& feature = table_.feature(id);
    if (!feature.is_error || feature.kind == FeatureKind::kNext) continue;
    const Share before = ShareOf(baseline_counts_, table_, id);
    const Share after = ShareOf(incident_counts_, table_, id);
    if (before.n < kMinBaseline || after.n == 0 || RiseLowerBound(after, before, kBaselineZ) <= kMinRise) continue;
    const Place& place = table_.place(feature.place);
    recovered_.insert({place.service, place.operation});
  }
}

void Comparison::FindChanges() {
  for (uint32_t id = 0; id < table_.feature_count(); ++id) {
    const Share after = ShareOf(incident_counts_, table_, id);
    const Share before = ShareOf(baseline_counts_, table_, id);
    if (after.k == 0 || before.n < kMinBaseline) continue;
    ++compared_;
    const Feature& feature = table_.feature(id);
    const Place& place = table_.place(feature.place);
    // To stop early is never part of a recovery.
    const bool may_recover = !feature.is_error && !feature.is_end && !IsTime(feature.kind);
    if (may_recover && recovered_.contains({place.service, place.operation})) continue;
    Change change{.feature = id, .before = before, .after = after};
    change.rise = RiseLowerBound(before, after, kBaselineZ);
    if (const Share just_before = ShareOf(before_counts_, table_, id); just_before.n > 0) {
      change.rise = std::min(change.rise, RiseLowerBound(just_before, after, kBeforeZ));
    }
    if (change.rise <= kMinRise) continue;
    change.likelihood = LogLikelihoodRatio(before, after);
    changes_.emplace(id, change);
  }
}

void Comparison::MeasureTimes() {
  // Medians of what the changed places take, before and during.
  std::unordered_map<uint32_t, std::pair<std::vector<double>, std::vector<double>>> times;
  for (const auto& [id, change] : changes_) {
    if (IsTime(table_.feature(id).kind)) times[id];
  }
  if (times.empty()) return;
  const auto collect = [&](const std::vector<uint32_t>& members, bool during) {
    for (const uint32_t i : members) {
      const model::Segment& segment = evidence_.segments[i];
      for (auto& [id, values] : times) {
        const Feature& feature = table_.feature(id);
        const Place& place = table_.place(feature.place);
        if (place.service != segment.service || place.operation != segment.operation) continue;
        auto& list = during ? values.second : values.first;
        if (feature.kind == FeatureKind::kOwn) {
          list.push_back(static_cast<double>(segment.own));
        } else if (feature.kind == FeatureKind::kHop) {
          if (segment.hop >= 0 && segment.caller == place.other) list.push_back(static_cast<double>(segment.hop));
        } else {
          for (uint32_t e = 0; e < segment.events.count; ++e) {
            const model::SegmentEvent& event = evidence_.events[segment.events.first + e];
            if (event.kind == model::EventKind::kSpan && event.name == feature.name && event.duration >= 0) {
              list.push_back(static_cast<double>(event.duration));
            }
          }
        }
      }
    }
  };
  collect(baseline_members_, false);
  collect(incident_members_, true);
  for (auto& [id, values] : times) {
    Change& change = changes_.at(id);
    change.usual_ns = Quantile(values.first, 0.5);
    // Of those that are unusually slow: their middle, since a fault may strike only some calls.
    const double slow_share = std::min(1.0, change.after.value());
    change.now_ns = Quantile(values.second, 1 - slow_share / 2);
    change.weight = change.now_ns > 0 ? std::clamp(1 - change.usual_ns / change.now_ns, 0.0, 1.0) : 0;
    change.rise *= change.weight;
  }
  std::erase_if(changes_, [](const auto& entry) { return entry.second.rise <= kMinRise; });
}

void Comparison::BlameLinks() {
  using Link = std::pair<model::NameId, model::NameId>;
  std::set<Link> slow;
  for (const auto& [id, change] : changes_) {
    if (table_.feature(id).kind != FeatureKind::kHop) continue;
    const Place& place = table_.place(table_.feature(id).place);
    slow.insert({place.other, place.service});
  }
  if (slow.empty()) return;
  std::set<Link> links;
  for (const uint32_t i : incident_members_) {
    const model::Segment& segment = evidence_.segments[i];
    if (segment.hop >= 0) links.insert({segment.caller, segment.service});
  }
  const auto slow_share = [&](auto belongs) {
    double all = 0;
    double bad = 0;
    for (const Link& link : links) {
      if (!belongs(link)) continue;
      ++all;
      if (slow.contains(link)) ++bad;
    }
    return all > 0 ? bad / all : 0;
  };
  for (const Link& link : slow) {
    const double of_callee = slow_share([&](const Link& other) { return other.second == link.second; });
    const double of_caller = slow_share([&](const Link& other) { return other.first == link.first; });
    // Where both ends look alike it is the callee: a network that delays one service delays what is sent to it.
    blamed_end_[link] = of_caller > of_callee ? link.first : link.second;
  }
}

model::NameId Comparison::ServiceOf(uint32_t id) const {
  const Feature& feature = table_.feature(id);
  const Place& place = table_.place(feature.place);
  if (feature.kind == FeatureKind::kHop) {
    const auto blamed = blamed_end_.find({place.other, place.service});
    return blamed == blamed_end_.end() ? place.service : blamed->second;
  }
  if (feature.event_kind == model::EventKind::kUnanswered && !feature.is_end) {
    const auto peer = peer_service_.find(feature.name);
    // Whom it was made to; an address that never answered keeps its own name.
    return peer == peer_service_.end() ? feature.name : peer->second;
  }
  return place.service;
}

std::unordered_map<uint64_t, uint32_t> Comparison::CountOrigins(const std::vector<uint32_t>& segments) const {
  struct Deviation {
    int64_t time = 0;
    model::NameId service = 0;
    uint32_t feature = 0;
    uint32_t segment = 0;
  };
  std::unordered_map<model::TraceId, std::vector<Deviation>, model::TraceIdHash> traces;
  for (const uint32_t i : segments) {
    for (const Occurrence& occurrence : observations_[i].occurrences) {
      if (!changes_.contains(occurrence.feature)) continue;
      // The time of a step is part of the segment's own time: it tells where, not whether.
      if (table_.feature(occurrence.feature).kind == FeatureKind::kStep) continue;
      traces[evidence_.segments[i].trace_id].push_back(
          {occurrence.time, ServiceOf(occurrence.feature), occurrence.feature, i});
    }
  }
  std::unordered_map<uint64_t, uint32_t> counts;  // by service and feature
  for (auto& [trace, deviations] : traces) {
    const auto first = std::ranges::min_element(
        deviations, {}, [](const Deviation& d) { return std::tuple(d.time, d.service, d.feature, d.segment); });
    const model::NameId service = first->service;
    std::set<std::pair<uint32_t, uint32_t>> seen;
    for (const Deviation& deviation : deviations) {
      if (deviation.service != service || !seen.insert({deviation.segment, deviation.feature}).second) continue;
      ++counts[uint64_t{service} << 32 | deviation.feature];
    }
  }
  return counts;
}

void Comparison::FindOrigins() {
  const auto baseline = CountOrigins(baseline_members_);
  const auto before = CountOrigins(before_members_);
  const auto during = CountOrigins(incident_members_);
  const auto count = [](const auto& counts, uint64_t key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0.0 : static_cast<double>(found->second);
  };
  for (const auto& [key, k] : during) {
    const auto service = static_cast<model::NameId>(key >> 32);
    const auto id = static_cast<uint32_t>(key);
    Change change = changes_.at(id);
    const uint32_t place = table_.feature(id).place;
    double rise =
        RiseLowerBound({count(baseline, key), change.before.n}, {static_cast<double>(k), change.after.n}, kOriginZ);
    if (const double n = before_counts_.Place(place); n > 0) {
      rise =
          std::min(rise, RiseLowerBound({count(before, key), n}, {static_cast<double>(k), change.after.n}, kBeforeZ));
    }
    change.rise = rise * change.weight;
    if (change.rise > kMinOriginRise) origins_[service].push_back(change);
  }
  for (const auto& [id, change] : changes_) all_[ServiceOf(id)].push_back(change);
  for (auto* by_service : {&origins_, &all_}) {
    for (auto& [service, list] : *by_service) {
      std::ranges::sort(list, [](const Change& a, const Change& b) {
        return std::tuple(-a.rise, -a.likelihood, a.feature) < std::tuple(-b.rise, -b.likelihood, b.feature);
      });
    }
  }
}

}  // namespace clew::rca
