// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::engine {

// An error of ClickHouse, from its text "Code: 241. DB::Exception: …" (the same over HTTP and in process). One line,
// cut to a length a person reads.
base::Error ErrorOf(std::string_view text);

// The part of a table that an error of code DATA_LOSS names. Both are plain words.
struct DamagedPart {
  std::string table;
  std::string name;
  auto operator<=>(const DamagedPart&) const = default;
};
std::optional<DamagedPart> DamagedPartOf(const base::Error& error);

}  // namespace clew::engine
