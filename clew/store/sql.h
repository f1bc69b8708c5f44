// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "clew/engine/engine.h"
#include "clew/model/ids.h"
#include "clew/model/request_context.h"
#include "clew/store/time_range.h"

namespace clew::store {

// The WHERE of every query of a reader: it begins with the tenant, so that no query is without it. SQL text is always
// a constant of this program; what comes from outside is a parameter. Parts of one query (subqueries) share the
// parameters.
class Conditions {
 public:
  explicit Conditions(const model::TenantId& tenant);

  Conditions& Add(std::string_view sql);
  Conditions& AddText(std::string_view sql, std::string_view parameter, std::string_view value);
  Conditions& AddInt(std::string_view sql, std::string_view parameter, int64_t value);
  Conditions& AddTraceIds(std::span<const model::TraceId> trace_ids);
  Conditions& AddIds(std::string_view sql, std::string_view parameter, std::span<const uint64_t> ids);
  // Of a column of unsigned Unix nanoseconds by whose second the table is sorted.
  Conditions& AddBucketedRange(std::string_view column, TimeRange range);
  // Of a column of signed Unix nanoseconds.
  Conditions& AddRange(std::string_view column, TimeRange range);

  // "WHERE …"
  const std::string& where() const { return where_; }
  engine::Parameters& parameters() { return parameters_; }
  const std::string& tenant() const { return tenant_; }

 private:
  std::string tenant_;
  std::string where_;
  engine::Parameters parameters_;
};

// How a request's limits bound one query of it. The context outlives the options.
engine::QueryOptions OptionsOf(const model::RequestContext& context);
// For a query that reads in the order of its table and may stop early: nothing is read ahead.
engine::QueryOptions OrderedOptionsOf(const model::RequestContext& context);

}  // namespace clew::store
