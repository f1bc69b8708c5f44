// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/rca/capacity.h"
#include "clew/rca/constants.h"
#include "clew/rca/diagnose.h"
#include "clew/rca/features.h"
#include "clew/rca/statistics.h"

namespace clew::rca {

// A feature that came anew with the incident, and how much of it is sure.
struct Change {
  uint32_t feature = 0;
  Share before;           // in the baseline
  Share after;            // in the incident
  double rise = 0;        // lower bound of the share that came anew, times `weight`
  double likelihood = 0;  // LogLikelihoodRatio
  double weight = 1;      // of times: by how much they grew, as a share of what they are now
  double usual_ns = 0;    // of times: median before and during, nanoseconds
  double now_ns = 0;
};

// Baseline and incident held against each other, feature by feature, and each deviating trace laid to the service that
// deviated first in it.
class Comparison {
 public:
  Comparison(const model::Evidence& evidence, const DiagnoseOptions& options);

  // From the onset to the end, both as found.
  const Window& incident() const { return incident_; }
  // All that the onset was looked for in.
  const Window& line() const { return line_; }
  // Whether a beginning was found; if not, the incident is all that was looked at.
  bool onset_found() const { return onset_found_; }
  const Window& baseline() const { return baseline_; }
  // How many features were compared at all: so many chances had coincidence. Failures are a family of their own: they
  // are few, and what most calls show in one way or another must not drown them.
  size_t compared() const { return compared_; }
  size_t compared_failures() const { return compared_failures_; }
  size_t baseline_segments() const { return baseline_segments_; }
  size_t incident_segments() const { return incident_segments_; }
  const FeatureTable& table() const { return table_; }

  // By service: the changes in traces in which it deviated first, strongest first.
  const std::map<model::NameId, std::vector<Change>>& origins() const { return origins_; }
  // All changes by the service in which they show.
  const std::map<model::NameId, std::vector<Change>>& all() const { return all_; }
  // How a feature went: over so many steps of equal length of the calls in question the median time (milliseconds) or
  // the share of calls that show it (%). Steps without calls repeat the one before.
  std::vector<double> HistoryBefore(uint32_t feature) const { return History(feature, baseline_members_); }
  std::vector<double> HistoryDuring(uint32_t feature) const { return History(feature, incident_members_); }
  // A few traces of the incident in which the service deviated first and shows the feature.
  std::vector<model::TraceId> Examples(model::NameId service, uint32_t feature) const;
  // Traces of the incident in which a service deviated first, at most some thousands.
  const std::map<model::NameId, std::vector<model::TraceId>>& deviating() const { return deviating_; }
  // Of what may come after an event, what came less often than before when `feature` came more often: the feature whose
  // place it took. None where nothing fell.
  std::optional<uint32_t> Replaced(uint32_t feature) const;
  // Where a time was beyond what is usual during the incident: calls (kOwn) or steps (kStep) as intervals.
  std::vector<Interval> SlowOnes(uint32_t feature) const;
  // The service that a feature speaks about: of a link the end that all slow links share, of an unanswered call whom it
  // was made to.
  model::NameId ServiceOf(uint32_t feature) const;

 private:
  Window SearchWindow(const DiagnoseOptions& options) const;
  struct Timing {
    bool found = false;
    bool ended = false;
    int64_t onset = 0;
    int64_t end = 0;
  };
  void SplitTime(const DiagnoseOptions& options);
  Timing FindKnown(const FeatureTable& table, std::span<const TraceTally> tallies, Counts usual, Window line,
                   bool began, double needed) const;
  Timing FindUnknown(const FeatureTable& table, std::span<const TraceTally> tallies, Window line, double needed) const;
  std::vector<double> History(uint32_t feature, const std::vector<uint32_t>& members) const;
  // What a feature of times measures in one segment; nothing where it does not take part.
  std::vector<double> TimesIn(const model::Segment& segment, uint32_t feature) const;
  std::vector<uint32_t> SegmentsIn(Window window) const;
  void CountWindows();
  // What a baseline of `k` of `n` calls says of a feature; n is 0 where it says nothing. Of times it is known
  // beforehand which share is unusually slow, as if few_calls more had been seen.
  Share Usual(double k, double n, uint32_t feature) const;
  void FindRecoveries();
  void FindChanges();
  void MeasureTimes();
  void BlameLinks();
  using ExampleMap = std::unordered_map<uint64_t, std::vector<model::TraceId>>;
  std::unordered_map<uint64_t, double> CountOrigins(const std::vector<uint32_t>& segments,
                                                    ExampleMap* examples = nullptr);
  void FindOrigins();

  const model::Evidence& evidence_;
  const Constants constants_;
  const double baseline_z_;  // standard deviations for the chances
  const double before_z_;
  const double origin_z_;
  FeatureTable table_;
  Thresholds thresholds_;                  // of the baseline
  std::vector<Observation> observations_;  // by segment
  Window line_;
  Window baseline_;
  Window before_;  // between a baseline of another time and the onset; may be empty
  Window incident_;
  int64_t onset_ = 0;
  bool onset_found_ = false;
  std::vector<uint32_t> baseline_members_;
  std::vector<uint32_t> before_members_;
  std::vector<uint32_t> incident_members_;
  size_t baseline_segments_ = 0;
  size_t incident_segments_ = 0;
  size_t compared_ = 0;
  size_t compared_failures_ = 0;
  Counts baseline_counts_;
  Counts before_counts_;
  Counts incident_counts_;
  // Operations (service, operation) in which errors became fewer: what else is new there is what comes when all is
  // well.
  std::set<std::pair<model::NameId, model::NameId>> recovered_;
  std::unordered_map<uint32_t, Change> changes_;                                 // by feature
  std::map<std::pair<model::NameId, model::NameId>, model::NameId> blamed_end_;  // of a link (caller, callee)
  std::map<model::NameId, model::NameId> peer_service_;
  ExampleMap examples_;  // by service and feature
  std::map<model::NameId, std::vector<model::TraceId>> deviating_;
  std::map<model::NameId, std::vector<Change>> origins_;
  std::map<model::NameId, std::vector<Change>> all_;
};

}  // namespace clew::rca
