// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/base/file.h"
#include "clew/base/result.h"

namespace clew::engine {

// Makes `folder` where it is missing and holds `folder`/clew.lock, in which stands who has it, until the Fd is closed
// or the process ends. FAILED_PRECONDITION: another process (named by its number) or another part of this one has it,
// or it is no folder; PERMISSION_DENIED: it cannot be written.
base::Result<base::Fd> LockFolder(const std::string& folder);

}  // namespace clew::engine
