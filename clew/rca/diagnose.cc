// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "clew/base/time.h"
#include "clew/rca/comparison.h"

namespace clew::rca {
namespace {

using model::EventKind;

// An answer needs a tenth of some calls to be affected for sure, …
constexpr double kMinScore = 0.1;
// … and a change that coincidence would bring once in a hundred answers, however many features were looked at.
constexpr double kChancesAgainst = 100;
// A limit counts as reached by the share of it that was newly used, from a tenth on.
constexpr double kMinUtilizationRise = 0.1;
constexpr size_t kMaxCauses = 10;
constexpr size_t kMaxFindings = 6;

double Milliseconds(double nanos) { return nanos / 1e6; }
double Percent(Share share) { return std::round(1000 * share.value()) / 10; }

class Explainer {
 public:
  Explainer(const model::Evidence& evidence, const Comparison& comparison)
      : evidence_(evidence), comparison_(comparison) {}

  Finding Explain(const Change& change) const {
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
        finding.text = fmt::format("way from {} to {} and back, {}", evidence_.Name(place.other), service, operation);
        break;
      case FeatureKind::kStep:
        times();
        finding.text = fmt::format("step '{}' of {}", name, operation);
        break;
      case FeatureKind::kHas: finding.text = fmt::format("{} in {}", Describe(feature), operation); break;
      case FeatureKind::kNext:
        finding.text = fmt::format("after {}, {} comes {}", DescribeBefore(place), operation, Describe(feature));
        break;
    }
    if (feature.event_kind == EventKind::kLog && !feature.is_end && feature.name != 0) {
      finding.signal = Finding::Signal::kLogs;
      finding.log_text = name;
    }
    return finding;
  }

  std::string WhereOf(const Change& change) const {
    const Feature& feature = comparison_.table().feature(change.feature);
    const Place& place = comparison_.table().place(feature.place);
    if (feature.kind == FeatureKind::kStep || (feature.name != 0 && feature.kind != FeatureKind::kHop)) {
      return evidence_.Name(feature.name);
    }
    if (feature.is_end && place.before_kind > 1) return evidence_.Name(place.other);
    return evidence_.Name(place.operation);
  }

  static CauseKind KindOf(const Feature& feature) {
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
    return feature.is_error ? CauseKind::kError : CauseKind::kCode;
  }

 private:
  static std::string Describe(EventKind kind, const std::string& name) {
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
  std::string Describe(const Feature& feature) const {
    return feature.is_end ? "the end" : Describe(feature.event_kind, evidence_.Name(feature.name));
  }
  std::string DescribeBefore(const Place& place) const {
    if (place.before_kind <= 1) return "its start";
    return Describe(static_cast<EventKind>(place.before_kind - 2), evidence_.Name(place.other));
  }

  const model::Evidence& evidence_;
  const Comparison& comparison_;
};

// Instances of a service whose share of the service's deviating calls stands out: where all do, none is named.
std::string InstanceOf(const model::Evidence& evidence, model::NameId service, Window window) {
  std::set<model::NameId> instances;
  for (const model::Segment& segment : evidence.segments) {
    if (segment.service == service && window.Contains(segment.start)) instances.insert(segment.instance);
  }
  return instances.size() == 1 ? evidence.Name(*instances.begin()) : std::string();
}

class Ranking {
 public:
  Ranking(const model::Evidence& evidence, const Comparison& comparison, Window incident)
      : evidence_(evidence), comparison_(comparison), explainer_(evidence, comparison), incident_(incident) {}

  std::vector<Cause> Rank() {
    for (const auto& [service, changes] : comparison_.origins()) AddChanges(service, changes);
    AddUtilizations();
    AddVersions();
    std::vector<Cause> causes;
    for (auto& [service, cause] : causes_) {
      if (cause.score <= 0) continue;
      std::ranges::stable_sort(cause.findings, std::greater(), &Finding::strength);
      if (cause.findings.size() > kMaxFindings) cause.findings.resize(kMaxFindings);
      cause.instance = InstanceOf(evidence_, service, incident_);
      causes.push_back(std::move(cause));
    }
    std::ranges::sort(causes, [](const Cause& a, const Cause& b) {
      return std::tuple(-a.score, a.service) < std::tuple(-b.score, b.service);
    });
    if (causes.size() > kMaxCauses) causes.resize(kMaxCauses);
    return causes;
  }

  // The most telling change of any cause, for the question whether there is an incident at all.
  double likelihood() const { return likelihood_; }
  bool saturated() const { return saturated_; }

 private:
  Cause& CauseOf(model::NameId service) {
    Cause& cause = causes_[service];
    cause.service = evidence_.Name(service);
    return cause;
  }

