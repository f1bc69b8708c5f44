// SPDX-License-Identifier: Apache-2.0
#include "clew/api/clew/compare_api.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clew/api/clew/parameters.h"
#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/query/evidence/attribute_counter.h"
#include "clew/rca/differences.h"
#include "clew/store/log_reader.h"
#include "clew/store/span_reader.h"

namespace clew::api::clew_api {
namespace {

// Rows that are looked at; the answer says where there were more.
constexpr uint64_t kMostRows = 500'000;
constexpr uint8_t kErrorSeverity = 17;

using query::evidence::AttributeCounter;

// What makes a row belong to the group. Exactly one of these is asked for.
struct Group {
  bool errors = false;
  std::optional<std::chrono::nanoseconds> min_duration;
  std::optional<store::AttributeMatch> attribute;
  std::optional<base::UnixNanos> since;
};

struct Asked {
  bool logs = false;
  store::TimeRange range;
  std::string service;
  std::string operation;
  bool requests = false;
  Group group;
  uint32_t limit = 0;
};

base::Result<Asked> ReadAsked(const net::Parameters& parameters, base::UnixNanos now) {
  CLEW_ASSIGN_OR_RETURN(const store::TraceQuery query, ReadTraceQuery(parameters, now));
  Asked asked;
  asked.range = query.range;
  asked.service = query.service;
  asked.operation = query.operation;
  CLEW_ASSIGN_OR_RETURN(asked.limit, ReadLimit(parameters, 20, 500));
  const std::string_view signal = parameters.Get("signal", "spans");
  if (signal != "spans" && signal != "logs") {
    return base::InvalidArgument("parameter 'signal': expected spans or logs");
  }
  asked.logs = signal == "logs";
  CLEW_ASSIGN_OR_RETURN(asked.requests, ReadFlag(parameters, "requests"));
  Group& group = asked.group;
  group.errors = query.errors_only;
  group.min_duration = query.min_duration;
  if (!query.attributes.empty()) group.attribute = query.attributes.front();
  if (const std::string_view text = parameters.Get("since"); !text.empty()) {
    const auto time = base::ParseTime(text, now);
    if (!time) return base::InvalidArgument("parameter 'since': " + time.error().message);
    group.since = *time;
  }
  const int conditions = (group.errors ? 1 : 0) + (group.min_duration ? 1 : 0) +
                         static_cast<int>(query.attributes.size()) + (group.since ? 1 : 0);
  if (conditions != 1) {
    return base::InvalidArgument(
        "expected one parameter that says what makes the group: errors=true, min_duration, attribute or since");
  }
  if (asked.logs && (group.min_duration || asked.requests || !asked.operation.empty())) {
    return base::InvalidArgument("parameters 'min_duration', 'operation' and 'requests' are of spans, not of logs");
  }
  return asked;
}

template <typename Batch>
bool HasAttribute(const Batch& batch, size_t row, const store::AttributeMatch& match) {
  for (const model::Range range : {batch.attribute_range[row], batch.resources[batch.resource[row]].attributes}) {
    const auto* found = model::FindAttribute(batch.attributes, batch.strings, range, match.key);
    if (found != nullptr && model::ValueToText(batch.attributes, batch.strings, found->value) == match.value) {
      return true;
    }
  }
  return false;
}

// What a service was asked: spans of kind server and consumer, and roots of any other kind.
bool IsRequest(const model::SpanBatch& batch, size_t row) {
  const model::SpanKind kind = batch.kind[row];
  return kind == model::SpanKind::kServer || kind == model::SpanKind::kConsumer || batch.parent_span_id[row].IsZero();
}

bool Counts(const model::SpanBatch& batch, size_t row, const Asked& asked) {
  return !asked.requests || IsRequest(batch, row);
}
bool Counts(const model::LogBatch&, size_t, const Asked&) { return true; }

bool IsInside(const model::SpanBatch& batch, size_t row, const Group& group) {
  if (group.errors) return batch.status_code[row] == model::StatusCode::kError;
  if (group.min_duration) return batch.duration(row) >= group.min_duration->count();
  if (group.since) return static_cast<int64_t>(batch.start_time[row]) >= *group.since;
  return HasAttribute(batch, row, *group.attribute);
}

bool IsInside(const model::LogBatch& batch, size_t row, const Group& group) {
  if (group.errors) return batch.severity_number[row] >= kErrorSeverity;
  if (group.since) return static_cast<int64_t>(batch.effective_time(row)) >= *group.since;
  return HasAttribute(batch, row, *group.attribute);
}

base::Status Count(store::Store& store, const model::RequestContext& context, const Asked& asked,
                   AttributeCounter& counter) {
  const auto count = [&](const auto& batch) {
    counter.Add(
        batch, [&](size_t row) { return Counts(batch, row, asked); },
        [&](size_t row) { return IsInside(batch, row, asked.group); });
    return base::Status();
  };
  if (asked.logs) {
    store::LogQuery query;
    query.range = asked.range;
    query.limit = kMostRows;
    if (!asked.service.empty()) query.streams.push_back({model::MatchType::kEqual, "service_name", asked.service});
    return store::LogReader(store, context).Scan(query, count);
  }
  store::SpanFilter filter;
  filter.range = asked.range;
  filter.service = asked.service;
  filter.operation = asked.operation;
  filter.limit = kMostRows;
  return store::SpanReader(store, context).Scan(filter, count);
}

void WriteShare(rca::Share share, base::JsonWriter& json) {
  json.BeginObject().Field("count", static_cast<uint64_t>(share.k)).Field("share", share.value()).EndObject();
}

}  // namespace

void CompareApi::Register(net::HttpRouter& router) const {
  router.Add("GET", "/api/clew/compare",
             net::Synchronous([this](const net::HttpRequest& request) { return Compare(request); }));
}

net::HttpResponse CompareApi::Compare(const net::HttpRequest& request) const {
  const auto context = http::ContextOf(request);
  if (!context) return http::JsonError(context.error());
  const auto asked = ReadAsked(request.query, base::Clock::System().Now());
  if (!asked) return http::JsonError(asked.error());
  AttributeCounter counter;
  if (const base::Status status = Count(store_, *context, *asked, counter); !status) {
    return http::JsonError(status.error());
  }
  std::vector<model::AttributeCount> counts = counter.Counts();
  // What makes the group sets it apart by definition.
  if (asked->group.attribute) {
    std::erase_if(counts, [&](const auto& count) { return count.key == asked->group.attribute->key; });
  }
  const size_t tried = counts.size();
  base::JsonWriter json;
  json.BeginObject().Field("from", base::FormatTime(asked->range.from)).Field("to", base::FormatTime(asked->range.to));
  json.Field("inside", counter.inside()).Field("outside", counter.outside()).Field("tried", uint64_t{tried});
  json.Field("complete", counter.inside() + counter.outside() < kMostRows).Key("differences").BeginArray();
  for (const rca::Difference& difference :
       rca::RankDifferences(std::move(counts), counter.inside(), counter.outside(), asked->limit)) {
    json.BeginObject().Field("key", difference.key).Field("value", difference.value);
    json.Field("outcome", difference.outcome).Key("inside");
    WriteShare(difference.inside, json);
    json.Key("outside");
    WriteShare(difference.outside, json);
    json.Field("rise", difference.rise).Field("chance", difference.chance).EndObject();
  }
  json.EndArray().EndObject();
  return net::HttpResponse::Json(200, json.Take());
}

}  // namespace clew::api::clew_api
