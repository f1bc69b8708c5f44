// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "clew/base/result.h"
#include "clew/engine/engine.h"

namespace clew::store {

// Sort keys begin with the tenant and then the second of the event's own time, so that rows of one trace and of one
// moment lie together, and within a second by what they have in common (docs/adr/0002-storage-schema.md).
inline constexpr int64_t kBucketNanos = 1'000'000'000;

// The schema that this program reads and writes. Each version is a list of statements over the one before; data written
// by an earlier version is brought forward when it is opened.
inline constexpr uint32_t kSchemaVersion = 5;

// The tables whose partitions are days of arrival, in the order in which a day is dropped from them.
std::span<const std::string_view> DatedTables();

// Brings the engine's tables to version `target`, which only tests of migrations choose. FAILED_PRECONDITION where a
// newer Clew has written them.
base::Status MigrateSchema(engine::Engine& engine, uint32_t target = kSchemaVersion);

}  // namespace clew::store
