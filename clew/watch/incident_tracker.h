// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clew/rca/diagnosis.h"
#include "clew/store/incident_table.h"

namespace clew::watch {

enum class Happening : uint8_t { kNothing, kOpened, kCauseChanged, kUpdated, kClosed };
std::string_view HappeningName(Happening happening);

// Makes incidents of a sequence of answers, one look after another. One answer opens nothing: the next must agree with
// it about when it began. Nor does one quiet look close. A pure state machine; not thread-safe.
class IncidentTracker {
 public:
  // Looks that must agree before an incident opens or its first cause changes, and quiet ones before it closes.
  static constexpr int kLooksToOpen = 2;
  static constexpr int kLooksToClose = 3;
  // Onsets so far apart belong to different incidents.
  static constexpr int64_t kSameOnset = 120 * int64_t{1'000'000'000};

  // What a look at `now` found. An incident whose end lies before `now` by more than kSameOnset counts as quiet.
  Happening Look(const rca::Diagnosis& diagnosis, int64_t now);

  // The incident that lasts, or the one that just closed.
  const std::optional<store::Incident>& incident() const { return incident_; }
  bool open() const { return incident_.has_value() && incident_->closed == 0; }
  // One look found an incident that lasts, and the next has to agree.
  bool suspects() const { return suspected_.has_value(); }
  // Goes on with one that was open when the program ended.
  void Restore(store::Incident incident) { incident_ = std::move(incident); }

 private:
  Happening LookForOpening(const rca::Diagnosis& diagnosis, int64_t now);

  std::optional<store::Incident> incident_;
  std::optional<rca::Diagnosis> suspected_;
  int agreed_ = 0;
  int quiet_ = 0;
  std::string other_cause_;
  int other_cause_looks_ = 0;
};

}  // namespace clew::watch
