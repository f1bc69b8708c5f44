// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "clew/base/time.h"
#include "clew/rca/capacity.h"
#include "clew/rca/comparison.h"
#include "clew/rca/explainer.h"
#include "clew/rca/utilization.h"

namespace clew::rca {
namespace {

using model::EventKind;

constexpr size_t kMaxCauses = 10;
constexpr size_t kMaxFindings = 6;
constexpr size_t kCausesWithHistory = 3;

class Ranking {
 public:
  Ranking(const model::Evidence& evidence, const Comparison& comparison, const Constants& constants)
      : evidence_(evidence),
        comparison_(comparison),
        constants_(constants),
        explainer_(evidence, comparison),
        incident_(comparison.incident()) {}

  std::vector<Cause> Rank() {
    for (const auto& [service, changes] : comparison_.origins()) AddChanges(service, changes);
    AddUtilizations();
    AddVersions();
    std::vector<Cause> causes;
    for (auto& [service, cause] : causes_) {
      if (cause.score <= 0) continue;
      std::ranges::stable_sort(cause.findings, std::greater(), &Finding::strength);
      if (cause.findings.size() > kMaxFindings) cause.findings.resize(kMaxFindings);
      if (const auto traces = comparison_.deviating().find(service); traces != comparison_.deviating().end()) {
        cause.deviating = traces->second;
      }
      if (cause.instance.empty()) cause.instance = InstanceOf(service, 0);
      causes.push_back(std::move(cause));
    }
    std::ranges::sort(causes, [](const Cause& a, const Cause& b) {
      return std::tuple(-a.score, a.service) < std::tuple(-b.score, b.service);
    });
    if (causes.size() > kMaxCauses) causes.resize(kMaxCauses);
    for (size_t i = 0; i < std::min(kCausesWithHistory, causes.size()); ++i) AddHistory(causes[i]);
    return causes;
  }

  // Whether so much of a service's calls is affected that it matters.
  bool Suffices(const Cause& cause) const {
    return cause.score >= constants_.min_score ||
           (cause.score >= constants_.failing_score && failing_.contains(cause.service));
  }
  // The most telling change of any cause, for the question whether there is an incident at all.
  double likelihood() const { return likelihood_; }
  double failure_likelihood() const { return failure_likelihood_; }
  bool saturated() const { return saturated_; }

 private:
  void AddHistory(Cause& cause) {
    for (Finding& finding : cause.findings) {
      const auto found = feature_of_.find(finding.text);
      if (found == feature_of_.end()) continue;
      finding.history_before = comparison_.HistoryBefore(found->second);
      finding.history_during = comparison_.HistoryDuring(found->second);
      return;
    }
  }

  Cause& CauseOf(model::NameId service) {
    Cause& cause = causes_[service];
    cause.service = evidence_.Name(service);
    return cause;
  }

  void AddChanges(model::NameId service, const std::vector<Change>& changes) {
    Cause& cause = CauseOf(service);
    const Change& strongest = changes.front();
    cause.score = strongest.rise;
    const Feature& shows_it = comparison_.table().feature(strongest.feature);
    cause.instance = InstanceOf(service, comparison_.table().place(shows_it.place).operation);
    const Change& telling = Telling(changes);
    cause.kind = Explainer::KindOf(comparison_.table().feature(telling.feature));
    if (Fails(changes)) failing_.insert(cause.service);
    if (cause.kind == CauseKind::kCode && Fails(changes)) cause.kind = CauseKind::kError;
    cause.where = explainer_.WhereOf(telling);
    if (comparison_.table().feature(telling.feature).kind == FeatureKind::kOwn) AddSlowStep(service, telling, cause);
    AddWant(service, changes, cause);
    for (const Change& change : changes) {
      double& likelihood = IsFailure(comparison_.table().feature(change.feature)) ? failure_likelihood_ : likelihood_;
      likelihood = std::max(likelihood, change.likelihood);
      Finding finding = explainer_.Explain(change);
      finding.traces = comparison_.Examples(service, change.feature);
      feature_of_.emplace(finding.text, change.feature);
      const bool known = std::ranges::any_of(cause.findings, [&](const Finding& f) { return f.text == finding.text; });
      if (!known && cause.findings.size() < 4 * kMaxFindings) cause.findings.push_back(std::move(finding));
    }
    cause.steps.push_back(fmt::format(
        "In the traces that deviate, {} deviates first: {} goes from {:g} of {:g} calls to {:g} of {:g}, so "
        "at least {:.0f} % of them are affected.",
        cause.service, explainer_.Explain(strongest).text, strongest.before.k, strongest.before.n, strongest.after.k,
        strongest.after.n, 100 * strongest.rise));
  }

