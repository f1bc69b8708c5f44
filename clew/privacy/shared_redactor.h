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
// is there but cannot be used: nobody wants pseudonyms that no longer match by surprise; INVALID_ARGUMENT where the
// policy has a rule that cannot be.
base::Result<std::shared_ptr<Redactor>> MakeSharedRedactor(Policy policy, std::string& warning);

// Takes over what has come into that file since, and adds a key where it is time for one, for a process that runs on.
// An error, which is to be shown once, where the file can no longer be used: the keys read before stay.
base::Status RenewSharedKeys(Redactor& redactor);

}  // namespace clew::privacy
