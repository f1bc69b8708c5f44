// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/range_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clew::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Seconds(int64_t millis) { return static_cast<double>(millis) / 1000; }

// The increase over a window, extrapolated to its edges.
bool ExtrapolatedIncrease(const Window& window, bool is_counter, bool is_rate, double& result) {
  const size_t count = window.values.size();
  if (count < 2) return false;
  double increase = window.values.back() - window.values.front();
  if (is_counter) {
    for (size_t i = 1; i < count; ++i) {
      // A counter that falls was reset to zero.
      if (window.values[i] < window.values[i - 1]) increase += window.values[i - 1];
    }
  }
  const bool ends_at_zero = is_counter && increase > 0 && window.values.front() >= 0;
  const double first_share = ends_at_zero ? window.values.front() / increase : kInfinity;
  result = increase * ExtrapolationFactor(window, window.times_ms, is_rate, first_share);
  return true;
}

bool Rate(const Window& window, double& result) { return ExtrapolatedIncrease(window, true, true, result); }
bool Increase(const Window& window, double& result) { return ExtrapolatedIncrease(window, true, false, result); }
bool Delta(const Window& window, double& result) { return ExtrapolatedIncrease(window, false, false, result); }

bool InstantDelta(const Window& window, bool is_rate, double& result) {
  const size_t count = window.values.size();
  if (count < 2) return false;
  const double last = window.values[count - 1];
  const double previous = window.values[count - 2];
  const int64_t distance = window.times_ms[count - 1] - window.times_ms[count - 2];
  if (distance == 0) return false;
  result = is_rate && last < previous ? last : last - previous;
  if (is_rate) result /= Seconds(distance);
  return true;
}
bool Irate(const Window& window, double& result) { return InstantDelta(window, true, result); }
bool Idelta(const Window& window, double& result) { return InstantDelta(window, false, result); }

bool SumOverTime(const Window& window, double& result) {
  double sum = 0;
  double compensation = 0;
  for (const double value : window.values) KahanAdd(value, sum, compensation);
  result = std::isinf(sum) ? sum : sum + compensation;
  return true;
}

// The plain mean as long as the sum does not overflow, an incremental one from there on.
bool AvgOverTime(const Window& window, double& result) {
  double sum = window.values[0];
  double compensation = 0;
  double mean = 0;
  double count = 1;
  bool incremental = false;
  for (size_t i = 1; i < window.values.size(); ++i) {
    const double value = window.values[i];
    count = static_cast<double>(i + 1);
    if (!incremental) {
      double new_sum = sum;
      double new_compensation = compensation;
      KahanAdd(value, new_sum, new_compensation);
      if (!std::isinf(new_sum)) {
        sum = new_sum;
        compensation = new_compensation;
        continue;
      }
      incremental = true;
      mean = sum / (count - 1);
      compensation /= count - 1;
    }
    const double share = (count - 1) / count;
    mean *= share;
    compensation *= share;
    KahanAdd(value / count, mean, compensation);
  }
  result = incremental ? mean + compensation : sum / count + compensation / count;
  return true;
}

bool MaxOverTime(const Window& window, double& result) {
  result = window.values[0];
  for (const double value : window.values) {
    if (value > result || std::isnan(result)) result = value;
  }
  return true;
}

bool MinOverTime(const Window& window, double& result) {
  result = window.values[0];
  for (const double value : window.values) {
    if (value < result || std::isnan(result)) result = value;
  }
  return true;
}

bool CountOverTime(const Window& window, double& result) {
  result = static_cast<double>(window.values.size());
  return true;
}

bool FirstOverTime(const Window& window, double& result) {
  result = window.values.front();
  return true;
}

bool LastOverTime(const Window& window, double& result) {
  result = window.values.back();
  return true;
}

bool PresentOverTime(const Window&, double& result) {
  result = 1;
  return true;
}

bool QuantileOverTime(const Window& window, double& result) {
  std::vector<double> values(window.values.begin(), window.values.end());
  result = Quantile(window.parameters[0], values);
  return true;
}

bool StdvarOverTime(const Window& window, double& result) {
  double count = 0;
  double mean = 0, mean_compensation = 0;
  double sum = 0, sum_compensation = 0;
  for (const double value : window.values) {
    ++count;
    const double delta = value - (mean + mean_compensation);
    KahanAdd(delta / count, mean, mean_compensation);
    KahanAdd(delta * (value - (mean + mean_compensation)), sum, sum_compensation);
  }
  result = (sum + sum_compensation) / count;
  return true;
}

bool StddevOverTime(const Window& window, double& result) {
  StdvarOverTime(window, result);
  result = std::sqrt(result);
  return true;
}

bool Changes(const Window& window, double& result) {
  int changes = 0;
  for (size_t i = 1; i < window.values.size(); ++i) {
    const double previous = window.values[i - 1];
    const double value = window.values[i];
    if (value != previous && !(std::isnan(value) && std::isnan(previous))) ++changes;
  }
  result = changes;
  return true;
}