  // Whether calls fail, rather than go another way.
  bool Fails(const std::vector<Change>& changes) const {
    return std::ranges::any_of(changes, [this, &changes](const Change& change) {
      const Feature& feature = comparison_.table().feature(change.feature);
      return IsFailure(feature) && change.rise >= constants_.telling_share * changes.front().rise;
    });
  }

  bool CallsFail(const std::vector<Change>& changes) const {
    return std::ranges::any_of(changes, [this, &changes](const Change& change) {
      const Feature& feature = comparison_.table().feature(change.feature);
      const bool call = feature.event_kind == EventKind::kCall || feature.event_kind == EventKind::kUnanswered ||
                        feature.event_kind == EventKind::kSpan;
      return feature.kind == FeatureKind::kHas && feature.is_error && call &&
             change.rise >= constants_.telling_share * changes.front().rise;
    });
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
    if (slowest == nullptr || slowest->now_ns - slowest->usual_ns < constants_.step_share * (own.now_ns - own.usual_ns))
      return;
    cause.where = explainer_.WhereOf(*slowest);
    cause.findings.push_back(explainer_.Explain(*slowest));
    cause.steps.push_back(fmt::format("Most of the time goes to {}.", cause.findings.back().text));
  }

  // Signs that the service lacks something: it says so, its slow calls wait for the same thing, or something else than
  // its requests takes the processor.
  void AddWant(model::NameId service, const std::vector<Change>& changes, Cause& cause) {
    const FeatureTable& table = comparison_.table();
    for (const Change& change : changes) {
      const Feature& feature = table.feature(change.feature);
      if (feature.kind != FeatureKind::kHas || change.rise < constants_.telling_share * changes.front().rise) continue;
      if (!SpeaksOfCapacity(feature.event_kind, evidence_.Name(feature.name))) continue;
      // A status may only pass on what a callee did not deliver.
      if (feature.event_kind == EventKind::kStatus && CallsFail(changes)) continue;
      cause.kind = CauseKind::kSaturation;
      cause.where = explainer_.WhereOf(change);
      cause.steps.push_back(fmt::format("{} says that something ran out.", explainer_.Explain(change).text));
      return;
    }
    if (cause.kind != CauseKind::kLatency) return;
    std::vector<Interval> waits;
    for (const FeatureKind kind : {FeatureKind::kStep, FeatureKind::kOwn}) {
      const auto& list = kind == FeatureKind::kStep ? comparison_.all().at(service) : changes;
      for (const Change& change : list) {
        if (table.feature(change.feature).kind != kind) continue;
        const std::vector<Interval> slow = comparison_.SlowOnes(change.feature);
        waits.insert(waits.end(), slow.begin(), slow.end());
      }
      if (!waits.empty()) break;
    }
    const double share = WaitShare(waits, static_cast<size_t>(constants_.min_waits));
    if (share >= constants_.wait_share) {
      cause.kind = CauseKind::kSaturation;
      cause.steps.push_back(fmt::format(
          "{:.0f} % of its slow calls go on at the same moment as the one before: they wait for the same thing.",
          100 * share));
    }
    AddProcessor(service, cause);
  }

  void AddProcessor(model::NameId service, Cause& cause) {
    const CoresUsed cores = MeasureCores(evidence_, service, comparison_.baseline(), incident_);
    if (cores.unaccounted_share() < constants_.unaccounted_share) return;
    cause.kind = CauseKind::kSaturation;
    cause.where = "process.cpu.time";
    Finding finding;
    finding.signal = Finding::Signal::kMetrics;
    finding.text = fmt::format("processor time of {}, more than its requests account for", cause.service);
    finding.before = cores.before;
    finding.after = cores.during;
    finding.unit = "cores";
    finding.strength = cores.unaccounted_share();
    cause.steps.push_back(fmt::format(
        "{:.2f} cores of the processor time that it uses came anew and are not spent on requests.", cores.unaccounted));
    cause.findings.push_back(std::move(finding));
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
      if (change.rise >= constants_.telling_share * changes.front().rise && rank(change) < rank(*best)) best = &change;
    }
    return *best;
  }

