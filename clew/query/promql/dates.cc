// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/dates.h"

#include <array>
#include <cmath>
#include <limits>

namespace clew::query::promql {
namespace {

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int64_t year, int month) {
  static constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
}

int64_t FloorDivide(int64_t value, int64_t by) {
  const int64_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

// Days since 1970-01-01 to a date, by eras of 400 years that begin in March.
CivilTime FromSeconds(int64_t seconds) {
  const int64_t days = FloorDivide(seconds, 86400);
  const int64_t second_of_day = seconds - days * 86400;
  const int64_t shifted = days + 719468;
  const int64_t era = FloorDivide(shifted, 146097);
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilTime time;
  time.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  time.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  time.year = year_of_era + era * 400 + (time.month <= 2 ? 1 : 0);
  time.hour = static_cast<int>(second_of_day / 3600);
  time.minute = static_cast<int>(second_of_day % 3600 / 60);
  time.weekday = static_cast<int>(days + 4 - FloorDivide(days + 4, 7) * 7);
  time.days_in_month = DaysInMonth(time.year, time.month);
  time.year_day = time.day;
  for (int month = 1; month < time.month; ++month) time.year_day += DaysInMonth(time.year, month);
  return time;
}

}  // namespace

DateFunction FindDateFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kDayOfMonth: return [](const CivilTime& time) { return static_cast<double>(time.day); };
    case FunctionId::kDayOfWeek: return [](const CivilTime& time) { return static_cast<double>(time.weekday); };
    case FunctionId::kDayOfYear: return [](const CivilTime& time) { return static_cast<double>(time.year_day); };
    case FunctionId::kDaysInMonth: return [](const CivilTime& time) { return static_cast<double>(time.days_in_month); };
    case FunctionId::kHour: return [](const CivilTime& time) { return static_cast<double>(time.hour); };
    case FunctionId::kMinute: return [](const CivilTime& time) { return static_cast<double>(time.minute); };
    case FunctionId::kMonth: return [](const CivilTime& time) { return static_cast<double>(time.month); };
    case FunctionId::kYear: return [](const CivilTime& time) { return static_cast<double>(time.year); };
    default: return nullptr;
  }
}

double DatePart(DateFunction function, double unix_seconds) {
  if (!(std::abs(unix_seconds) < 1e17)) return std::numeric_limits<double>::quiet_NaN();
  return function(FromSeconds(static_cast<int64_t>(unix_seconds)));
}

}  // namespace clew::query::promql
