// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "clew/base/result.h"
#include "clew/privacy/redactor.h"

namespace clew::privacy {

// How long a key for pseudonyms is in force unless somebody says otherwise.
inline constexpr auto kKeyLifetime = std::chrono::hours(24 * 90);

// The redactor of this process, with the keys of DefaultKeyFile() that agents and servers of one user share. Where
// there is no place for such a file it has a key of its own, and `warning` says so in one line. An error where the file
// is there but cannot be used: nobody wants pseudonyms that no longer match by surprise.
base::Result<std::shared_ptr<const Redactor>> MakeSharedRedactor(std::string& warning);

}  // namespace clew::privacy
