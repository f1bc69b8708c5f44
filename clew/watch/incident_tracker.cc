// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/incident_tracker.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "clew/base/hash.h"
#include "clew/watch/diagnosis_json.h"

namespace clew::watch {
namespace {

bool Lasts(const rca::Diagnosis& diagnosis, int64_t now) {
  return diagnosis.incident && !diagnosis.causes.empty() && diagnosis.to >= now - IncidentTracker::kSameOnset;
}

void Answer(const rca::Diagnosis& diagnosis, store::Incident& incident) {
  const rca::Cause& first = diagnosis.causes.front();
  incident.service = first.service;
  incident.kind = rca::CauseKindName(first.kind);
  incident.summary = diagnosis.summary;
  incident.answer = DiagnosisJson(diagnosis);
}

std::string IdOf(const rca::Diagnosis& diagnosis) {
  return fmt::format("{:016x}", base::Hash64(fmt::format("{} {}", diagnosis.from, diagnosis.causes.front().service)));
}

}  // namespace

std::string_view HappeningName(Happening happening) {
  switch (happening) {
    case Happening::kNothing: return "nothing";
    case Happening::kOpened: return "opened";
    case Happening::kCauseChanged: return "changed";
    case Happening::kUpdated: return "updated";
    case Happening::kClosed: return "closed";
  }
  return "nothing";
}

Happening IncidentTracker::LookForOpening(const rca::Diagnosis& diagnosis, int64_t now) {
  if (!Lasts(diagnosis, now)) {
    suspected_.reset();
    agreed_ = 0;
    return Happening::kNothing;
  }
  const bool agrees = suspected_.has_value() && std::abs(suspected_->from - diagnosis.from) <= kSameOnset;
  agreed_ = agrees ? agreed_ + 1 : 1;
  suspected_ = diagnosis;
  if (agreed_ < kLooksToOpen) return Happening::kNothing;
  incident_.emplace();
  incident_->id = IdOf(diagnosis);
  incident_->onset = diagnosis.from;
  incident_->opened = now;
  Answer(diagnosis, *incident_);
  suspected_.reset();
  agreed_ = 0;
  quiet_ = 0;
  other_cause_.clear();
  return Happening::kOpened;
}

Happening IncidentTracker::Look(const rca::Diagnosis& diagnosis, int64_t now) {
  if (!open()) return LookForOpening(diagnosis, now);
  if (!Lasts(diagnosis, now)) {
    if (++quiet_ < kLooksToClose) return Happening::kNothing;
    incident_->closed = now;
    return Happening::kClosed;
  }
  quiet_ = 0;
  const std::string& cause = diagnosis.causes.front().service;
  if (cause == incident_->service) {
    other_cause_.clear();
    Answer(diagnosis, *incident_);
    return Happening::kUpdated;
  }
  other_cause_looks_ = cause == other_cause_ ? other_cause_looks_ + 1 : 1;
  other_cause_ = cause;
  if (other_cause_looks_ < kLooksToOpen) return Happening::kNothing;
  other_cause_.clear();
  Answer(diagnosis, *incident_);
  return Happening::kCauseChanged;
}

}  // namespace clew::watch