bool Resets(const Window& window, double& result) {
  int resets = 0;
  for (size_t i = 1; i < window.values.size(); ++i) {
    if (window.values[i] < window.values[i - 1]) ++resets;
  }
  result = resets;
  return true;
}

struct Line {
  double slope = 0;
  double intercept = 0;
};

// Least squares; the intercept is the value at `origin_ms`.
Line LinearRegression(const Window& window, int64_t origin_ms) {
  double count = 0;
  double sum_x = 0, c_x = 0;
  double sum_y = 0, c_y = 0;
  double sum_xy = 0, c_xy = 0;
  double sum_xx = 0, c_xx = 0;
  const double first = window.values[0];
  bool constant = true;
  for (size_t i = 0; i < window.values.size(); ++i) {
    const double y = window.values[i];
    if (i > 0 && y != first) constant = false;
    ++count;
    const double x = static_cast<double>(window.times_ms[i] - origin_ms) / 1e3;
    KahanAdd(x, sum_x, c_x);
    KahanAdd(y, sum_y, c_y);
    KahanAdd(x * y, sum_xy, c_xy);
    KahanAdd(x * x, sum_xx, c_xx);
  }
  if (constant) return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  sum_x += c_x;
  sum_y += c_y;
  sum_xy += c_xy;
  sum_xx += c_xx;
  const double covariance = sum_xy - sum_x * sum_y / count;
  const double variance = sum_xx - sum_x * sum_x / count;
  Line line;
  line.slope = covariance / variance;
  line.intercept = sum_y / count - line.slope * sum_x / count;
  return line;
}

bool Deriv(const Window& window, double& result) {
  if (window.values.size() < 2) return false;
  // An origin near the samples keeps digits.
  result = LinearRegression(window, window.times_ms[0]).slope;
  return true;
}

bool PredictLinear(const Window& window, double& result) {
  if (window.values.size() < 2) return false;
  const Line line = LinearRegression(window, window.eval_ms);
  result = line.slope * window.parameters[0] + line.intercept;
  return true;
}

}  // namespace

double ExtrapolationFactor(const Window& window, std::span<const int64_t> times_ms, bool is_rate, double first_share) {
  const double sampled = Seconds(times_ms.back() - times_ms.front());
  const double mean_distance = sampled / static_cast<double>(times_ms.size() - 1);
  const double threshold = mean_distance * 1.1;
  double to_start = Seconds(times_ms.front() - window.start_ms);
  double to_end = Seconds(window.end_ms - times_ms.back());
  if (to_start >= threshold) to_start = mean_distance / 2;
  to_start = std::min(to_start, sampled * first_share);
  if (to_end >= threshold) to_end = mean_distance / 2;
  double factor = sampled == 0 ? 1 : (sampled + to_start + to_end) / sampled;
  if (is_rate) factor /= Seconds(window.end_ms - window.start_ms);
  return factor;
}

void KahanAdd(double value, double& sum, double& compensation) {
  const double total = sum + value;
  if (std::isinf(total)) {
    compensation = 0;
  } else if (std::abs(sum) >= std::abs(value)) {
    compensation += (sum - total) + value;
  } else {
    compensation += (value - total) + sum;
  }
  sum = total;
}

double Quantile(double q, std::vector<double>& values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  // NaN sorts first.
  std::ranges::sort(values, [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const double count = static_cast<double>(values.size());
  const double rank = q * (count - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(count - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[static_cast<size_t>(lower)] * (1 - weight) + values[static_cast<size_t>(upper)] * weight;
}

RangeFunction FindRangeFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kRate: return Rate;
    case FunctionId::kIncrease: return Increase;
    case FunctionId::kDelta: return Delta;
    case FunctionId::kIrate: return Irate;
    case FunctionId::kIdelta: return Idelta;
    case FunctionId::kSumOverTime: return SumOverTime;
    case FunctionId::kAvgOverTime: return AvgOverTime;
    case FunctionId::kMaxOverTime: return MaxOverTime;
    case FunctionId::kMinOverTime: return MinOverTime;
    case FunctionId::kCountOverTime: return CountOverTime;
    case FunctionId::kFirstOverTime: return FirstOverTime;
    case FunctionId::kLastOverTime: return LastOverTime;
    case FunctionId::kPresentOverTime:
    case FunctionId::kAbsentOverTime: return PresentOverTime;
    case FunctionId::kQuantileOverTime: return QuantileOverTime;
    case FunctionId::kStddevOverTime: return StddevOverTime;
    case FunctionId::kStdvarOverTime: return StdvarOverTime;
    case FunctionId::kChanges: return Changes;
    case FunctionId::kResets: return Resets;
    case FunctionId::kDeriv: return Deriv;
    case FunctionId::kPredictLinear: return PredictLinear;
    default: return nullptr;
  }
}

}  // namespace clew::query::promql
