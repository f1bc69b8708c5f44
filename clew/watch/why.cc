// SPDX-License-Identifier: Apache-2.0
#include "clew/watch/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>
#include <vector>

#include "clew/base/time.h"
#include "clew/query/evidence/attribute_counter.h"
#include "clew/query/evidence/evidence_reader.h"
#include "clew/rca/differences.h"
#include "clew/store/span_reader.h"

namespace clew::watch {
namespace {

// With an incident given and no baseline: what lies before it, three times as long, at least and at most so much.
constexpr int64_t kMinBaseline = 10 * 60 * base::kNanosPerSecond;
constexpr int64_t kMaxBaseline = 3600 * base::kNanosPerSecond;
// Spans of the first cause's service in which its affected calls are held against the others.
constexpr uint64_t kMostCompared = 100'000;
// What most affected calls and few others have is worth a line; so many lines at most.
constexpr double kMostAffected = 0.8;
constexpr double kClearRise = 0.5;
constexpr size_t kMostDifferences = 2;

// What sets the affected calls of the first cause apart from its other calls: a version, a region, a kind of customer.
base::Status AddDifferences(store::Store& store, const model::RequestContext& context, rca::Diagnosis& diagnosis) {
  if (!diagnosis.incident || diagnosis.causes.front().deviating.empty()) return {};
  rca::Cause& cause = diagnosis.causes.front();
  const std::unordered_set<model::TraceId, model::TraceIdHash> affected(cause.deviating.begin(), cause.deviating.end());
  store::SpanFilter filter;
  filter.range = {diagnosis.from, diagnosis.to};
  filter.service = cause.service;
  filter.limit = kMostCompared;
  query::evidence::AttributeCounter counter;
  CLEW_RETURN_IF_ERROR(
      store::SpanReader(store, context).Scan(filter, [&](const model::SpanBatch& batch) -> base::Status {
        counter.Add(
            batch, [](size_t) { return true; }, [&](size_t row) { return affected.contains(batch.trace_id[row]); });
        return {};
      }));
  std::vector<model::AttributeCount> counts;
  std::vector<model::AttributeCount> all = counter.Counts();
  for (model::AttributeCount& count : all) {
    if (!rca::IsOutcome(count.key)) counts.push_back(std::move(count));
  }
  for (const rca::Difference& difference :
       rca::RankDifferences(std::move(counts), counter.inside(), counter.outside(), kMostDifferences)) {
    if (difference.rise < kClearRise || difference.inside.value() < kMostAffected) continue;
    rca::Finding finding;
    finding.text = fmt::format("{}={}, of the affected spans instead of the others", difference.key, difference.value);
    finding.before = std::round(1000 * difference.outside.value()) / 10;
    finding.after = std::round(1000 * difference.inside.value()) / 10;
    finding.unit.assign(1, '%');
    finding.strength = difference.rise;
    cause.findings.push_back(std::move(finding));
    cause.steps.push_back(fmt::format("Of its affected spans {:.0f} % have {}={}, of the others {:.0f} %.",
                                      100 * difference.inside.value(), difference.key, difference.value,
                                      100 * difference.outside.value()));
  }
  return {};
}

}  // namespace

base::Result<rca::Diagnosis> Why(store::Store& store, const model::RequestContext& context,
                                 const WhyQuestion& question) {
  const rca::DiagnoseOptions& options = question.options;
  const auto slack = static_cast<int64_t>(options.constants.slack_seconds * base::kNanosPerSecond);
  store::TimeRange around{options.incident.from, options.incident.to};
  if (options.incident_given) around = {around.from - slack, around.to + slack};
  std::vector<store::TimeRange> ranges;
  if (options.baseline.from < options.baseline.to) {
    ranges.push_back({options.baseline.from, options.baseline.to});
  } else if (options.incident_given) {
    around.from -= std::clamp(3 * (options.incident.to - options.incident.from), kMinBaseline, kMaxBaseline);
  }
  ranges.push_back(around);
  query::evidence::EvidenceOptions read;
  read.service = question.service;
  read.max_spans = question.max_spans;
  CLEW_ASSIGN_OR_RETURN(const model::Evidence evidence,
                        query::evidence::ReadEvidence(store, context, std::move(ranges), read));
  rca::Diagnosis diagnosis = rca::Diagnose(evidence, options);
  CLEW_RETURN_IF_ERROR(AddDifferences(store, context, diagnosis));
  return diagnosis;
}

}  // namespace clew::watch
