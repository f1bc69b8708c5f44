// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "clew/query/promql/ast.h"

namespace clew::query::promql {

enum class FunctionId : uint8_t {
  kUnsupported,
  kAbs,
  kAbsent,
  kAbsentOverTime,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kAvgOverTime,
  kCeil,
  kChanges,
  kClamp,
  kClampMax,
  kClampMin,
  kCos,
  kCosh,
  kCountOverTime,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kDeg,
  kDelta,
  kDeriv,
  kExp,
  kFirstOverTime,
  kFloor,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kHour,
  kIdelta,
  kIncrease,
  kIrate,
  kLabelJoin,
  kLabelReplace,
  kLastOverTime,
  kLn,
  kLog10,
  kLog2,
  kMaxOverTime,
  kMinOverTime,
  kMinute,
  kMonth,
  kPi,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRad,
  kRate,
  kResets,
  kRound,
  kScalar,
  kSgn,
  kSin,
  kSinh,
  kSort,
  kSortDesc,
  kSqrt,
  kStddevOverTime,
  kStdvarOverTime,
  kSumOverTime,
  kTan,
  kTanh,
  kTime,
  kTimestamp,
  kVector,
  kYear,
};

// The signature of a PromQL function (Prometheus: querying/functions).
struct Function {
  std::string_view name;
  FunctionId id = FunctionId::kUnsupported;
  std::vector<ValueType> arguments;
  // 0: exactly the arguments; n > 0: the last one may be missing or stand up to n times; -1: any number of times.
  int variadic = 0;
  ValueType result = ValueType::kVector;
};

// nullptr where Prometheus has no such function either; with kUnsupported where it is known but not there yet.
const Function* FindFunction(std::string_view name);
std::span<const Function> AllFunctions();

// Whether the result may change with the time of evaluation although the arguments do not (@ modifier).
bool DependsOnTime(FunctionId id);

}  // namespace clew::query::promql
