// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "clew/query/promql/functions.h"
#include "clew/query/promql/native_histogram.h"

namespace clew::query::promql {

// The samples of one series that a range vector has at one step, (start, end].
struct Window {
  std::span<const int64_t> times_ms;
  std::span<const double> values;
  std::span<const int64_t> histogram_times_ms = {};
  std::span<const HistogramPtr> histograms = {};
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t eval_ms = 0;                 // the step itself
  std::array<double, 2> parameters{};  // scalar arguments, in their order
};

// The result of a function over a window that has floats, of those; false where it has none. Semantics are Prometheus',
// down to the summation (Kahan-Neumaier), so that results agree to the last bits.
using RangeFunction = bool (*)(const Window& window, double& result);

// nullptr for functions that take no range vector.
RangeFunction FindRangeFunction(FunctionId id);

// By what an increase between the first and the last of samples at `times_ms` is multiplied to stand for the whole
// window (a rate: for a second of it): samples rarely lie on its edges. As far as the mean distance between samples
// (and a tenth) the slope goes on; where the series seems to begin or end within the window, it goes on for half that
// distance; a counter never below zero, where `first_share` is its first value over the increase. (Prometheus,
// promql/functions.go, extrapolatedRate.)
double ExtrapolationFactor(const Window& window, std::span<const int64_t> times_ms, bool is_rate, double first_share);

// Adds `value` to `sum`, carrying what rounding lost in `compensation`.
void KahanAdd(double value, double& sum, double& compensation);

// The q-quantile with linear interpolation between neighbours; sorts `values`. NaN for none, ±Inf for q outside [0, 1].
double Quantile(double q, std::vector<double>& values);

}  // namespace clew::query::promql
