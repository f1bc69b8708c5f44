// SPDX-License-Identifier: Apache-2.0
#include "clew/base/time.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>

namespace clew::base {
namespace {

class SystemClock final : public Clock {
 public:
  UnixNanos Now() const override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * kNanosPerSecond + now.tv_nsec;
  }
};

bool TakeDigits(std::string_view& text, size_t count, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool TakeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// RFC 3339 section 5.6; false where `text` is not of that form.
bool ParseRfc3339(std::string_view text, UnixNanos& out) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeDigits(text, 4, year) || !TakeChar(text, "-") || !TakeDigits(text, 2, month) || !TakeChar(text, "-") ||
      !TakeDigits(text, 2, day)) {
    return false;
  }
  int64_t nanos = 0;
  int64_t offset_seconds = 0;
  if (!text.empty()) {
    if (!TakeChar(text, "Tt ") || !TakeDigits(text, 2, hour) || !TakeChar(text, ":") || !TakeDigits(text, 2, minute)) {
      return false;
    }
    if (TakeChar(text, ":") && !TakeDigits(text, 2, second)) return false;
    if (TakeChar(text, ".")) {
      int64_t unit = kNanosPerSecond / 10;
      if (text.empty() || text[0] < '0' || text[0] > '9') return false;
      while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        nanos += (text[0] - '0') * unit;
        unit /= 10;
        text.remove_prefix(1);
      }
    }
    if (!text.empty() && !TakeChar(text, "Zz")) {
      const int sign = text[0] == '-' ? -1 : 1;
      int offset_hour = 0, offset_minute = 0;
      if (!TakeChar(text, "+-") || !TakeDigits(text, 2, offset_hour) || !TakeChar(text, ":") ||
          !TakeDigits(text, 2, offset_minute)) {
        return false;
      }
      offset_seconds = sign * (offset_hour * 3600 + offset_minute * 60);
    }
    if (!text.empty()) return false;
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Outside these years 64-bit nanoseconds overflow.
  if (!date.ok() || year < 1678 || year > 2261) return false;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  out = (days * 86400 + hour * 3600 + minute * 60 + second - offset_seconds) * kNanosPerSecond + nanos;
  return true;
}

bool ParseUnixTime(std::string_view text, UnixNanos& out) {
  double seconds = 0;
  const char* end = text.data() + text.size();
  int64_t whole = 0;
  if (const auto [rest, error] = std::from_chars(text.data(), end, whole); error == std::errc() && rest == end) {
    const int64_t magnitude = whole < 0 ? -whole : whole;
    int64_t unit = kNanosPerSecond;
    if (magnitude >= 100'000'000'000'000'000) {
      unit = 1;
    } else if (magnitude >= 100'000'000'000'000) {
      unit = 1000;
    } else if (magnitude >= 100'000'000'000) {
      unit = kNanosPerMilli;
    }
    return !__builtin_mul_overflow(whole, unit, &out);
  }
  if (const auto [rest, error] = std::from_chars(text.data(), end, seconds); error != std::errc() || rest != end) {
    return false;
  }
  if (!std::isfinite(seconds) || std::abs(seconds) > 9.2e9) return false;
  const double whole_seconds = std::floor(seconds);
  // Split, so that the fraction keeps its digits.
  out = static_cast<int64_t>(whole_seconds) * kNanosPerSecond +
        std::llround((seconds - whole_seconds) * static_cast<double>(kNanosPerSecond));
  return true;
}

}  // namespace

const Clock& Clock::System() {
  static const SystemClock* const clock = new SystemClock;
  return *clock;
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  const auto fail = [&] {
    return InvalidArgument(fmt::format("expected a duration such as 250ms, 1h30m or 30d, got '{}'", text));
  };
  if (text.empty()) return fail();
  if (double seconds = 0; true) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, seconds);
    if (error == std::errc() && rest == end) {
      if (!std::isfinite(seconds) || std::abs(seconds) > 9.2e9) return fail();
      return std::chrono::nanoseconds(std::llround(seconds * static_cast<double>(kNanosPerSecond)));
    }
  }
  struct Unit {
    std::string_view name;
    double nanos;
  };
  static constexpr std::array<Unit, 11> kUnits{{{"ns", 1},
                                                {"us", 1e3},
                                                {"µs", 1e3},
                                                {"ms", 1e6},
                                                {"s", 1e9},
                                                {"m", 60e9},
                                                {"h", 3600e9},
                                                {"d", 86400e9},
                                                {"w", 7 * 86400e9},
                                                {"y", 365 * 86400e9},
                                                {"", 0}}};
  double total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    double amount = 0;
    const auto [after, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), amount, std::chars_format::fixed);
    if (error != std::errc() || amount < 0) return fail();
    rest.remove_prefix(static_cast<size_t>(after - rest.data()));
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      // "m" is a prefix of "ms": the longer one comes first in the table.
      if (!unit.name.empty() && rest.starts_with(unit.name)) {
        found = &unit;
        break;
      }
    }
    if (found == nullptr) return fail();
    rest.remove_prefix(found->name.size());
    total += amount * found->nanos;
  }
  if (total > 9.2e18) return fail();
  return std::chrono::nanoseconds(std::llround(total));
}

Result<UnixNanos> ParseTime(std::string_view text, UnixNanos now) {
  std::string_view rest = text;
  if (rest.starts_with("now")) {
    rest.remove_prefix(3);
    if (rest.empty()) return now;
  }
  UnixNanos out = 0;
  if (rest.size() == text.size() && (ParseRfc3339(text, out) || ParseUnixTime(text, out))) {
    // "-15" alone is a Unix time; "-15m" is not and falls through.
    return out;
  }
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    if (const auto length = ParseDuration(rest.substr(1)); length) {
      return rest[0] == '-' ? now - length->count() : now + length->count();
    }
  }
  return InvalidArgument(fmt::format("expected a time such as 2026-11-24T19:40:00Z, 1764013200, -15m or now, got '{}'",
                                     text.substr(0, 64)));
}

std::string FormatTime(UnixNanos time) {
  int64_t seconds = time / kNanosPerSecond;
  int64_t nanos = time % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  const std::chrono::sys_seconds point{std::chrono::seconds(seconds)};
  const auto days = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(point - days);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (nanos != 0) {
    std::string fraction = fmt::format("{:09}", nanos);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += '.' + fraction;
  }
  return text + 'Z';
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  const double nanos = static_cast<double>(duration.count());
  const double magnitude = std::abs(nanos);
  if (magnitude >= 3600e9) return fmt::format("{:.3g} h", nanos / 3600e9);
  if (magnitude >= 60e9) return fmt::format("{:.3g} min", nanos / 60e9);
  if (magnitude >= 1e9) return fmt::format("{:.3g} s", nanos / 1e9);
  if (magnitude >= 1e6) return fmt::format("{:.3g} ms", nanos / 1e6);
  if (magnitude >= 1e3) return fmt::format("{:.3g} µs", nanos / 1e3);
  return fmt::format("{:.0f} ns", nanos);
}

}  // namespace clew::base
