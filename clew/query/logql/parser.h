// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"
#include "clew/query/logql/ast.h"

namespace clew::query::logql {

// Longest query that is read, in bytes (Loki's own default is 5 KiB for Grafana; scripts send more).
inline constexpr size_t kMaxQueryBytes = 64u << 10;
// Deepest nesting of parentheses.
inline constexpr int kMaxDepth = 64;

// INVALID_ARGUMENT with Loki's wording ("parse error at line 1, col 5: …") for what is no LogQL; UNIMPLEMENTED, naming
// the construct, for LogQL that Clew does not have yet (parsers, formatters, metric queries).
base::Result<Query> Parse(std::string_view text);

// Just a stream selector, as /series?match[]= takes it.
base::Result<std::vector<model::LabelMatcher>> ParseSelector(std::string_view text);

// The query written in Loki's canonical form; parsing it again gives the same query.
std::string Format(const Query& query);

}  // namespace clew::query::logql
