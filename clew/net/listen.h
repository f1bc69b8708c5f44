// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"
#include "clew/net/address.h"

namespace clew::net {

// Why `address` cannot be listened on, from errno, for a person: what holds it and what to do. `option` is the
// command-line option that chooses it ("--otlp-grpc"). A busy port is UNAVAILABLE, one that needs privileges
// PERMISSION_DENIED, an address that is not this machine's INVALID_ARGUMENT.
base::Error ListenError(const Address& address, std::string_view option, int error_number);

// Tries whether `address` is free, for servers whose library does not say why it failed.
base::Status CheckListen(const Address& address, std::string_view option);

}  // namespace clew::net
