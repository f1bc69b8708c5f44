// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/comparison.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "clew/rca/onset.h"

namespace clew::rca {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kHistorySteps = 12;
constexpr size_t kExamples = 3;
constexpr size_t kMaxDeviating = 5000;
constexpr int64_t kFarPast = std::numeric_limits<int64_t>::min();

bool IsTime(FeatureKind kind) {
  return kind == FeatureKind::kOwn || kind == FeatureKind::kHop || kind == FeatureKind::kStep;
}

Share ShareOf(const Counts& counts, const FeatureTable& table, uint32_t feature) {
  return {counts.Feature(feature), counts.Place(table.feature(feature).place)};
}

}  // namespace

Comparison::Comparison(const model::Evidence& evidence, const DiagnoseOptions& options)
    : evidence_(evidence),
      constants_(options.constants),
      baseline_z_(NormalQuantile(1 - constants_.baseline_chance)),
      before_z_(NormalQuantile(1 - constants_.before_chance)),
      origin_z_(NormalQuantile(1 - constants_.origin_chance)),
      table_(evidence) {
  for (const model::Evidence::Peer& peer : evidence.peers) peer_service_[peer.address] = peer.service;
  SplitTime(options);
  CountWindows();
  FindRecoveries();
  FindChanges();
  MeasureTimes();
  BlameLinks();
  FindOrigins();
}

Share Comparison::Usual(double k, double n, uint32_t feature) const {
  if (!IsTime(table_.feature(feature).kind)) return n < constants_.min_baseline ? Share{} : Share{k, n};
  if (n <= 0) return {};
  return {k + constants_.usual_tail * constants_.few_calls, n + constants_.few_calls};
}

std::vector<uint32_t> Comparison::SegmentsIn(Window window) const {
  std::vector<uint32_t> members;
  for (uint32_t i = 0; i < evidence_.segments.size(); ++i) {
    if (window.Contains(evidence_.segments[i].start)) members.push_back(i);
  }
  return members;
}

Window Comparison::SearchWindow(const DiagnoseOptions& options) const {
  Window line = options.incident;
  if (options.incident_given) {
    const auto slack = static_cast<int64_t>(constants_.slack_seconds * kSecond);
    if (!options.began) line.from -= slack;
    line.to += slack;
  }
  if (options.baseline.from < options.baseline.to) {
    // A baseline beside the incident is no part of it.
    if (options.baseline.to <= options.incident.to) line.from = std::max(line.from, options.baseline.to);
    if (options.baseline.from >= options.incident.from) line.to = std::min(line.to, options.baseline.from);
  }
  return line;
}

// Against what is usual.
Comparison::Timing Comparison::FindKnown(const FeatureTable& table, std::span<const TraceTally> tallies, Counts usual,
                                         Window line, bool began, double needed) const {
  TurnSearch search(table, usual, constants_);
  for (const TraceTally& tally : tallies) search.Add(tally);
  Timing timing{false, false, line.from, line.to};
  if (began) {
    const Turn end = search.FindEnd(line.from, line.to, {});
    timing.ended = end.evidence >= needed;
    timing.end = end.time;
    return timing;
  }
  const Turn begin = search.FindBegin(line.from, line.to);
  timing.found = begin.evidence >= needed;
  // Without a beginning in sight what differs from the baseline may have been there all along.
  if (!timing.found) return timing;
  timing.onset = begin.time;
  for (const TraceTally& tally : tallies) {
    if (tally.start < timing.onset) usual.Add(tally);
  }
  TurnSearch end_search(table, usual, constants_);
  for (const TraceTally& tally : tallies) {
    if (tally.start >= timing.onset) end_search.Add(tally);
  }
  const Turn end = end_search.FindEnd(timing.onset, line.to, begin.features);
  timing.ended = end.evidence >= needed;
  timing.end = end.time;
  return timing;
}

