// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

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

// The types of a function's arguments.
class ArgumentTypes {
 public:
  constexpr ArgumentTypes(std::initializer_list<ValueType> types) : count_(types.size()) {
    std::ranges::copy(types, types_.begin());
  }
  constexpr size_t size() const { return count_; }
  constexpr const ValueType* begin() const { return types_.data(); }
  constexpr const ValueType* end() const { return types_.data() + count_; }
  constexpr ValueType operator[](size_t i) const { return types_[i]; }

 private:
  std::array<ValueType, 5> types_{};
  size_t count_;
};

// The signature of a PromQL function (Prometheus: querying/functions).
struct Function {
  std::string_view name;
  FunctionId id = FunctionId::kUnsupported;
  ArgumentTypes arguments{};
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
