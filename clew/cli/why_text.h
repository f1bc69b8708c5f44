// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/base/json_reader.h"
#include "clew/cli/terminal.h"

namespace clew::cli {

// The answer of /api/clew/why for a terminal, under forty lines.
std::string DrawDiagnosis(const base::JsonValue& diagnosis, const Terminal& terminal);

}  // namespace clew::cli
