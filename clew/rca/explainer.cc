// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/explainer.h"

#include <fmt/format.h>

#include <cmath>

namespace clew::rca {
namespace {

using model::EventKind;

double Milliseconds(double nanos) { return nanos / 1e6; }
double Percent(Share share) { return std::round(1000 * share.value()) / 10; }

}  // namespace

Finding Explainer::Explain(const Change& change) const {
  const Feature& feature = comparison_.table().feature(change.feature);
  const Place& place = comparison_.table().place(feature.place);
  const std::string& service = evidence_.Name(place.service);
  const std::string& operation = evidence_.Name(place.operation);
  const std::string& name = evidence_.Name(feature.name);
  Finding finding;
  finding.strength = change.rise;
  finding.operation = operation;
  finding.before = Percent(change.before);
  finding.after = Percent(change.after);
  finding.unit = "%";
  const auto times = [&] {
    finding.before = Milliseconds(change.usual_ns);
    finding.after = Milliseconds(change.now_ns);
    finding.unit = "ms";
  };
  switch (feature.kind) {
    case FeatureKind::kFailed: finding.text = fmt::format("{} fails in {}", operation, service); break;
    case FeatureKind::kOwn:
      times();
      finding.text = fmt::format("time spent in {} itself, answering {}", service, operation);
      break;
    case FeatureKind::kHop:
      times();
      finding.text =
          fmt::format("network time from {} to {} and back, {}", evidence_.Name(place.other), service, operation);
      break;
    case FeatureKind::kStep:
      times();
      finding.text = fmt::format("step '{}' of {}", name, operation);
      break;
    case FeatureKind::kHas: finding.text = fmt::format("{} in {}", Describe(feature), operation); break;
    case FeatureKind::kNext:
      finding.text = fmt::format("after {}, {} comes {}", DescribeBefore(place), operation, Describe(feature));
      if (const auto replaced = comparison_.Replaced(change.feature)) {
        finding.text += fmt::format(" instead of {}", Describe(comparison_.table().feature(*replaced)));
      }
      break;
  }
  if (feature.event_kind == EventKind::kLog && !feature.is_end && feature.name != 0) {
    finding.signal = Finding::Signal::kLogs;
    finding.log_text = name;
  }
  return finding;
}

std::string Explainer::WhereOf(const Change& change) const {
  const Feature& feature = comparison_.table().feature(change.feature);
  const Place& place = comparison_.table().place(feature.place);
  if (feature.kind == FeatureKind::kStep || (feature.name != 0 && feature.kind != FeatureKind::kHop)) {
    return evidence_.Name(feature.name);
  }
  if (feature.is_end && place.before_kind > 1) return evidence_.Name(place.other);
  return evidence_.Name(place.operation);
}

CauseKind Explainer::KindOf(const Feature& feature) {
  switch (feature.kind) {
    case FeatureKind::kHop: return CauseKind::kNetwork;
    case FeatureKind::kOwn:
    case FeatureKind::kStep: return CauseKind::kLatency;
    case FeatureKind::kFailed: return CauseKind::kError;
    case FeatureKind::kHas:
    case FeatureKind::kNext: break;
  }
  if (feature.is_end) return CauseKind::kCode;
  if (feature.event_kind == EventKind::kUnanswered) return CauseKind::kDependency;
  // A line that is logged as an error is no failed call: it shows which way the call went.
  return feature.is_error && feature.event_kind != EventKind::kLog ? CauseKind::kError : CauseKind::kCode;
}

std::string Explainer::Describe(EventKind kind, const std::string& name) {
  switch (kind) {
    case EventKind::kSpan: return fmt::format("step '{}'", name);
    case EventKind::kCall: return fmt::format("call of {}", name);
    case EventKind::kUnanswered: return fmt::format("no answer from {}", name);
    case EventKind::kException: return fmt::format("exception {}", name);
    case EventKind::kLog: return fmt::format("log line '{}'", name);
    case EventKind::kStatus: return fmt::format("status {}", name);
  }
  return name;
}

std::string Explainer::Describe(const Feature& feature) const {
  return feature.is_end ? "the end" : Describe(feature.event_kind, evidence_.Name(feature.name));
}

std::string Explainer::DescribeBefore(const Place& place) const {
  if (place.before_kind <= 1) return "its start";
  return Describe(static_cast<EventKind>(place.before_kind - 2), evidence_.Name(place.other));
}

}  // namespace clew::rca
