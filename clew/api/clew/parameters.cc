// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace clew::api::clew_api {
namespace {

std::unexpected<base::Error> Wrong(std::string_view name, std::string_view expected) {
  return base::InvalidArgument(fmt::format("parameter '{}': expected {}", name, expected));
}

base::Status ReadAttributes(const net::Parameters& parameters, std::vector<store::AttributeMatch>& attributes) {
  for (const std::string_view text : parameters.All("attribute")) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return Wrong("attribute", "KEY=VALUE");
    attributes.push_back({std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))});
  }
  return {};
}

base::Status ReadDuration(const net::Parameters& parameters, std::string_view name,
                          std::optional<std::chrono::nanoseconds>& out) {
  const std::string_view text = parameters.Get(name);
  if (text.empty()) return {};
  const auto duration = base::ParseDuration(text);
  if (!duration) return Wrong(name, "a duration such as 250ms or 1.5s");
  out = *duration;
  return {};
}

}  // namespace

base::Result<store::TimeRange> ReadRange(const net::Parameters& parameters, base::UnixNanos now,
                                         std::chrono::nanoseconds otherwise) {
  store::TimeRange range{now - otherwise.count(), now};
  if (const std::string_view text = parameters.Get("to"); !text.empty()) {
    const auto time = base::ParseTime(text, now);
    if (!time) return base::InvalidArgument("parameter 'to': " + time.error().message);
    range.to = *time;
    range.from = range.to - otherwise.count();
  }
  if (const std::string_view text = parameters.Get("from"); !text.empty()) {
    const auto time = base::ParseTime(text, now);
    if (!time) return base::InvalidArgument("parameter 'from': " + time.error().message);
    range.from = *time;
  }
  if (range.IsEmpty()) return Wrong("from", "a time before 'to'");
  return range;
}

base::Result<uint32_t> ReadLimit(const net::Parameters& parameters, uint32_t otherwise, uint32_t most) {
  const std::string_view text = parameters.Get("limit");
  if (text.empty()) return otherwise;
  uint32_t limit = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || rest != text.data() + text.size() || limit < 1 || limit > most) {
    return Wrong("limit", fmt::format("1 to {}", most));
  }
  return limit;
}

base::Result<bool> ReadFlag(const net::Parameters& parameters, std::string_view name) {
  const std::string_view text = parameters.Get(name);
  if (text.empty() || text == "false" || text == "0") return false;
  if (text == "true" || text == "1") return true;
  return Wrong(name, "true or false");
}

base::Result<store::TraceQuery> ReadTraceQuery(const net::Parameters& parameters, base::UnixNanos now) {
  store::TraceQuery query;
  CLEW_ASSIGN_OR_RETURN(query.range, ReadRange(parameters, now));
  CLEW_ASSIGN_OR_RETURN(query.limit, ReadLimit(parameters, 20, 1000));
  CLEW_ASSIGN_OR_RETURN(query.errors_only, ReadFlag(parameters, "errors"));
  CLEW_RETURN_IF_ERROR(ReadAttributes(parameters, query.attributes));
  CLEW_RETURN_IF_ERROR(ReadDuration(parameters, "min_duration", query.min_duration));
  CLEW_RETURN_IF_ERROR(ReadDuration(parameters, "max_duration", query.max_duration));
  query.service = parameters.Get("service");
  query.operation = parameters.Get("operation");
  if (const std::string_view kind = parameters.Get("kind"); !kind.empty()) {
    query.kind = model::SpanKindOf(kind);
    if (*query.kind == model::SpanKind::kUnspecified) {
      return Wrong("kind", "internal, server, client, producer or consumer");
    }
  }
  const std::string_view order = parameters.Get("order", "newest");
  if (order != "newest" && order != "slowest") return Wrong("order", "newest or slowest");
  query.order = order == "newest" ? store::TraceOrder::kNewest : store::TraceOrder::kSlowest;
  return query;
}

base::Result<store::LogQuery> ReadLogQuery(const net::Parameters& parameters, base::UnixNanos now) {
  store::LogQuery query;
  CLEW_ASSIGN_OR_RETURN(query.range, ReadRange(parameters, now));
  CLEW_ASSIGN_OR_RETURN(query.limit, ReadLimit(parameters, 100, 5000));
  CLEW_RETURN_IF_ERROR(ReadAttributes(parameters, query.attributes));
  for (const std::string_view text : parameters.All("text")) {
    if (!text.empty()) query.lines.push_back({store::LineFilter::Kind::kContains, std::string(text)});
  }
  if (const std::string_view service = parameters.Get("service"); !service.empty()) {
    query.streams.push_back({model::MatchType::kEqual, "service_name", std::string(service)});
  }
  if (const std::string_view text = parameters.Get("trace_id"); !text.empty()) {
    const auto id = model::TraceId::FromHex(text);
    if (!id) return Wrong("trace_id", "32 hexadecimal digits");
    query.trace_ids.push_back(*id);
  }
  if (const std::string_view text = parameters.Get("span_id"); !text.empty()) {
    query.span_id = model::SpanId::FromHex(text);
    if (!query.span_id) return Wrong("span_id", "16 hexadecimal digits");
  }
  if (const std::string_view text = parameters.Get("severity"); !text.empty()) {
    static constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "fatal"};
    const auto level = std::ranges::find(kLevels, text);
    if (level == kLevels.end()) return Wrong("severity", "trace, debug, info, warn, error or fatal");
    query.min_severity = static_cast<uint8_t>(1 + 4 * (level - kLevels.begin()));
  }
  const std::string_view order = parameters.Get("order", "newest");
  if (order != "newest" && order != "oldest") return Wrong("order", "newest or oldest");
  query.newest_first = order == "newest";
  return query;
}

}  // namespace clew::api::clew_api
