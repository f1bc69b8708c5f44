// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "clew/base/result.h"

namespace clew::engine {

// libchdb goes on after a write that failed: a merge on a full disk then puts an empty part in the place of whole ones.
// So what the library writes is led through functions of ours, which let no failure get that far:
//  - No room (ENOSPC, EDQUOT): the write waits and is tried again until there is room.
//  - A short write: the rest is written.
//  - Any other failure of a write to a file, and any of a sync: one line on standard error, and the process ends with
//    status 1. What was not finished is not in a table yet; the next start does it again from the log.
// Reading goes on meanwhile. The functions are the process', as the library is; all may be called from any thread.

// Replaces write, pwrite, writev, fsync, fdatasync, ftruncate in the import table of the loaded library that `symbol`
// lies in. FAILED_PRECONDITION where that library does not import one of them, so that it would write in another way.
base::Status GuardWrites(const void* symbol);

// RESOURCE_EXHAUSTED while a write waits for room.
base::Status WritesGoOn();

// From `when` on a write that waits for room ends the process with status 0 instead, one line on standard error; for a
// stop that would else never come to its end. time_point::max(): never.
void EndWaitingWritesAt(std::chrono::steady_clock::time_point when);

}  // namespace clew::engine
