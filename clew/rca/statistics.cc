// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/statistics.h"

#include <algorithm>
#include <cmath>

namespace clew::rca {

double LogLikelihood(Share share) {
  if (share.k <= 0 || share.k >= share.n) return 0;
  const double p = share.value();
  return share.k * std::log(p) + (share.n - share.k) * std::log1p(-p);
}

double NormalQuantile(double p) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Bounds WilsonBounds(Share share, double z) {
  if (share.n <= 0) return {};
  const double p = share.value();
  const double z2 = z * z;
  const double centre = (p + z2 / (2 * share.n)) / (1 + z2 / share.n);
  const double half = z * std::sqrt(p * (1 - p) / share.n + z2 / (4 * share.n * share.n)) / (1 + z2 / share.n);
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double RiseLowerBound(Share before, Share after, double z) {
  const Bounds b = WilsonBounds(before, z);
  const Bounds a = WilsonBounds(after, z);
  const double below = after.value() - a.low;
  const double above = b.high - before.value();
  return after.value() - before.value() - std::sqrt(below * below + above * above);
}

double LogLikelihoodRatio(Share before, Share after) {
  return LogLikelihood(before) + LogLikelihood(after) - LogLikelihood({before.k + after.k, before.n + after.n});
}

double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
  const size_t index = std::clamp<size_t>(rank, 1, values.size()) - 1;
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(index));
  return values[index];
}

}  // namespace clew::rca
