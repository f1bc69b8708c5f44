// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/onset.h"

#include <algorithm>
#include <functional>
#include <map>

#include "clew/rca/statistics.h"

namespace clew::rca {
namespace {

constexpr int kSteps = 60;
constexpr size_t kOperations = 5;

// How many of `times`, which ascend, lie before `split`.
double Before(const std::vector<int64_t>& times, int64_t split) {
  return static_cast<double>(std::ranges::lower_bound(times, split) - times.begin());
}

}  // namespace

Onset FindOnset(const FeatureTable& table, std::span<const Observation> observations, std::span<const int64_t> starts,
                const std::vector<bool>& candidates, int64_t first, int64_t last) {
  std::vector<std::vector<int64_t>> place_times(table.place_count());
  std::vector<std::vector<int64_t>> feature_times(table.feature_count());
  for (size_t i = 0; i < observations.size(); ++i) {
    for (const uint32_t place : observations[i].places) place_times[place].push_back(starts[i]);
    for (const Occurrence& occurrence : observations[i].occurrences) {
      if (candidates[occurrence.feature]) feature_times[occurrence.feature].push_back(starts[i]);
    }
  }
  Onset best{first, 0};
  const int64_t step = std::max<int64_t>((last - first) / kSteps, 1);
  for (int64_t split = first + step; split < last; split += step) {
    std::map<std::pair<model::NameId, model::NameId>, double> by_operation;
    for (uint32_t id = 0; id < feature_times.size(); ++id) {
      if (feature_times[id].empty()) continue;
      const auto& place = place_times[table.feature(id).place];
      const Share before{Before(feature_times[id], split), Before(place, split)};
      const Share after{static_cast<double>(feature_times[id].size()) - before.k,
                        static_cast<double>(place.size()) - before.n};
      if (before.n == 0 || after.n == 0 || after.value() <= before.value()) continue;
      const Place& where = table.place(table.feature(id).place);
      double& most = by_operation[{where.service, where.operation}];
      most = std::max(most, LogLikelihoodRatio(before, after));
    }
    std::vector<double> ratios;
    for (const auto& [operation, ratio] : by_operation) ratios.push_back(ratio);
    std::ranges::sort(ratios, std::greater());
    double sum = 0;
    for (size_t i = 0; i < std::min(kOperations, ratios.size()); ++i) sum += ratios[i];
    if (sum > best.evidence) best = {split, sum};
  }
  return best;
}

}  // namespace clew::rca
