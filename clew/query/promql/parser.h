// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/query/promql/ast.h"

namespace clew::query::promql {

// Reads and type-checks a PromQL expression as Prometheus 3 writes it, without its experimental parts. Errors are
// INVALID_ARGUMENT in Prometheus' words, "line:column: parse error: …"; what Prometheus knows and this engine does not
// yet is said to be "not supported yet".
base::Result<ExprPtr> ParseExpr(std::string_view query);

// Reads a single instant vector selector without modifiers, as the parameter match[] takes it. At least one matcher
// does not match the empty string.
base::Result<std::vector<model::LabelMatcher>> ParseSelector(std::string_view text);

}  // namespace clew::query::promql