// Where nothing is known of what is usual: the stretch that differs most, then both of its ends against all the rest.
Comparison::Timing Comparison::FindUnknown(const FeatureTable& table, std::span<const TraceTally> tallies, Window line,
                                           double needed) const {
  const Counts none;
  const int64_t first = line.from;
  const auto least = static_cast<int64_t>(constants_.min_seconds * kSecond);
  Stretch stretch;
  while (true) {
    TurnSearch search(table, none, constants_);
    for (const TraceTally& tally : tallies) {
      if (tally.start >= line.from) search.Add(tally);
    }
    stretch = search.FindStretch(line.from, line.to);
    if (stretch.begin.evidence < needed) return {false, false, first, line.to};
    if (stretch.begin.time - line.from >= least) break;
    // What begins so soon after the first call began with everything else (a start, a cache that fills): the time
    // before it tells nothing of what is usual, and what comes after may still hold an incident.
    line.from = stretch.begin.time;
  }
  Timing timing{true, stretch.end < line.to, stretch.begin.time, stretch.end};
  const Window around{stretch.begin.time - stretch.precision, timing.ended ? stretch.end + stretch.precision : line.to};
  Counts usual;
  for (const TraceTally& tally : tallies) {
    if (!around.Contains(tally.start)) usual.Add(tally);
  }
  TurnSearch begin_search(table, usual, constants_);
  for (const TraceTally& tally : tallies) {
    if (around.Contains(tally.start) && (!timing.ended || tally.start < stretch.end)) begin_search.Add(tally);
  }
  const Turn begin = begin_search.FindBegin(around.from, stretch.begin.time + stretch.precision);
  if (begin.evidence > 0) timing.onset = begin.time;
  if (!timing.ended) return timing;
  TurnSearch end_search(table, usual, constants_);
  for (const TraceTally& tally : tallies) {
    if (around.Contains(tally.start) && tally.start >= timing.onset) end_search.Add(tally);
  }
  const Turn end = end_search.FindEnd(stretch.end - stretch.precision, around.to, begin.features);
  if (end.evidence > 0) timing.end = end.time;
  return timing;
}

void Comparison::SplitTime(const DiagnoseOptions& options) {
  const Window line = line_ = SearchWindow(options);
  const bool named_baseline = options.baseline.from < options.baseline.to;
  const Window usual_window = named_baseline           ? options.baseline
                              : options.incident_given ? Window{kFarPast, line.from}
                                                       : Window{};
  const std::vector<uint32_t> members = SegmentsIn(line);
  const std::vector<uint32_t> usual = SegmentsIn(usual_window);
  const Thresholds thresholds = usual.empty()
                                    ? Thresholds::Learn(evidence_, members, 0.5, 1 + constants_.search_excess, 0)
                                    : Thresholds::Learn(evidence_, usual, 1 - constants_.usual_tail,
                                                        1 + constants_.usual_excess, constants_.few_calls);
  FeatureTable table(evidence_);
  std::vector<Observation> observations(evidence_.segments.size());
  for (const std::vector<uint32_t>* list : {&usual, &members}) {
    for (const uint32_t i : *list) observations[i] = table.Observe(evidence_.segments[i], thresholds);
  }
  Counts usual_counts;
  for (const TraceTally& tally : TallyTraces(evidence_, table, usual, observations)) usual_counts.Add(tally);
  const std::vector<TraceTally> tallies = TallyTraces(evidence_, table, members, observations);

  const int64_t first = tallies.empty() ? line.from : std::max(line.from, tallies.front().start);
  const int64_t last = tallies.empty() ? line.to : std::min(line.to, tallies.back().start + 1);
  const double needed = constants_.onset_evidence;
  const Timing timing = usual.empty() ? FindUnknown(table, tallies, {first, last}, needed)
                                      : FindKnown(table, tallies, usual_counts, {first, last}, options.began, needed);
  onset_found_ = timing.found;
  onset_ = timing.onset;
  incident_ = {onset_, timing.ended ? timing.end : std::clamp(options.incident.to, last, std::max(last, line.to))};

  const auto edge = static_cast<int64_t>(constants_.edge_seconds * kSecond);
  if (named_baseline) {
    baseline_ = options.baseline;
    before_ = onset_found_ ? Window{first, onset_ - edge} : Window{};
  } else {
    baseline_ = {kFarPast, onset_ - (onset_found_ ? edge : 0)};
  }
}

