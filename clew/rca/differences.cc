// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/differences.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

namespace clew::rca {
namespace {

// Standard deviations of the bounds of a rise.
constexpr double kRiseZ = 2.58;
// A list is shown if chance would bring one of its values in once in a hundred lists.
constexpr double kMostChance = 0.01;

// Of the chi-squared distribution with one degree of freedom, beyond twice the log-likelihood ratio (Wilks' theorem).
double ChanceOf(double log_likelihood_ratio) { return std::erfc(std::sqrt(std::max(0.0, log_likelihood_ratio))); }

}  // namespace

std::vector<Difference> RankDifferences(std::vector<model::AttributeCount> counts, uint64_t inside, uint64_t outside,
                                        size_t limit) {
  std::vector<Difference> differences;
  const auto tries = static_cast<double>(std::max<size_t>(1, counts.size()));
  std::ranges::sort(counts, {}, [](const model::AttributeCount& c) { return std::tie(c.key, c.value); });
  std::set<std::tuple<bool, uint64_t, uint64_t>> seen;
  for (model::AttributeCount& count : counts) {
    Difference difference;
    difference.inside = {static_cast<double>(count.inside), static_cast<double>(inside)};
    difference.outside = {static_cast<double>(count.outside), static_cast<double>(outside)};
    difference.rise = RiseLowerBound(difference.outside, difference.inside, kRiseZ);
    difference.chance = std::min(1.0, tries * ChanceOf(LogLikelihoodRatio(difference.outside, difference.inside)));
    if (difference.rise <= 0 || difference.chance > kMostChance) continue;
    difference.outcome = IsOutcome(count.key);
    if (!seen.insert({difference.outcome, count.inside, count.outside}).second) continue;
    difference.key = std::move(count.key);
    difference.value = std::move(count.value);
    differences.push_back(std::move(difference));
  }
  std::ranges::sort(differences, [](const Difference& a, const Difference& b) {
    return std::tuple(a.outcome, -a.rise, a.key, a.value) < std::tuple(b.outcome, -b.rise, b.key, b.value);
  });
  if (differences.size() > limit) differences.resize(limit);
  return differences;
}

bool IsOutcome(std::string_view key) {
  for (const std::string_view prefix : {"http.response.", "http.status_code", "error.", "exception.", "rpc.grpc.status",
                                        "otel.", "thread.", "process."}) {
    if (key.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace clew::rca
