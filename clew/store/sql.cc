// SPDX-License-Identifier: Apache-2.0
#include "clew/store/sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clew/store/schema.h"

namespace clew::store {

Conditions::Conditions(const model::TenantId& tenant)
    : tenant_(tenant.name()), where_("\nWHERE tenant = {tenant:String}") {
  parameters_.Text("tenant", tenant_);
}

Conditions& Conditions::Add(std::string_view sql) {
  where_ += " AND ";
  where_ += sql;
  return *this;
}

Conditions& Conditions::AddText(std::string_view sql, std::string_view parameter, std::string_view value) {
  parameters_.Text(parameter, value);
  return Add(sql);
}

Conditions& Conditions::AddInt(std::string_view sql, std::string_view parameter, int64_t value) {
  parameters_.Int(parameter, value);
  return Add(sql);
}

Conditions& Conditions::AddTraceIds(std::span<const model::TraceId> trace_ids) {
  if (trace_ids.empty()) return *this;
  if (trace_ids.size() == 1) {
    parameters_.Text("trace_id", trace_ids[0].View());
    return Add("trace_id = {trace_id:FixedString(16)}");
  }
  std::vector<std::string> ids;
  ids.reserve(trace_ids.size());
  for (const model::TraceId& id : trace_ids) ids.emplace_back(id.View());
  parameters_.Texts("trace_ids", ids);
  return Add("trace_id IN {trace_ids:Array(FixedString(16))}");
}

Conditions& Conditions::AddIds(std::string_view sql, std::string_view parameter, std::span<const uint64_t> ids) {
  parameters_.Uints(parameter, ids);
  return Add(sql);
}

Conditions& Conditions::AddBucketedRange(std::string_view column, TimeRange range) {
  // An open end says nothing; times before 1970 do not exist in these columns.
  if (range.from > 0) {
    parameters_.Int("from", range.from);
    Add(fmt::format("{0} >= {{from:UInt64}} AND intDiv({0}, {1}) >= intDiv({{from:UInt64}}, {1})", column,
                    kBucketNanos));
  }
  if (range.to != TimeRange().to) {
    parameters_.Int("to", std::max<int64_t>(0, range.to));
    Add(fmt::format("{0} < {{to:UInt64}} AND intDiv({0}, {1}) <= intDiv({{to:UInt64}}, {1})", column, kBucketNanos));
  }
  return *this;
}

Conditions& Conditions::AddRange(std::string_view column, TimeRange range) {
  parameters_.Int("from", range.from);
  parameters_.Int("to", range.to);
  return Add(fmt::format("{0} >= {{from:Int64}} AND {0} < {{to:Int64}}", column));
}

engine::QueryOptions OptionsOf(const model::RequestContext& context) {
  engine::QueryOptions options;
  options.deadline = context.deadline;
  options.cancelled = [token = context.cancellation] { return token.cancelled(); };
  options.memory_bytes = context.memory_budget_bytes;
  return options;
}

engine::QueryOptions OrderedOptionsOf(const model::RequestContext& context) {
  engine::QueryOptions options = OptionsOf(context);
  options.settings = "read_in_order_use_buffering = 0";
  return options;
}

}  // namespace clew::store