  void AddUtilizations() {
    for (const model::Utilization& utilization : evidence_.utilizations) {
      const auto level = FindLevel(utilization, comparison_.line(), comparison_.baseline());
      if (!level || level->rise() <= constants_.min_utilization_rise) continue;
      Cause& cause = CauseOf(utilization.service);
      const std::string& metric = evidence_.Name(utilization.metric);
      const bool slow = cause.kind == CauseKind::kLatency || cause.kind == CauseKind::kNetwork;
      if (level->rise() > cause.score || (slow && level->taken() >= constants_.taken_share)) {
        cause.kind = CauseKind::kSaturation;
        cause.where = metric;
        cause.instance = evidence_.Name(utilization.instance);
      }
      // Two independent witnesses: the chance that both err.
      cause.score = 1 - (1 - cause.score) * (1 - level->rise());
      saturated_ = saturated_ || level->rise() >= constants_.alarming_rise;
      Finding finding;
      finding.signal = Finding::Signal::kMetrics;
      finding.text = fmt::format("{} as a share of its limit", metric);
      finding.before = std::round(1000 * level->before) / 10;
      finding.after = std::round(1000 * level->during) / 10;
      finding.unit = "%";
      finding.strength = level->rise();
      cause.steps.push_back(fmt::format("{} rises from {:.0f} % to {:.0f} % of its limit.", metric, 100 * level->before,
                                        100 * level->during));
      cause.findings.push_back(std::move(finding));
    }
  }

  // A version that first shows about when the incident began, in a service that is a cause already and whose deviating
  // calls it answered.
  void AddVersions() {
    const auto slack = static_cast<int64_t>(constants_.slack_seconds * 1e9);
    for (auto& [service, cause] : causes_) {
      std::map<model::NameId, int64_t> first_seen;
      for (const model::Segment& segment : evidence_.segments) {
        if (segment.service != service || segment.version == 0) continue;
        int64_t& first = first_seen.try_emplace(segment.version, segment.start).first->second;
        first = std::min(first, segment.start);
      }
      if (first_seen.size() < 2) continue;
      const auto newest = std::ranges::max_element(first_seen, {}, [](const auto& entry) { return entry.second; });
      const auto oldest = std::ranges::min_element(first_seen, {}, [](const auto& entry) { return entry.second; });
      if (newest->second < incident_.from - slack || !AnsweredBy(service, newest->first)) continue;
      cause.kind = CauseKind::kChange;
      const std::string& version = evidence_.Name(newest->first);
      Finding finding;
      finding.signal = Finding::Signal::kChange;
      finding.text = fmt::format("service.version becomes {} (was {})", version, evidence_.Name(oldest->first));
      finding.after = 1;
      finding.strength = cause.score;
      cause.steps.push_back(fmt::format("Version {} began with it and answered the calls that deviate.", version));
      cause.findings.push_back(std::move(finding));
    }
  }

  // Those in which the service deviated first.
  std::set<model::TraceId> DeviatingTraces(model::NameId service) const {
    const auto found = comparison_.deviating().find(service);
    if (found == comparison_.deviating().end()) return {};
    return {found->second.begin(), found->second.end()};
  }

  // The instance whose answers to `operation` deviate more often than those of the service's other instances, or the
  // only one of the service.
  std::string InstanceOf(model::NameId service, model::NameId operation) const {
    const std::set<model::TraceId> traces = DeviatingTraces(service);
    std::map<model::NameId, Share> instances;  // answers that belong to a deviating trace, of all
    Share all;
    for (const model::Segment& segment : evidence_.segments) {
      if (segment.service != service || !incident_.Contains(segment.start)) continue;
      Share& of_instance = instances[segment.instance];
      if (segment.operation != operation) continue;
      const double deviates = traces.contains(segment.trace_id) ? 1 : 0;
      of_instance = of_instance + Share{deviates, 1};
      all = all + Share{deviates, 1};
    }
    if (instances.size() == 1) return evidence_.Name(instances.begin()->first);
    const double z = NormalQuantile(1 - constants_.baseline_chance);
    for (const auto& [instance, share] : instances) {
      if (2 * share.k > all.k && RiseLowerBound(all - share, share, z) > constants_.min_rise) {
        return evidence_.Name(instance);
      }
    }
    return {};
  }

