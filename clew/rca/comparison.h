// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "clew/model/evidence.h"
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

  int64_t onset() const { return onset_; }
  const Window& baseline() const { return baseline_; }
  // How many features were compared at all: so many chances had coincidence.
  size_t compared() const { return compared_; }
  size_t baseline_segments() const { return baseline_segments_; }
  size_t incident_segments() const { return incident_segments_; }
  const FeatureTable& table() const { return table_; }

  // By service: the changes in traces in which it deviated first, strongest first.
  const std::map<model::NameId, std::vector<Change>>& origins() const { return origins_; }
  // All changes by the service in which they show.
  const std::map<model::NameId, std::vector<Change>>& all() const { return all_; }
  // The service that a feature speaks about: of a link the end that all slow links share, of an unanswered call whom it
  // was made to.
  model::NameId ServiceOf(uint32_t feature) const;

 private:
  void SplitTime(const DiagnoseOptions& options);
  std::vector<uint32_t> SegmentsIn(Window window) const;
  void CountWindows();
  void FindRecoveries();
  void FindChanges();
  void MeasureTimes();
  void BlameLinks();
  std::unordered_map<uint64_t, uint32_t> CountOrigins(const std::vector<uint32_t>& segments) const;
  void FindOrigins();

  const model::Evidence& evidence_;
  FeatureTable table_;
  std::vector<Observation> observations_;  // by segment
  Window baseline_;
  Window before_;  // between a baseline of another time and the onset; may be empty
  Window incident_;
  int64_t onset_ = 0;
  std::vector<uint32_t> baseline_members_;
  std::vector<uint32_t> before_members_;
  std::vector<uint32_t> incident_members_;
  size_t baseline_segments_ = 0;
  size_t incident_segments_ = 0;
  size_t compared_ = 0;
  Counts baseline_counts_;
  Counts before_counts_;
  Counts incident_counts_;
  // Operations (service, operation) in which errors became fewer: what else is new there is what comes when all is
  // well.
  std::set<std::pair<model::NameId, model::NameId>> recovered_;
  std::unordered_map<uint32_t, Change> changes_;                                 // by feature
  std::map<std::pair<model::NameId, model::NameId>, model::NameId> blamed_end_;  // of a link (caller, callee)
  std::map<model::NameId, model::NameId> peer_service_;
  std::map<model::NameId, std::vector<Change>> origins_;
  std::map<model::NameId, std::vector<Change>> all_;
};

}  // namespace clew::rca
