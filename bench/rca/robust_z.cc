// SPDX-License-Identifier: Apache-2.0
#include "robust_z.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "clew/rca/statistics.h"

namespace clew::bench {
namespace {

constexpr int64_t kBin = 10'000'000'000;  // nanoseconds of one value of a series made of spans

struct Series {
  std::vector<double> before;
  std::vector<double> during;
};
using AllSeries = std::map<std::pair<model::NameId, std::string>, Series>;

double RobustZ(Series& series) {
  if (series.before.empty() || series.during.empty()) return 0;
  const double median = rca::Quantile(series.before, 0.5);
  double range = rca::Quantile(series.before, 0.75) - rca::Quantile(series.before, 0.25);
  if (range <= 0) range = 1;  // as scikit-learn's RobustScaler has it
  double most = 0;
  for (const double value : series.during) most = std::max(most, std::abs(value - median) / range);
  return most;
}

void AddSpans(const model::Evidence& evidence, int64_t from, int64_t to, std::vector<double> Series::* side,
              AllSeries& all) {
  std::map<model::NameId, std::vector<std::vector<const model::Segment*>>> bins;
  const auto count = static_cast<size_t>(std::max<int64_t>(0, to - from) / kBin);
  for (const model::Segment& segment : evidence.segments) {
    if (segment.start < from || segment.start >= to) continue;
    auto& mine = bins[segment.service];
    mine.resize(count);
    const auto bin = static_cast<size_t>((segment.start - from) / kBin);
    if (bin < count) mine[bin].push_back(&segment);
  }
  for (const auto& [service, mine] : bins) {
    for (const auto& segments : mine) {
      std::vector<double> lengths;
      double failed = 0;
      for (const model::Segment* segment : segments) {
        lengths.push_back(static_cast<double>(segment->end - segment->start));
        failed += segment->is_error ? 1 : 0;
      }
      (all[{service, "calls"}].*side).push_back(static_cast<double>(segments.size()));
      (all[{service, "failed"}].*side).push_back(failed);
      if (lengths.empty()) continue;
      (all[{service, "median"}].*side).push_back(rca::Quantile(lengths, 0.5));
      (all[{service, "p95"}].*side).push_back(rca::Quantile(lengths, 0.95));
    }
  }
}

}  // namespace

std::vector<std::string> RankByRobustZ(const model::Evidence& evidence, const FaultCase& fault) {
  AllSeries all;
  AddSpans(evidence, fault.baseline_from, fault.baseline_to, &Series::before, all);
  AddSpans(evidence, fault.from, fault.to, &Series::during, all);
  for (const model::Utilization& utilization : evidence.utilizations) {
    Series& series = all[{utilization.service, evidence.Name(utilization.metric)}];
    for (const model::UtilizationPoint& point : utilization.points) {
      const bool during = fault.from <= point.time && point.time < fault.to;
      if (during) series.during.push_back(point.value);
      if (point.time < fault.injected) series.before.push_back(point.value);
    }
  }
  std::map<model::NameId, double> scores;
  for (auto& [key, series] : all) scores[key.first] = std::max(scores[key.first], RobustZ(series));
  std::vector<std::pair<double, std::string>> order;
  order.reserve(scores.size());
  for (const auto& [service, score] : scores) order.emplace_back(-score, evidence.Name(service));
  std::ranges::sort(order);
  std::vector<std::string> ranking;
  for (auto& [score, service] : order) ranking.push_back(std::move(service));
  return ranking;
}

}  // namespace clew::bench
