// SPDX-License-Identifier: Apache-2.0
#include "clew/api/prometheus/parameters.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "clew/base/time.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/store_source.h"
#include "clew/query/promql/text.h"

namespace clew::api::prometheus {
namespace {

namespace promql = query::promql;

// Times beyond are cut to these; both are exact in milliseconds and far outside of what can be stored.
constexpr int64_t kMinTimeMs = -(int64_t{1} << 53);
constexpr int64_t kMaxTimeMs = int64_t{1} << 53;
// How Prometheus writes the ends of its own range.
constexpr std::string_view kPrometheusMinTime = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kPrometheusMaxTime = "292277025-08-18T07:12:54.999999999Z";

std::optional<double> ParseFloat(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::unexpected<base::Error> InvalidParameter(std::string_view name, std::string_view message) {
  return base::InvalidArgument(fmt::format("invalid parameter \"{}\": {}", name, message));
}

base::Result<int64_t> ParseTime(std::string_view text) {
  if (const auto seconds = ParseFloat(text)) {
    const double whole = std::trunc(*seconds);
    if (std::abs(whole) > static_cast<double>(kMaxTimeMs) / 1000) return whole < 0 ? kMinTimeMs : kMaxTimeMs;
    return static_cast<int64_t>(whole) * 1000 + std::llround((*seconds - whole) * 1000);
  }
  // Only RFC 3339 has a T; the shared parser takes other forms, too.
  if (text.size() >= 20 && (text[10] == 'T' || text[10] == 't')) {
    if (const auto nanos = base::ParseTime(text, 0); nanos) return promql::ToMillis(*nanos);
  }
  if (text == kPrometheusMinTime) return kMinTimeMs;
  if (text == kPrometheusMaxTime || (text.starts_with('+') && text.substr(1) == kPrometheusMaxTime)) return kMaxTimeMs;
  return base::InvalidArgument(fmt::format("cannot parse {} to a valid timestamp", promql::Quote(text.substr(0, 100))));
}

base::Result<int64_t> ParseDuration(std::string_view text) {
  const std::string quoted = promql::Quote(text.substr(0, 100));
  if (const auto seconds = ParseFloat(text)) {
    if (std::abs(*seconds) > 9.2e9) {
      return base::InvalidArgument(fmt::format("cannot parse {} to a valid duration. It overflows int64", quoted));
    }
    return static_cast<int64_t>(*seconds * 1000);
  }
  if (const auto millis = promql::ParsePromDuration(text); millis) return *millis;
  return base::InvalidArgument(fmt::format("cannot parse {} to a valid duration", quoted));
}

base::Result<int64_t> TimeParameter(const net::Parameters& parameters, std::string_view name, int64_t otherwise_ms) {
  const std::string_view text = parameters.Get(name);
  if (text.empty()) return otherwise_ms;
  const auto time = ParseTime(text);
  if (time) return *time;
  return InvalidParameter(name, fmt::format("invalid time value for '{}': {}", name, time.error().message));
}

base::Result<int64_t> RequiredTime(const net::Parameters& parameters, std::string_view name) {
  const auto time = ParseTime(parameters.Get(name));
  if (time) return *time;
  return InvalidParameter(name, time.error().message);
}

base::Result<int64_t> RequiredDuration(const net::Parameters& parameters, std::string_view name) {
  const auto millis = ParseDuration(parameters.Get(name));
  if (millis) return *millis;
  return InvalidParameter(name, millis.error().message);
}

base::Result<size_t> LimitParameter(const net::Parameters& parameters) {
  const std::string_view text = parameters.Get("limit");
  if (text.empty()) return 0;
  int64_t limit = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || rest != text.data() + text.size()) {
    return InvalidParameter("limit",
                            fmt::format("expected a whole number, got {}", promql::Quote(text.substr(0, 100))));
  }
  if (limit < 0) return InvalidParameter("limit", "limit must be non-negative");
  return static_cast<size_t>(limit);
}

base::Result<store::TimeRange> RangeParameters(const net::Parameters& parameters) {
  CLEW_ASSIGN_OR_RETURN(const int64_t start, TimeParameter(parameters, "start", kMinTimeMs));
  CLEW_ASSIGN_OR_RETURN(const int64_t end, TimeParameter(parameters, "end", kMaxTimeMs));
  return promql::ToTimeRange(start, end);
}

base::Result<std::vector<std::vector<model::LabelMatcher>>> MatchParameters(const net::Parameters& parameters) {
  std::vector<std::vector<model::LabelMatcher>> sets;
  for (const std::string_view text : parameters.All("match[]")) {
    CLEW_ASSIGN_OR_RETURN(std::vector<model::LabelMatcher> matchers, promql::ParseSelector(text));
    sets.push_back(std::move(matchers));
  }
  return sets;
}

std::string UnescapeLabelName(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  std::string out;
  for (size_t i = 3; i < name.size(); ++i) {
    if (name[i] != '_') {
      out += name[i];
      continue;
    }
    if (name.substr(i).starts_with("__")) {
      out += '_';
      ++i;
      continue;
    }
    const size_t end = name.find('_', i + 1);
    uint32_t rune = 0;
    if (end == std::string_view::npos) return std::string(name);
    const auto [rest, error] = std::from_chars(name.data() + i + 1, name.data() + end, rune, 16);
    if (error != std::errc() || rest != name.data() + end || rune > 0x10FFFF) return std::string(name);
    const std::string escaped = fmt::format("\"\\U{:08x}\"", rune);
    const auto text = promql::Unquote(escaped);
    if (!text) return std::string(name);
    out += *text;
    i = end;
  }
  return out;
}

}  // namespace clew::api::prometheus
