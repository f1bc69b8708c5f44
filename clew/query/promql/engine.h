// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/model/request_context.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/source.h"

namespace clew::query::promql {

struct EngineOptions {
  // How far back an instant looks for a sample.
  int64_t lookback_ms = 5 * 60 * 1000;
  // Step of subqueries that name none; in Prometheus the global evaluation interval.
  int64_t default_subquery_step_ms = 60 * 1000;
  // Steps of a range query, both ends included, less one.
  int64_t max_points = 11'000;
  // Names are dropped from the result instead of after each operation (Prometheus' feature
  // promql-delayed-name-removal, off there by default and on in its test scripts).
  bool delayed_name_removal = false;
};

// One series of a result. An instant vector has one point a series.
struct ResultSeries {
  model::Labels labels;
  std::vector<int64_t> times_ms;
  std::vector<double> values;
  std::vector<int64_t> histogram_times_ms = {};
  std::vector<HistogramPtr> histograms = {};

  bool empty() const { return values.empty() && histograms.empty(); }
};

struct QueryResult {
  ValueType type = ValueType::kNone;
  int64_t time_ms = 0;  // of an instant query
  double scalar = 0;
  std::string text;
  std::vector<ResultSeries> series;  // of vectors and matrices; ranges are sorted by labels
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
};

// Evaluates a PromQL expression as Prometheus 3 does, within the context's deadline, cancellation and memory budget.
// Errors: INVALID_ARGUMENT for expressions that do not parse, FAILED_PRECONDITION for what goes wrong in evaluation
// (many-to-many matches, a bad regular expression of label_replace, …), RESOURCE_EXHAUSTED over the budget,
// DEADLINE_EXCEEDED, CANCELLED, and what the source returns.
base::Result<QueryResult> EvaluateInstant(Source& source, const model::RequestContext& context, std::string_view query,
                                          int64_t time_ms, const EngineOptions& options = {});
// At start, start + step, … up to end. The expression is an instant vector or a scalar; the result is a matrix.
base::Result<QueryResult> EvaluateRange(Source& source, const model::RequestContext& context, std::string_view query,
                                        int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                        const EngineOptions& options = {});

}  // namespace clew::query::promql