void Comparison::CountWindows() {
  baseline_members_ = SegmentsIn(baseline_);
  before_members_ = SegmentsIn(before_);
  incident_members_ = SegmentsIn(incident_);
  baseline_segments_ = baseline_members_.size();
  incident_segments_ = incident_members_.size();
  thresholds_ = Thresholds::Learn(evidence_, baseline_members_, 1 - constants_.usual_tail, 1 + constants_.usual_excess,
                                  constants_.few_calls);
  observations_.resize(evidence_.segments.size());
  for (const auto& [members, counts] : {std::pair{&baseline_members_, &baseline_counts_},
                                        {&before_members_, &before_counts_},
                                        {&incident_members_, &incident_counts_}}) {
    for (const uint32_t i : *members) {
      observations_[i] = table_.Observe(evidence_.segments[i], thresholds_);
    }
    for (const TraceTally& tally : TallyTraces(evidence_, table_, *members, observations_)) counts->Add(tally);
  }
}

void Comparison::FindRecoveries() {
  for (uint32_t id = 0; id < table_.feature_count(); ++id) {
    const Feature& feature = table_.feature(id);
    if (!feature.is_error || feature.kind == FeatureKind::kNext) continue;
    const Share before = ShareOf(baseline_counts_, table_, id);
    const Share after = ShareOf(incident_counts_, table_, id);
    if (before.n < constants_.min_baseline || after.n == 0 ||
        RiseLowerBound(after, before, baseline_z_) <= constants_.min_rise)
      continue;
    const Place& place = table_.place(feature.place);
    recovered_.insert({place.service, place.operation});
  }
}

void Comparison::FindChanges() {
  for (uint32_t id = 0; id < table_.feature_count(); ++id) {
    const Share after = ShareOf(incident_counts_, table_, id);
    const Share before = ShareOf(baseline_counts_, table_, id);
    const Share usual = Usual(before.k, before.n, id);
    if (after.k == 0 || usual.n <= 0) continue;
    ++(IsFailure(table_.feature(id)) ? compared_failures_ : compared_);
    const Feature& feature = table_.feature(id);
    const Place& place = table_.place(feature.place);
    // To stop early is never part of a recovery.
    const double least = IsFailure(feature) ? constants_.min_failing : constants_.min_rise;
    const bool may_recover = !feature.is_error && !feature.is_end && !IsTime(feature.kind);
    if (may_recover && recovered_.contains({place.service, place.operation})) continue;
    Change change{.feature = id, .before = before, .after = after};
    change.rise = RiseLowerBound(usual, after, baseline_z_);
    if (const Share just_before = ShareOf(before_counts_, table_, id); just_before.n > 0) {
      change.rise = std::min(change.rise, RiseLowerBound(just_before, after, before_z_));
    }
    if (change.rise <= least) continue;
    change.likelihood = LogLikelihoodRatio(usual, after);
    changes_.emplace(id, change);
  }
}

std::vector<double> Comparison::TimesIn(const model::Segment& segment, uint32_t id) const {
  const Feature& feature = table_.feature(id);
  const Place& place = table_.place(feature.place);
  if (place.service != segment.service || place.operation != segment.operation) return {};
  if (feature.kind == FeatureKind::kOwn) return {static_cast<double>(segment.own)};
  if (feature.kind == FeatureKind::kHop) {
    if (segment.hop < 0 || segment.caller != place.other) return {};
    return {static_cast<double>(segment.hop)};
  }
  std::vector<double> times;
  for (uint32_t e = 0; e < segment.events.count; ++e) {
    const model::SegmentEvent& event = evidence_.events[segment.events.first + e];
    if (event.kind == model::EventKind::kSpan && event.name == feature.name && event.duration >= 0) {
      times.push_back(static_cast<double>(event.duration));
    }
  }
  return times;
}

