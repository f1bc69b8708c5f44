// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "clew/base/result.h"
#include "clew/engine/engine.h"

namespace clew::engine {

// ClickHouse inside this process (libchdb), loaded when it is first opened.
struct ChdbOptions {
  // Its folder; made where it is missing. One process at a time, one engine a process at a time.
  std::string data_dir;
  // libchdb.so; empty: CLEW_LIBCHDB, <program>/../lib/clew/libchdb.so, then the cache that the set-up fills
  // (${XDG_CACHE_HOME:-~/.cache}/clew/chdb-<version>/libchdb.so).
  std::string library_path = {};
  // Connections, and so queries at one time.
  uint32_t connections = 6;
  // Bound of all memory that the engine takes.
  uint64_t memory_bytes = uint64_t{2} << 30;
  // What inserts and merges leave free on the disk: one that would take more is refused before it begins. 0: 256 MiB,
  // or a sixteenth of a small disk.
  uint64_t keep_free_bytes = 0;
  // Threads of one query.
  uint32_t query_threads = 2;
};

// The version of libchdb that Clew is built for and tested with.
inline constexpr const char* kChdbVersion = "26.5.3";

// FAILED_PRECONDITION: the folder is held by another process (which is named) or by another engine of this one, or
// there is no library; PERMISSION_DENIED: the folder cannot be written.
base::Result<std::unique_ptr<Engine>> OpenChdb(const ChdbOptions& options);

}  // namespace clew::engine
