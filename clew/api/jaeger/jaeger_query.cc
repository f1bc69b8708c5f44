// SPDX-License-Identifier: Apache-2.0
#include "clew/api/jaeger/jaeger_query.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "clew/base/json_reader.h"

namespace clew::api::jaeger {
namespace {

constexpr int64_t kNanosPerMicro = 1000;
constexpr uint32_t kMaxLimit = 1500;  // as Jaeger's page offers

base::Result<int64_t> ReadInt(std::string_view name, std::string_view text) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) {
    return base::InvalidArgument(fmt::format("parameter '{}': expected a whole number", name));
  }
  return value;
}

base::Result<int64_t> ReadScaled(std::string_view name, std::string_view text, int64_t unit) {
  CLEW_ASSIGN_OR_RETURN(const int64_t value, ReadInt(name, text));
  int64_t scaled = 0;
  if (__builtin_mul_overflow(value, unit, &scaled)) {
    return base::InvalidArgument(fmt::format("parameter '{}': out of range", name));
  }
  return scaled;
}

base::Status ReadTags(const net::Parameters& parameters, std::vector<store::AttributeMatch>& attributes, bool& errors) {
  const auto add = [&](std::string key, std::string value) {
    // Jaeger's own tag for a failed span; OTLP says it with the status.
    if (key == "error" && value == "true") {
      errors = true;
    } else {
      attributes.push_back({std::move(key), std::move(value)});
    }
  };
  for (const std::string_view tags : parameters.All("tags")) {
    if (tags.empty()) continue;
    const auto json = base::ParseJson(tags);
    if (!json || !json->is_object()) {
      return base::InvalidArgument(
          "parameter 'tags': expected a JSON object of texts such as {\"http.route\":\"/cart\"}");
    }
    for (const auto& [key, value] : json->AsObject()) add(key, std::string(value.AsString()));
  }
  for (const std::string_view tag : parameters.All("tag")) {
    const size_t colon = tag.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return base::InvalidArgument("parameter 'tag': expected key:value");
    }
    add(std::string(tag.substr(0, colon)), std::string(tag.substr(colon + 1)));
  }
  return {};
}

base::Status ReadDurations(const net::Parameters& parameters, store::TraceQuery& query) {
  for (const auto& [name, target] :
       {std::pair{"minDuration", &query.min_duration}, {"maxDuration", &query.max_duration}}) {
    const std::string_view text = parameters.Get(name);
    if (text.empty()) continue;
    const auto duration = base::ParseDuration(text);
    if (!duration) {
      return base::InvalidArgument(fmt::format("parameter '{}': expected a duration such as 1.2s or 100ms", name));
    }
    *target = *duration;
  }
  if (query.min_duration && query.max_duration && *query.min_duration > *query.max_duration) {
    return base::InvalidArgument("'maxDuration' should be greater than 'minDuration'");
  }
  return {};
}

}  // namespace

base::Result<model::TraceId> ReadTraceId(std::string_view text) {
  if (!text.empty() && text.size() <= 32) {
    const std::string padded = std::string(32 - text.size(), '0') + std::string(text);
    if (const auto id = model::TraceId::FromHex(padded); id && !id->IsZero()) return *id;
  }
  return base::InvalidArgument("expected a trace id of up to 32 hexadecimal digits");
}

base::Result<TraceRequest> ReadTraceRequest(const net::Parameters& parameters, base::UnixNanos now) {
  TraceRequest request;
  for (const std::string_view text : parameters.All("traceID")) {
    CLEW_ASSIGN_OR_RETURN(const model::TraceId id, ReadTraceId(text));
    request.trace_ids.push_back(id);
  }
  store::TraceQuery& query = request.query;
  query.service = parameters.Get("service");
  if (query.service.empty() && request.trace_ids.empty()) {
    return base::InvalidArgument("parameter 'service' is required");
  }
  query.operation = parameters.Get("operation");
  // Jaeger's page sends "all" where no operation was chosen.
  if (query.operation == "all") query.operation.clear();
  query.range = {now - 3600 * base::kNanosPerSecond, now};
  if (const std::string_view text = parameters.Get("end"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(query.range.to, ReadScaled("end", text, kNanosPerMicro));
  }
  if (const std::string_view text = parameters.Get("start"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(query.range.from, ReadScaled("start", text, kNanosPerMicro));
  } else if (const std::string_view lookback = parameters.Get("lookback"); !lookback.empty() && lookback != "custom") {
    const auto duration = base::ParseDuration(lookback);
    if (!duration) return base::InvalidArgument("parameter 'lookback': expected a duration such as 1h");
    query.range.from = query.range.to - duration->count();
  }
  if (const std::string_view text = parameters.Get("limit"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(const int64_t limit, ReadInt("limit", text));
    if (limit < 1 || limit > kMaxLimit) {
      return base::InvalidArgument(fmt::format("parameter 'limit': expected 1 to {}", kMaxLimit));
    }
    query.limit = static_cast<uint32_t>(limit);
  }
  CLEW_RETURN_IF_ERROR(ReadDurations(parameters, query));
  CLEW_RETURN_IF_ERROR(ReadTags(parameters, query.attributes, query.errors_only));
  return request;
}

base::Result<store::TimeRange> ReadDependencyRange(const net::Parameters& parameters, base::UnixNanos now) {
  store::TimeRange range{now - 24 * 3600 * base::kNanosPerSecond, now};
  if (const std::string_view text = parameters.Get("endTs"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(range.to, ReadScaled("endTs", text, base::kNanosPerMilli));
    range.from = range.to - 24 * 3600 * base::kNanosPerSecond;
  }
  if (const std::string_view text = parameters.Get("lookback"); !text.empty()) {
    CLEW_ASSIGN_OR_RETURN(const int64_t lookback, ReadScaled("lookback", text, base::kNanosPerMilli));
    range.from = range.to - lookback;
  }
  return range;
}

}  // namespace clew::api::jaeger
