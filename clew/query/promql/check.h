// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/query/promql/ast.h"

namespace clew::query::promql {

// Checks the types of a tree that the parser made, and completes it: matching is taken from operations that are not
// between instant vectors, set operations match many to many. The first mistake comes back as the parser's errors do.
base::Status CheckTypes(Expr& expr, std::string_view query);

// Whether a series without the label matches.
bool MatchesEmpty(const model::LabelMatcher& matcher);

}  // namespace clew::query::promql
