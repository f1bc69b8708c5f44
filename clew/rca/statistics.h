// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace clew::rca {

// k of n calls showed something.
struct Share {
  double k = 0;
  double n = 0;
  double value() const { return n > 0 ? k / n : 0; }
};
inline Share operator+(Share a, Share b) { return {a.k + b.k, a.n + b.n}; }
inline Share operator-(Share a, Share b) { return {a.k - b.k, a.n - b.n}; }

// Standard deviations below which a normal variable stays with probability p, 0 < p < 1.
double NormalQuantile(double p);

struct Bounds {
  double low = 0;
  double high = 1;
};

// Wilson's score interval of a proportion, `z` standard deviations wide on each side; [0, 1] where n is 0.
Bounds WilsonBounds(Share share, double z);

// The least by which the proportion went up from `before` to `after`, at z standard deviations (Newcombe, "Bounds
// estimation for the difference between independent proportions", 1998, method 10). Negative where it may have fallen.
double RiseLowerBound(Share before, Share after, double z);

// Of the most likely proportion: k ln(k/n) + (n-k) ln(1-k/n).
double LogLikelihood(Share share);

// How much better two proportions explain both than one common proportion does: the difference of log-likelihoods.
double LogLikelihoodRatio(Share before, Share after);

// The q-quantile (0 to 1) by nearest rank; 0 for an empty list. Sorts `values`.
double Quantile(std::vector<double>& values, double q);

}  // namespace clew::rca