  void AddChanges(model::NameId service, const std::vector<Change>& changes) {
    Cause& cause = CauseOf(service);
    const Change& strongest = changes.front();
    cause.score = strongest.rise;
    const Change& telling = Telling(changes);
    cause.kind = Explainer::KindOf(comparison_.table().feature(telling.feature));
    cause.where = explainer_.WhereOf(telling);
    if (comparison_.table().feature(telling.feature).kind == FeatureKind::kOwn) AddSlowStep(service, telling, cause);
    for (const Change& change : changes) {
      likelihood_ = std::max(likelihood_, change.likelihood);
      Finding finding = explainer_.Explain(change);
      const bool known = std::ranges::any_of(cause.findings, [&](const Finding& f) { return f.text == finding.text; });
      if (!known && cause.findings.size() < 4 * kMaxFindings) cause.findings.push_back(std::move(finding));
    }
    cause.steps.push_back(fmt::format(
        "In the traces that deviate, {} deviates first: {} goes from {:g} of {:g} calls to {:g} of {:g}, so "
        "at least {:.0f} % of them are affected.",
        cause.service, explainer_.Explain(strongest).text, strongest.before.k, strongest.before.n, strongest.after.k,
        strongest.after.n, 100 * strongest.rise));
  }

  // Where within an operation the time went, if one step took most of it.
  void AddSlowStep(model::NameId service, const Change& own, Cause& cause) {
    const Place& place = comparison_.table().place(comparison_.table().feature(own.feature).place);
    const auto all = comparison_.all().find(service);
    if (all == comparison_.all().end()) return;
    const Change* slowest = nullptr;
    for (const Change& change : all->second) {
      const Feature& feature = comparison_.table().feature(change.feature);
      if (feature.kind != FeatureKind::kStep || comparison_.table().place(feature.place).operation != place.operation) {
        continue;
      }
      if (slowest == nullptr || change.now_ns - change.usual_ns > slowest->now_ns - slowest->usual_ns)
        slowest = &change;
    }
    if (slowest == nullptr || slowest->now_ns - slowest->usual_ns < 0.5 * (own.now_ns - own.usual_ns)) return;
    cause.where = explainer_.WhereOf(*slowest);
    cause.findings.push_back(explainer_.Explain(*slowest));
    cause.steps.push_back(fmt::format("Most of the time goes to {}.", cause.findings.back().text));
  }

  // Among changes of about the same strength the one that says most: what failed to answer, then an exception, then
  // errors, then times, then the order of things.
  const Change& Telling(const std::vector<Change>& changes) const {
    const auto rank = [this](const Change& change) {
      const Feature& feature = comparison_.table().feature(change.feature);
      if (feature.kind == FeatureKind::kHas && feature.event_kind == EventKind::kUnanswered) return 0;
      if (feature.kind == FeatureKind::kHas && feature.event_kind == EventKind::kException) return 1;
      if (feature.kind == FeatureKind::kHas && feature.event_kind == EventKind::kLog && feature.is_error) return 2;
      if (feature.kind == FeatureKind::kFailed) return 3;
      if (feature.kind == FeatureKind::kOwn || feature.kind == FeatureKind::kHop) return 4;
      return 5;
    };
    const Change* best = &changes.front();
    for (const Change& change : changes) {
      if (change.rise >= 0.5 * changes.front().rise && rank(change) < rank(*best)) best = &change;
    }
    return *best;
  }

  void AddUtilizations() {
    for (const model::Utilization& utilization : evidence_.utilizations) {
      double before = -1;
      double during = -1;
      for (const model::UtilizationPoint& point : utilization.points) {
        const double value = std::clamp(point.value, 0.0, 1.0);
        if (point.time < incident_.from) before = std::max(before, value);
        if (incident_.Contains(point.time)) during = std::max(during, value);
      }
      if (before < 0 || during - before <= kMinUtilizationRise) continue;
      Cause& cause = CauseOf(utilization.service);
      const double rise = during - before;
      if (rise > cause.score) {
        cause.kind = CauseKind::kSaturation;
        cause.where = evidence_.Name(utilization.metric);
      }
      // Two independent witnesses: the chance that both err.
      cause.score = 1 - (1 - cause.score) * (1 - rise);
      saturated_ = saturated_ || (during > 0.8 && rise > 0.5);
      Finding finding;
      finding.signal = Finding::Signal::kMetrics;
      finding.text = fmt::format("{} of its limit, at most", evidence_.Name(utilization.metric));
      finding.before = std::round(1000 * before) / 10;
      finding.after = std::round(1000 * during) / 10;
      finding.unit = "%";
      finding.strength = rise;
      cause.steps.push_back(fmt::format("{} rises from {:.0f} % to {:.0f} % of its limit.",
                                        evidence_.Name(utilization.metric), 100 * before, 100 * during));
      cause.findings.push_back(std::move(finding));
    }
  }

