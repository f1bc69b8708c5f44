// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/functions.h"

#include <algorithm>
#include <array>

namespace clew::query::promql {
namespace {

constexpr ValueType kScalar = ValueType::kScalar;
constexpr ValueType kVector = ValueType::kVector;
constexpr ValueType kMatrix = ValueType::kMatrix;
constexpr ValueType kString = ValueType::kString;
constexpr FunctionId kNotYet = FunctionId::kUnsupported;

// By name.
constexpr auto kTable = std::to_array<Function>({
    {"abs", FunctionId::kAbs, {kVector}},
    {"absent", FunctionId::kAbsent, {kVector}},
    {"absent_over_time", FunctionId::kAbsentOverTime, {kMatrix}},
    {"acos", FunctionId::kAcos, {kVector}},
    {"acosh", FunctionId::kAcosh, {kVector}},
    {"asin", FunctionId::kAsin, {kVector}},
    {"asinh", FunctionId::kAsinh, {kVector}},
    {"atan", FunctionId::kAtan, {kVector}},
    {"atanh", FunctionId::kAtanh, {kVector}},
    {"avg_over_time", FunctionId::kAvgOverTime, {kMatrix}},
    {"ceil", FunctionId::kCeil, {kVector}},
    {"changes", FunctionId::kChanges, {kMatrix}},
    {"clamp", FunctionId::kClamp, {kVector, kScalar, kScalar}},
    {"clamp_max", FunctionId::kClampMax, {kVector, kScalar}},
    {"clamp_min", FunctionId::kClampMin, {kVector, kScalar}},
    {"cos", FunctionId::kCos, {kVector}},
    {"cosh", FunctionId::kCosh, {kVector}},
    {"count_over_time", FunctionId::kCountOverTime, {kMatrix}},
    {"day_of_month", FunctionId::kDayOfMonth, {kVector}, 1},
    {"day_of_week", FunctionId::kDayOfWeek, {kVector}, 1},
    {"day_of_year", FunctionId::kDayOfYear, {kVector}, 1},
    {"days_in_month", FunctionId::kDaysInMonth, {kVector}, 1},
    {"deg", FunctionId::kDeg, {kVector}},
    {"delta", FunctionId::kDelta, {kMatrix}},
    {"deriv", FunctionId::kDeriv, {kMatrix}},
    {"double_exponential_smoothing", kNotYet, {kMatrix, kScalar, kScalar}},
    {"end", kNotYet, {}, 0, kScalar},
    {"exp", FunctionId::kExp, {kVector}},
    {"first_over_time", FunctionId::kFirstOverTime, {kMatrix}},
    {"floor", FunctionId::kFloor, {kVector}},
    {"histogram_avg", FunctionId::kHistogramAvg, {kVector}},
    {"histogram_count", FunctionId::kHistogramCount, {kVector}},
    {"histogram_fraction", FunctionId::kHistogramFraction, {kScalar, kScalar, kVector}},
    {"histogram_quantile", FunctionId::kHistogramQuantile, {kScalar, kVector}},
    {"histogram_quantiles", kNotYet, {kVector, kString, kScalar, kScalar}, 9},
    {"histogram_stddev", FunctionId::kHistogramStddev, {kVector}},
    {"histogram_stdvar", FunctionId::kHistogramStdvar, {kVector}},
    {"histogram_sum", FunctionId::kHistogramSum, {kVector}},
    {"hour", FunctionId::kHour, {kVector}, 1},
    {"idelta", FunctionId::kIdelta, {kMatrix}},
    {"increase", FunctionId::kIncrease, {kMatrix}},
    {"info", kNotYet, {kVector, kVector}, 1},
    {"irate", FunctionId::kIrate, {kMatrix}},
    {"label_join", FunctionId::kLabelJoin, {kVector, kString, kString, kString}, -1},
    {"label_replace", FunctionId::kLabelReplace, {kVector, kString, kString, kString, kString}},
    {"last_over_time", FunctionId::kLastOverTime, {kMatrix}},
    {"ln", FunctionId::kLn, {kVector}},
    {"log10", FunctionId::kLog10, {kVector}},
    {"log2", FunctionId::kLog2, {kVector}},
    {"mad_over_time", kNotYet, {kMatrix}},
    {"max_of", kNotYet, {kScalar, kScalar}, 0, kScalar},
    {"max_over_time", FunctionId::kMaxOverTime, {kMatrix}},
    {"min_of", kNotYet, {kScalar, kScalar}, 0, kScalar},
    {"min_over_time", FunctionId::kMinOverTime, {kMatrix}},
    {"minute", FunctionId::kMinute, {kVector}, 1},
    {"month", FunctionId::kMonth, {kVector}, 1},
    {"pi", FunctionId::kPi, {}, 0, kScalar},
    {"predict_linear", FunctionId::kPredictLinear, {kMatrix, kScalar}},
    {"present_over_time", FunctionId::kPresentOverTime, {kMatrix}},
    {"quantile_over_time", FunctionId::kQuantileOverTime, {kScalar, kMatrix}},
    {"rad", FunctionId::kRad, {kVector}},
    {"range", kNotYet, {}, 0, kScalar},
    {"rate", FunctionId::kRate, {kMatrix}},
    {"resets", FunctionId::kResets, {kMatrix}},
    {"round", FunctionId::kRound, {kVector, kScalar}, 1},
    {"scalar", FunctionId::kScalar, {kVector}, 0, kScalar},
    {"sgn", FunctionId::kSgn, {kVector}},
    {"sin", FunctionId::kSin, {kVector}},
    {"sinh", FunctionId::kSinh, {kVector}},
    {"sort", FunctionId::kSort, {kVector}},
    {"sort_by_label", kNotYet, {kVector, kString}, -1},
    {"sort_by_label_desc", kNotYet, {kVector, kString}, -1},
    {"sort_desc", FunctionId::kSortDesc, {kVector}},
    {"sqrt", FunctionId::kSqrt, {kVector}},
    {"start", kNotYet, {}, 0, kScalar},
    {"start_timestamp", kNotYet, {kVector}},
    {"stddev_over_time", FunctionId::kStddevOverTime, {kMatrix}},
    {"stdvar_over_time", FunctionId::kStdvarOverTime, {kMatrix}},
    {"step", kNotYet, {}, 0, kScalar},
    {"sum_over_time", FunctionId::kSumOverTime, {kMatrix}},
    {"tan", FunctionId::kTan, {kVector}},
    {"tanh", FunctionId::kTanh, {kVector}},
    {"time", FunctionId::kTime, {}, 0, kScalar},
    {"timestamp", FunctionId::kTimestamp, {kVector}},
    {"ts_of_first_over_time", kNotYet, {kMatrix}},
    {"ts_of_last_over_time", kNotYet, {kMatrix}},
    {"ts_of_max_over_time", kNotYet, {kMatrix}},
    {"ts_of_min_over_time", kNotYet, {kMatrix}},
    {"vector", FunctionId::kVector, {kScalar}},
    {"year", FunctionId::kYear, {kVector}, 1},
});

}  // namespace

const Function* FindFunction(std::string_view name) {
  const auto found = std::ranges::lower_bound(kTable, name, {}, &Function::name);
  return found != kTable.end() && found->name == name ? &*found : nullptr;
}

std::span<const Function> AllFunctions() { return kTable; }

bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kTime:
    case FunctionId::kTimestamp: return true;
    default: return false;
  }
}

}  // namespace clew::query::promql
