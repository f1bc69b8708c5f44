// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/base/json_reader.h"
#include "clew/cli/terminal.h"

namespace clew::cli {

// One trace as /api/clew/traces/{id} gives it, drawn for a terminal: a line a span, indented below its parent, with a
// bar where it lay in the trace; log records stand below the span that wrote them. Spans whose parent is missing, or
// that name each other as parents, stand at the top level.
std::string DrawWaterfall(const base::JsonValue& trace, const Terminal& terminal);

}  // namespace clew::cli
