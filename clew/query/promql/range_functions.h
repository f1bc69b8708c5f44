// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "clew/query/promql/functions.h"

namespace clew::query::promql {

// The samples of one series that a range vector has at one step, (start, end].
struct Window {
  std::span<const int64_t> times_ms;
  std::span<const double> values;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t eval_ms = 0;                 // the step itself
  std::array<double, 2> parameters{};  // scalar arguments, in their order
};

// The result of a function over a window that is not empty; false where it has none. Semantics are Prometheus', down to
// the summation (Kahan-Neumaier), so that results agree to the last bits.
using RangeFunction = bool (*)(const Window& window, double& result);

// nullptr for functions that take no range vector.
RangeFunction FindRangeFunction(FunctionId id);

// Adds `value` to `sum`, carrying what rounding lost in `compensation`.
void KahanAdd(double value, double& sum, double& compensation);

// The q-quantile with linear interpolation between neighbours; sorts `values`. NaN for none, ±Inf for q outside [0, 1].
double Quantile(double q, std::vector<double>& values);

}  // namespace clew::query::promql
