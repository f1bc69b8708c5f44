// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "clew/query/promql/functions.h"

namespace clew::query::promql {

// A point in time in UTC, by the Gregorian calendar without end in either direction.
struct CivilTime {
  int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;
  int hour = 0;
  int minute = 0;
  int weekday = 4;  // Sunday is 0
  int year_day = 1;
  int days_in_month = 31;
};

using DateFunction = double (*)(const CivilTime& time);

// nullptr for functions that are not about dates.
DateFunction FindDateFunction(FunctionId id);

// The part of the date that `function` takes of Unix seconds; NaN where they are no point in time.
double DatePart(DateFunction function, double unix_seconds);

}  // namespace clew::query::promql
