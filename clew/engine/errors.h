// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"

namespace clew::engine {

// An error of ClickHouse, from its text "Code: 241. DB::Exception: …" (the same over HTTP and in process). One line,
// cut to a length a person reads.
base::Error ErrorOf(std::string_view text);

}  // namespace clew::engine