  // Whether that version answered most of the service's calls in the traces that deviate, or nobody did.
  bool AnsweredBy(model::NameId service, model::NameId version) const {
    const std::set<model::TraceId> traces = DeviatingTraces(service);
    if (traces.empty()) return false;
    size_t all = 0;
    size_t by_it = 0;
    for (const model::Segment& segment : evidence_.segments) {
      if (segment.service != service || !incident_.Contains(segment.start) || !traces.contains(segment.trace_id))
        continue;
      ++all;
      by_it += segment.version == version ? 1 : 0;
    }
    return 2 * by_it >= all;
  }

  const model::Evidence& evidence_;
  const Comparison& comparison_;
  const Constants constants_;
  Explainer explainer_;
  Window incident_;
  std::map<model::NameId, Cause> causes_;
  std::set<std::string> failing_;               // services whose calls fail
  std::map<std::string, uint32_t> feature_of_;  // by the text of its finding
  double likelihood_ = 0;
  double failure_likelihood_ = 0;
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

// Why there can be no answer, if so.
std::string NoAnswer(const model::Evidence& evidence, const Comparison& comparison, const DiagnoseOptions& options) {
  if (evidence.segments.empty()) return "There are no traces of this time to look at.";
  if (comparison.incident_segments() == 0) {
    return fmt::format("There are no traces between {} and {}, so nothing can be said of that time.",
                       base::FormatTime(options.incident.from), base::FormatTime(options.incident.to));
  }
  if (comparison.baseline_segments() == 0 && options.baseline.from < options.baseline.to) {
    return fmt::format("There are no traces between {} and {} to compare with; name another baseline.",
                       base::FormatTime(options.baseline.from), base::FormatTime(options.baseline.to));
  }
  if (comparison.baseline_segments() == 0 && options.incident_given) {
    return "There are no traces from before that time to compare with; name a baseline.";
  }
  return {};
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
  diagnosis.from = comparison.incident().from;
  diagnosis.to = comparison.incident().to;
  diagnosis.baseline_from = comparison.baseline().from;
  diagnosis.baseline_to = comparison.baseline().to;
  if (diagnosis.baseline_from == std::numeric_limits<int64_t>::min()) {
    diagnosis.baseline_from = evidence.segments.empty() ? options.incident.from : evidence.segments.front().start;
    diagnosis.baseline_to = std::max(diagnosis.baseline_to, diagnosis.baseline_from);
  }
  Ranking ranking(evidence, comparison, options.constants);
  std::vector<Cause> causes = ranking.Rank();
  // Who names a time says that there was something; without, coincidence must be ruled out more firmly.
  const auto needed = [&](size_t compared) {
    const double coincidences =
        options.incident_given ? options.constants.chances_given : 1 / options.constants.chances_against;
    return std::log(static_cast<double>(std::max<size_t>(1, compared)) / coincidences);
  };
  const double likelihood = std::max(ranking.likelihood(), ranking.failure_likelihood());
  const bool telling =
      likelihood >= needed(comparison.compared() + comparison.compared_failures()) ||
      (!options.incident_given && ranking.failure_likelihood() >= needed(comparison.compared_failures()));
  const double lasted = static_cast<double>(diagnosis.to - diagnosis.from) / 1e9;
  diagnosis.incident = !causes.empty() && (options.incident_given || lasted >= options.constants.min_seconds) &&
                       ranking.Suffices(causes.front()) && (telling || ranking.saturated());
  if (diagnosis.incident) {
    diagnosis.impact = ImpactOf(evidence, comparison, causes);
    diagnosis.causes = std::move(causes);
  }
  diagnosis.summary = diagnosis.incident ? std::string() : NoAnswer(evidence, comparison, options);
  if (diagnosis.summary.empty()) diagnosis.summary = Summarize(diagnosis);
  return diagnosis;
}

}  // namespace clew::rca