  // A version that first shows with the incident, in a service that is a cause already.
  void AddVersions() {
    std::map<model::NameId, std::pair<std::set<model::NameId>, std::set<model::NameId>>> versions;
    for (const model::Segment& segment : evidence_.segments) {
      if (segment.version == 0) continue;
      auto& [before, during] = versions[segment.service];
      (segment.start < incident_.from ? before : during).insert(segment.version);
    }
    for (auto& [service, cause] : causes_) {
      const auto& [before, during] = versions[service];
      for (const model::NameId version : during) {
        if (before.empty() || before.contains(version)) continue;
        cause.kind = CauseKind::kChange;
        Finding finding;
        finding.signal = Finding::Signal::kChange;
        finding.text = fmt::format("service.version becomes {} (was {})", evidence_.Name(version),
                                   evidence_.Name(*before.rbegin()));
        finding.after = 1;
        finding.strength = cause.score;
        cause.steps.push_back(fmt::format("Version {} began with it.", evidence_.Name(version)));
        cause.findings.push_back(std::move(finding));
      }
    }
  }

  const model::Evidence& evidence_;
  const Comparison& comparison_;
  Explainer explainer_;
  Window incident_;
  std::map<model::NameId, Cause> causes_;
  double likelihood_ = 0;
  bool saturated_ = false;
};

std::vector<Impact> ImpactOf(const model::Evidence& evidence, const Comparison& comparison,
                             const std::vector<Cause>& causes) {
  const Explainer explainer(evidence, comparison);
  std::vector<Impact> impact;
  for (const auto& [service, changes] : comparison.all()) {
    const std::string& name = evidence.Name(service);
    if (!causes.empty() && causes.front().service == name) continue;
    const Finding finding = explainer.Explain(changes.front());
    impact.push_back(
        {name, fmt::format("{}: {:.4g} → {:.4g} {}", finding.text, finding.before, finding.after, finding.unit)});
  }
  return impact;
}

std::string Summarize(const Diagnosis& diagnosis) {
  if (!diagnosis.incident) return "Nothing stands out against what is usual.";
  const Cause& cause = diagnosis.causes.front();
  std::string text = fmt::format("{} is the likely cause ({}) since {}", cause.service, CauseKindName(cause.kind),
                                 base::FormatTime(diagnosis.from / base::kNanosPerSecond * base::kNanosPerSecond));
  if (!cause.findings.empty()) {
    const Finding& finding = cause.findings.front();
    text += finding.signal == Finding::Signal::kChange
                ? ": " + finding.text
                : fmt::format(": {}, {:.4g} {} instead of {:.4g} {}", finding.text, finding.after, finding.unit,
                              finding.before, finding.unit);
  }
  text += '.';
  std::string affected;
  for (const Impact& impact : diagnosis.impact) affected += (affected.empty() ? "" : ", ") + impact.service;
  if (!affected.empty()) text += " Affected: " + affected + '.';
  return text;
}

}  // namespace

std::string_view CauseKindName(CauseKind kind) {
  switch (kind) {
    case CauseKind::kLatency: return "latency";
    case CauseKind::kError: return "error";
    case CauseKind::kSaturation: return "saturation";
    case CauseKind::kNetwork: return "network";
    case CauseKind::kCode: return "code";
    case CauseKind::kChange: return "change";
    case CauseKind::kDependency: return "dependency";
  }
  return "code";
}

std::string_view SignalName(Finding::Signal signal) {
  switch (signal) {
    case Finding::Signal::kTraces: return "traces";
    case Finding::Signal::kLogs: return "logs";
    case Finding::Signal::kMetrics: return "metrics";
    case Finding::Signal::kChange: return "change";
  }
  return "traces";
}

Diagnosis Diagnose(const model::Evidence& evidence, const DiagnoseOptions& options) {
  const Comparison comparison(evidence, options);
  Diagnosis diagnosis;
  diagnosis.from = comparison.onset();
  diagnosis.to = options.incident.to;
  diagnosis.baseline_from = comparison.baseline().from;
  diagnosis.baseline_to = comparison.baseline().to;
  if (diagnosis.baseline_from == std::numeric_limits<int64_t>::min()) {
    diagnosis.baseline_from = evidence.segments.empty() ? options.incident.from : evidence.segments.front().start;
    diagnosis.baseline_to = std::max(diagnosis.baseline_to, diagnosis.baseline_from);
  }
  Ranking ranking(evidence, comparison, {diagnosis.from, diagnosis.to});
  std::vector<Cause> causes = ranking.Rank();
  // Who names a time says that there was something; without, coincidence must be ruled out more firmly.
  const double needed = std::log((options.incident_given ? 1 : kChancesAgainst) *
                                 static_cast<double>(std::max<size_t>(1, comparison.compared())));
  diagnosis.incident =
      !causes.empty() && causes.front().score >= kMinScore && (ranking.likelihood() >= needed || ranking.saturated());
  if (diagnosis.incident) {
    diagnosis.impact = ImpactOf(evidence, comparison, causes);
    diagnosis.causes = std::move(causes);
  }
  diagnosis.summary = Summarize(diagnosis);
  return diagnosis;
}

}  // namespace clew::rca
