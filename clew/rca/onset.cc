// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/onset.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

namespace clew::rca {
namespace {

// Moments that are tried: first over the whole stretch, then again around the best.
constexpr int kSteps = 60;
// The same where both ends are looked for together.
constexpr int kStretchSteps = 30;
// Fewer occurrences cannot tell a beginning from chance.
constexpr size_t kFewest = 3;

double SumOfLargest(std::vector<double>& values, size_t count) {
  count = std::min(count, values.size());
  std::ranges::partial_sort(values, values.begin() + static_cast<std::ptrdiff_t>(count), std::greater());
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += std::max(0.0, values[i]);
  return sum;
}

}  // namespace

TurnSearch::TurnSearch(const FeatureTable& table, const Counts& usual, const Constants& constants)
    : table_(table), usual_(usual), constants_(constants) {}

std::vector<double> TurnSearch::Line::Before(int64_t first, int64_t step, int count) const {
  std::vector<double> before(static_cast<size_t>(count));
  size_t at = 0;
  for (int i = 0; i < count; ++i) {
    while (at < times.size() && times[at] < first + step * i) ++at;
    before[static_cast<size_t>(i)] = at == 0 ? 0 : sums[at - 1];
  }
  return before;
}

void TurnSearch::Add(const TraceTally& tally) {
  places_.resize(table_.place_count());
  features_.resize(table_.feature_count());
  for (const uint32_t place : tally.places) places_[place].Add(tally.start, 1);
  for (const auto& [feature, share] : tally.features) features_[feature].Add(tally.start, share);
}

std::vector<TurnSearch::Candidate> TurnSearch::Candidates(const std::vector<uint32_t>& only,
                                                          std::vector<double>& prices) const {
  std::vector<Candidate> candidates;
  std::map<std::tuple<model::NameId, model::NameId, bool>, uint32_t> operations;
  const bool has_usual = !usual_.places.empty();
  for (uint32_t id = 0; id < features_.size(); ++id) {
    if (features_[id].times.size() < kFewest) continue;
    if (!only.empty() && !std::ranges::binary_search(only, id)) continue;
    const uint32_t place = table_.feature(id).place;
    if (has_usual && usual_.Place(place) < constants_.min_baseline) continue;
    // Failures are a family of their own, and an operation of their own.
    const auto [entry, added] = operations.try_emplace(
        {table_.place(place).service, table_.place(place).operation, IsFailure(table_.feature(id))},
        static_cast<uint32_t>(operations.size()));
    if (added) prices.push_back(0);
    ++prices[entry->second];
    candidates.push_back({id, entry->second});
  }
  for (double& price : prices) price = std::log(price);
  return candidates;
}

Turn TurnSearch::FindOn(Side side, int64_t first, int64_t step, int count, const std::vector<Candidate>& candidates,
                        const std::vector<double>& prices) const {
  // By moment: of each operation what its best feature gains, and which that is.
  std::vector<std::vector<double>> gains(static_cast<size_t>(count), std::vector<double>(prices.size()));
  std::vector<std::vector<uint32_t>> speakers(static_cast<size_t>(count));
  for (const Candidate& candidate : candidates) {
    const uint32_t place = table_.feature(candidate.feature).place;
    const Line& shown = features_[candidate.feature];
    const Share usual{usual_.Feature(candidate.feature), usual_.Place(place)};
    const Share all{shown.total(), places_[place].total()};
    const double otherwise = std::max(LogLikelihood(usual + all), LogLikelihood(usual) + LogLikelihood(all));
    const std::vector<double> k = shown.Before(first, step, count);
    const std::vector<double> n = places_[place].Before(first, step, count);
    for (size_t i = 0; i < gains.size(); ++i) {
      const Share before{k[i], n[i]};
      const Share outside = usual + (side == Side::kBegin ? before : all - before);
      const Share inside = side == Side::kBegin ? all - before : before;
      if (outside.n <= 0 || inside.n <= 0 || inside.value() <= outside.value()) continue;
      const double gain = LogLikelihood(outside) + LogLikelihood(inside) - otherwise - prices[candidate.operation];
      if (gain <= 0) continue;
      speakers[i].push_back(candidate.feature);
      double& most = gains[i][candidate.operation];
      most = std::max(most, gain);
    }
  }
  Turn best{first, 0, {}};
  for (size_t i = 0; i < gains.size(); ++i) {
    const double sum = SumOfLargest(gains[i], static_cast<size_t>(std::lround(constants_.onset_operations)));
    if (sum > best.evidence) best = {first + step * static_cast<int64_t>(i), sum, speakers[i]};
  }
  return best;
}

Stretch TurnSearch::FindStretch(int64_t first, int64_t last) const {
  Stretch best{{first, 0, {}}, last, 0};
  if (last <= first) return best;
  std::vector<double> prices;
  const std::vector<Candidate> candidates = Candidates({}, prices);
  const int64_t step = std::max<int64_t>((last - first) / kStretchSteps, 1);
  constexpr auto kMoments = static_cast<size_t>(kStretchSteps + 1);
  // What is over sooner is no incident, however clear (a restart): it must not hide one that began with it.
  const auto least = static_cast<size_t>(
      std::clamp<double>(std::ceil(constants_.min_seconds * 1e9 / static_cast<double>(step)), 1, kStretchSteps));
  // By begin and end: of each operation what its best feature gains.
  std::vector<std::vector<double>> gains(kMoments * kMoments, std::vector<double>(prices.size()));
  for (const Candidate& candidate : candidates) {
    const uint32_t place = table_.feature(candidate.feature).place;
    const Line& shown = features_[candidate.feature];
    const Share all{shown.total(), places_[place].total()};
    if (all.k >= all.n) continue;  // always there: never begins
    std::vector<double> k = shown.Before(first, step, kMoments);
    std::vector<double> n = places_[place].Before(first, step, kMoments);
    k.back() = all.k;
    n.back() = all.n;
    // Without a beginning it was never unlike, or it was so from the start and ended: a recovery begins nothing.
    std::vector<double> otherwise(kMoments, LogLikelihood(all));
    for (size_t end = 1; end < kMoments; ++end) {
      const Share until{k[end], n[end]};
      const Share rest = all - until;
      if (until.value() <= rest.value()) continue;
      otherwise[end] = std::max(otherwise[end], LogLikelihood(until) + LogLikelihood(rest));
    }
    for (size_t begin = 1; begin + 1 < kMoments; ++begin) {
      for (size_t end = begin + least; end < kMoments; ++end) {
        const Share inside{k[end] - k[begin], n[end] - n[begin]};
        const Share outside = all - inside;
        if (outside.n <= 0 || inside.n <= 0 || inside.value() <= outside.value()) continue;
        double& most = gains[begin * kMoments + end][candidate.operation];
        most = std::max(most,
                        LogLikelihood(outside) + LogLikelihood(inside) - otherwise[end] - prices[candidate.operation]);
      }
    }
  }
  for (size_t i = 0; i < gains.size(); ++i) {
    const double sum = SumOfLargest(gains[i], static_cast<size_t>(std::lround(constants_.onset_operations)));
    if (sum <= best.begin.evidence) continue;
    const auto end = static_cast<int64_t>(i % kMoments);
    best.begin = {first + step * static_cast<int64_t>(i / kMoments), sum, {}};
    best.end = end == kStretchSteps ? last : first + step * end;
    best.precision = step;
  }
  return best;
}

Turn TurnSearch::Find(Side side, int64_t first, int64_t last, const std::vector<uint32_t>& only) const {
  if (last <= first) return {first, 0, {}};
  std::vector<double> prices;
  const std::vector<Candidate> candidates = Candidates(only, prices);
  const int64_t step = std::max<int64_t>((last - first) / kSteps, 1);
  const Turn rough = FindOn(side, first + step, step, kSteps - 1, candidates, prices);
  if (rough.evidence <= 0) return {first, 0, {}};
  const int64_t fine = std::max<int64_t>(2 * step / kSteps, 1);
  const Turn exact = FindOn(side, rough.time - step, fine, kSteps, candidates, prices);
  return exact.evidence > rough.evidence ? exact : rough;
}

}  // namespace clew::rca
