// SPDX-License-Identifier: Apache-2.0
#include "clew/rca/statistics.h"

#include <algorithm>
#include <cmath>

namespace clew::rca {
namespace {

double LogLikelihood(double k, double n) {
  if (k <= 0 || k >= n) return 0;
  const double p = k / n;
  return k * std::log(p) + (n - k) * std::log1p(-p);
}

}  // namespace

Interval WilsonInterval(Share share, double z) {
  if (share.n <= 0) return {};
  const double p = share.value();
  const double z2 = z * z;
  const double centre = (p + z2 / (2 * share.n)) / (1 + z2 / share.n);
  const double half = z * std::sqrt(p * (1 - p) / share.n + z2 / (4 * share.n * share.n)) / (1 + z2 / share.n);
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double RiseLowerBound(Share before, Share after, double z) {
  const Interval b = WilsonInterval(before, z);
  const Interval a = WilsonInterval(after, z);
  const double below = after.value() - a.low;
  const double above = b.high - before.value();
  return after.value() - before.value() - std::sqrt(below * below + above * above);
}

double LogLikelihoodRatio(Share before, Share after) {
  return LogLikelihood(before.k, before.n) + LogLikelihood(after.k, after.n) -
         LogLikelihood(before.k + after.k, before.n + after.n);
}

double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
  const size_t index = std::clamp<size_t>(rank, 1, values.size()) - 1;
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(index));
  return values[index];
}

}  // namespace clew::rca
