// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "clew/base/result.h"
#include "clew/engine/engine.h"

namespace clew::store {

inline constexpr uint32_t kWindowSeconds = 60;
// How far the arrival of a span's parent and children may lie from its own.
inline constexpr uint32_t kNeighbourSeconds = 120;

// Of the rows of a table of rollups those that count: of attempts that came to their end, of each window the last.
inline constexpr std::string_view kIsNamedWindow =
    "(arrived, attempt) IN (SELECT arrived, argMax(attempt, version) FROM rollup_windows GROUP BY arrived)";

// The end of the newest window that was ever made, as seconds; 0: none.
base::Result<uint32_t> RolledUpTo(engine::Engine& engine);

// Rows are about to be stored that arrived from `first_second` to `last_second`, in minutes that may be done already:
// their windows, and those of their neighbours, are to be made again.
base::Status MarkWindowsStale(engine::Engine& engine, uint32_t first_second, uint32_t last_second);

}  // namespace clew::store
