// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/agent/record/layout.h"

namespace clew::agent::record {

// The mapped arena that CLEW_ATTACH names, by the first of its ways that works (handover.h); empty where none does.
// Takes at most kHandoverTimeoutMillis. Leaves no descriptor open.
ArenaView MapFromEnvironment() noexcept;
// Maps `fd` if it is an arena: sealed, of our layout, sizes that fit. The caller keeps the descriptor.
ArenaView MapDescriptor(int fd) noexcept;

}  // namespace clew::agent::record
