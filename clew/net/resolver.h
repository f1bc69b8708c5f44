// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/net/asio.h"

namespace clew::net {

// The addresses of a host, by the system's resolver, which cannot be interrupted: a look-up that outlasts `deadline` is
// left behind on its own thread and ends by itself. At most 16 such are under way in a process; more are UNAVAILABLE.
base::Result<std::vector<Tcp::endpoint>> Resolve(const std::string& host, uint16_t port,
                                                 std::chrono::steady_clock::time_point deadline);

}  // namespace clew::net