std::vector<double> Comparison::History(uint32_t id, const std::vector<uint32_t>& members) const {
  if (members.empty()) return {};
  const Feature& feature = table_.feature(id);
  const int64_t first = evidence_.segments[members.front()].start;
  const int64_t length = evidence_.segments[members.back()].start - first + 1;
  std::vector<std::vector<double>> times(kHistorySteps);
  std::vector<Share> shares(kHistorySteps);
  for (const uint32_t i : members) {
    const model::Segment& segment = evidence_.segments[i];
    const auto step = static_cast<size_t>(static_cast<double>(segment.start - first) / static_cast<double>(length) *
                                          static_cast<double>(kHistorySteps));
    if (IsTime(feature.kind)) {
      for (const double time : TimesIn(segment, id)) times[step].push_back(time);
      continue;
    }
    const Observation& observation = observations_[i];
    if (std::ranges::find(observation.places, feature.place) == observation.places.end()) continue;
    ++shares[step].n;
    if (std::ranges::find(observation.occurrences, id, &Occurrence::feature) != observation.occurrences.end()) {
      ++shares[step].k;
    }
  }
  std::vector<double> history;
  for (size_t step = 0; step < kHistorySteps; ++step) {
    const bool known = IsTime(feature.kind) ? !times[step].empty() : shares[step].n > 0;
    const double value = IsTime(feature.kind) ? Quantile(times[step], 0.5) / 1e6 : 100 * shares[step].value();
    history.push_back(known || history.empty() ? value : history.back());
  }
  return history;
}

std::vector<model::TraceId> Comparison::Examples(model::NameId service, uint32_t feature) const {
  const auto found = examples_.find(uint64_t{service} << 32 | feature);
  return found == examples_.end() ? std::vector<model::TraceId>() : found->second;
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
      for (auto& [id, values] : times) {
        auto& list = during ? values.second : values.first;
        const std::vector<double> found = TimesIn(evidence_.segments[i], id);
        list.insert(list.end(), found.begin(), found.end());
      }
    }
  };
  collect(baseline_members_, false);
  collect(incident_members_, true);
  // Of each place: how long the requests that come by it take as a whole when all is well.
  std::unordered_map<model::TraceId, Window, model::TraceIdHash> spans;
  for (const uint32_t i : baseline_members_) {
    const model::Segment& segment = evidence_.segments[i];
    Window& span = spans.try_emplace(segment.trace_id, Window{segment.start, segment.end}).first->second;
    span.from = std::min(span.from, segment.start);
    span.to = std::max(span.to, segment.end);
  }
  std::unordered_map<uint32_t, std::vector<double>> wholes;
  for (const uint32_t i : baseline_members_) {
    const Window& span = spans.at(evidence_.segments[i].trace_id);
    for (const auto& [id, values] : times) {
      if (TimesIn(evidence_.segments[i], id).empty()) continue;
      wholes[id].push_back(static_cast<double>(span.to - span.from));
    }
  }
  for (auto& [id, values] : times) {
    Change& change = changes_.at(id);
    change.usual_ns = Quantile(values.first, 0.5);
    // Of those that are unusually slow: their middle, since a fault may strike only some calls.
    const double slow_share = std::min(1.0, change.after.value());
    change.now_ns = Quantile(values.second, 1 - slow_share / 2);
    change.weight = change.now_ns > 0 ? std::clamp(1 - change.usual_ns / change.now_ns, 0.0, 1.0) : 0;
    const double whole = Quantile(wholes[id], 0.5);
    if (whole > 0) {
      change.weight *= std::clamp((change.now_ns - change.usual_ns) / (constants_.material_share * whole), 0.0, 1.0);
    }
    change.rise *= change.weight;
  }
  std::erase_if(changes_, [&](const auto& entry) {
    return times.contains(entry.first) && entry.second.rise <= constants_.min_rise;
  });
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

