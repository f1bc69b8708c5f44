// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/json_writer.h"
#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/net/http_message.h"
#include "clew/net/http_router.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/engine.h"

namespace clew::api::prometheus {

// Answers in the form of Prometheus' HTTP API (querying/api, "Format overview").

// {"status":"success","data":…}; `data` is JSON.
net::HttpResponse Success(std::string_view data, const std::vector<std::string>& warnings = {},
                          const std::vector<std::string>& infos = {});
// {"status":"error","errorType":"bad_data","error":"…"} with the status that goes with the type.
net::HttpResponse Failure(const base::Error& error);
// The same for what the server itself answers below /api/v1.
net::HttpRouter::ErrorRenderer Failures();

// {"resultType":"vector","result":[…]}.
std::string ResultJson(const query::promql::QueryResult& result);
// The syntax tree as /api/v1/parse_query shows it.
std::string TreeJson(const query::promql::Expr& expr);

void WriteLabels(base::JsonWriter& json, const model::Labels& labels);
// Seconds with three digits after the point where they are needed.
void AppendTime(int64_t time_ms, std::string& out);

}  // namespace clew::api::prometheus
