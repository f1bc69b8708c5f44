// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "clew/store/attribute_filter.h"
#include "clew/store/span_reader.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

using TraceIds = std::vector<model::TraceId>;

base::Result<Conditions> ConditionsOf(const TraceQuery& query, StoreState& state, const model::TenantId& tenant) {
  Conditions conditions(tenant);
  conditions.AddBucketedRange("start_time", query.range);
  if (!query.service.empty()) conditions.AddText("service_name = {service:String}", "service", query.service);
  if (!query.operation.empty()) conditions.AddText("name = {operation:String}", "operation", query.operation);
  if (query.errors_only) conditions.Add("status_code = 2");
  if (query.kind) conditions.AddInt("kind = {kind:UInt8}", "kind", static_cast<int64_t>(*query.kind));
  if (query.min_duration) {
    conditions.AddInt("duration >= {min_duration:Int64}", "min_duration", query.min_duration->count());
  }
  if (query.max_duration) {
    conditions.AddInt("duration <= {max_duration:Int64}", "max_duration", query.max_duration->count());
  }
  AddAttributeConditions(query.attributes, state.resources(), conditions);
  return conditions;
}

// The first traces in the order of their matching spans, each once. The engine stops reading as soon as it has them: a
// second holds its spans in no order of time, but seconds come in order.
base::Result<TraceIds> NewestTraces(StoreState& state, Conditions conditions, uint32_t limit,
                                    const engine::QueryOptions& options) {
  conditions.parameters().Uint("limit", limit);
  TraceIds ids;
  CLEW_RETURN_IF_ERROR(state.engine().Query(
      fmt::format("SELECT trace_id FROM spans{} ORDER BY intDiv(start_time, 1000000000) DESC, start_time DESC "
                  "LIMIT 1 BY trace_id LIMIT {{limit:UInt64}}",
                  conditions.where()),
      conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
        const auto values = block[0].Values<model::TraceId>();
        ids.insert(ids.end(), values.begin(), values.end());
        return {};
      }));
  return ids;
}

// A trace may have many slow spans: ask for more spans until there are traces enough.
base::Result<TraceIds> SlowestTraces(StoreState& state, const Conditions& conditions, uint32_t limit,
                                     const engine::QueryOptions& options) {
  for (uint64_t spans = std::max<uint64_t>(1000, uint64_t{limit} * 16);; spans *= 8) {
    Conditions own = conditions;
    own.parameters().Uint("limit", spans);
    TraceIds ids;
    std::unordered_set<model::TraceId, model::TraceIdHash> seen;
    uint64_t rows = 0;
    CLEW_RETURN_IF_ERROR(state.engine().Query(
        fmt::format("SELECT trace_id FROM spans{} ORDER BY duration DESC LIMIT {{limit:UInt64}}", own.where()),
        own.parameters(), options, [&](const engine::Block& block) -> base::Status {
          rows += block.rows;
          for (const model::TraceId& id : block[0].Values<model::TraceId>()) {
            if (ids.size() < limit && seen.insert(id).second) ids.push_back(id);
          }
          return {};
        }));
    if (ids.size() >= limit || rows < spans) return ids;
  }
}

struct SummaryBuilder {
  TraceSummary summary;
  uint64_t first = std::numeric_limits<uint64_t>::max();  // start of the span that names the trace
  uint64_t last_end = 0;
  std::map<std::string, TraceServiceSummary, std::less<>> services;

  void Add(std::string_view service, std::string_view name, bool is_root, uint64_t start, uint64_t end, bool is_error) {
    if (summary.span_count == 0 || start < summary.start_time) summary.start_time = start;
    last_end = std::max(last_end, end);
    ++summary.span_count;
    if (is_error) ++summary.error_count;
    auto found = services.find(service);
    if (found == services.end()) found = services.emplace(std::string(service), TraceServiceSummary()).first;
    ++found->second.span_count;
    if (is_error) ++found->second.error_count;
    // A root goes before any other span, an earlier one before a later one.
    if (is_root > summary.has_root || (is_root == summary.has_root && start < first)) {
      summary.has_root = is_root;
      summary.root_service = service;
      summary.root_name = name;
      first = start;
    }
  }

  TraceSummary Finish() && {
    summary.duration = last_end > summary.start_time ? last_end - summary.start_time : 0;
    for (auto& [name, service] : services) {
      service.service = name;
      summary.services.push_back(std::move(service));
    }
    return std::move(summary);
  }
};

base::Result<std::vector<TraceSummary>> Summarize(StoreState& state, const model::TenantId& tenant, const TraceIds& ids,
                                                  const engine::QueryOptions& options) {
  if (ids.empty()) return std::vector<TraceSummary>();
  Conditions conditions(tenant);
  conditions.AddTraceIds(ids);
  std::unordered_map<model::TraceId, SummaryBuilder, model::TraceIdHash> builders;
  CLEW_RETURN_IF_ERROR(state.engine().Query(
      fmt::format("SELECT trace_id, service_name, name, parent_span_id, start_time, duration, status_code FROM spans{}",
                  conditions.where()),
      conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          const uint64_t start = block[4].At<uint64_t>(row);
          builders[block[0].At<model::TraceId>(row)].Add(
              block[1].Text(row), block[2].Text(row), block[3].At<model::SpanId>(row).IsZero(), start,
              start + static_cast<uint64_t>(block[5].At<int64_t>(row)),
              block[6].At<uint8_t>(row) == static_cast<uint8_t>(model::StatusCode::kError));
        }
        return {};
      }));
  std::vector<TraceSummary> summaries;
  for (const model::TraceId& id : ids) {
    const auto found = builders.find(id);
    if (found == builders.end()) continue;
    found->second.summary.trace_id = id;
    summaries.push_back(std::move(found->second).Finish());
  }
  return summaries;
}

}  // namespace

base::Result<std::vector<TraceSummary>> SpanReader::Search(const TraceQuery& query) {
  StoreState& state = store_.state();
  Question question;
  question.range = query.range;
  question.service = query.service;
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context_));
  if (query.limit == 0 || query.range.IsEmpty()) return std::vector<TraceSummary>();

  CLEW_ASSIGN_OR_RETURN(Conditions conditions, ConditionsOf(query, state, context_.tenant));
  const engine::QueryOptions options = OptionsOf(context_);
  CLEW_ASSIGN_OR_RETURN(const TraceIds ids,
                        query.order == TraceOrder::kNewest
                            ? NewestTraces(state, std::move(conditions), query.limit, OrderedOptionsOf(context_))
                            : SlowestTraces(state, conditions, query.limit, options));
  return Summarize(state, context_.tenant, ids, options);
}

}  // namespace clew::store