std::optional<uint32_t> Comparison::Replaced(uint32_t feature) const {
  const Feature& came = table_.feature(feature);
  std::optional<uint32_t> replaced;
  double most = constants_.min_rise;
  for (uint32_t id = 0; came.kind == FeatureKind::kNext && id < table_.feature_count(); ++id) {
    const Feature& other = table_.feature(id);
    if (other.place != came.place || other.kind != FeatureKind::kNext) continue;
    const double fall = ShareOf(baseline_counts_, table_, id).value() - ShareOf(incident_counts_, table_, id).value();
    if (fall > most) {
      most = fall;
      replaced = id;
    }
  }
  return replaced;
}

std::vector<Interval> Comparison::SlowOnes(uint32_t id) const {
  const Feature& feature = table_.feature(id);
  const Place& place = table_.place(feature.place);
  std::vector<Interval> slow;
  for (const uint32_t i : incident_members_) {
    const model::Segment& segment = evidence_.segments[i];
    if (segment.service != place.service || segment.operation != place.operation) continue;
    if (feature.kind == FeatureKind::kOwn && static_cast<double>(segment.own) > thresholds_.Own(segment)) {
      slow.push_back({segment.start, segment.end});
    }
    for (uint32_t e = 0; feature.kind == FeatureKind::kStep && e < segment.events.count; ++e) {
      const model::SegmentEvent& event = evidence_.events[segment.events.first + e];
      if (event.kind != model::EventKind::kSpan || event.name != feature.name) continue;
      if (static_cast<double>(event.duration) > thresholds_.Step(segment, event)) {
        slow.push_back({event.time, event.end});
      }
    }
  }
  return slow;
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

std::unordered_map<uint64_t, double> Comparison::CountOrigins(const std::vector<uint32_t>& segments,
                                                              ExampleMap* examples) {
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
  std::unordered_map<model::TraceId, std::unordered_map<uint32_t, double>, model::TraceIdHash> calls;  // by place
  for (const uint32_t i : segments) {
    const auto found = traces.find(evidence_.segments[i].trace_id);
    if (found == traces.end()) continue;
    for (const uint32_t place : observations_[i].places) ++calls[found->first][place];
  }
  std::unordered_map<uint64_t, double> counts;  // by service and feature
  for (auto& [trace, deviations] : traces) {
    const auto first = std::ranges::min_element(
        deviations, {}, [](const Deviation& d) { return std::tuple(d.time, d.service, d.feature, d.segment); });
    const model::NameId service = first->service;
    if (examples != nullptr && deviating_[service].size() < kMaxDeviating) deviating_[service].push_back(trace);
    std::set<std::pair<uint32_t, uint32_t>> seen;
    for (const Deviation& deviation : deviations) {
      if (deviation.service != service || !seen.insert({deviation.segment, deviation.feature}).second) continue;
      const uint64_t key = uint64_t{service} << 32 | deviation.feature;
      counts[key] += 1 / calls[trace][table_.feature(deviation.feature).place];
      if (examples == nullptr) continue;
      std::vector<model::TraceId>& list = (*examples)[key];
      if (list.size() < kExamples && (list.empty() || list.back() != trace)) list.push_back(trace);
    }
  }
  return counts;
}

void Comparison::FindOrigins() {
  const auto baseline = CountOrigins(baseline_members_);
  const auto before = CountOrigins(before_members_);
  const auto during = CountOrigins(incident_members_, &examples_);
  const auto count = [](const auto& counts, uint64_t key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0.0 : found->second;
  };
  for (const auto& [key, k] : during) {
    const auto service = static_cast<model::NameId>(key >> 32);
    const auto id = static_cast<uint32_t>(key);
    Change change = changes_.at(id);
    const uint32_t place = table_.feature(id).place;
    double rise = RiseLowerBound(Usual(count(baseline, key), change.before.n, id), {k, change.after.n}, origin_z_);
    if (const double n = before_counts_.Place(place); n > 0) {
      rise = std::min(rise, RiseLowerBound({count(before, key), n}, {k, change.after.n}, before_z_));
    }
    change.rise = rise * change.weight;
    const double least = IsFailure(table_.feature(id)) ? constants_.min_failing : constants_.min_origin_rise;
    if (change.rise > least) origins_[service].push_back(change);
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
