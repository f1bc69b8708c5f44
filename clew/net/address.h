// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::net {

// Where to listen or whom to call: a host (name, IPv4 or IPv6 address without brackets) and a TCP port.
struct Address {
  std::string host;
  uint16_t port = 0;

  // "HOST:PORT", "[IPv6]:PORT" or ":PORT" (all interfaces, host "0.0.0.0"). The port is needed; 0 takes a free one when
  // listening.
  static base::Result<Address> Parse(std::string_view text);

  // "127.0.0.1:4318", "[::1]:4318".
  std::string ToString() const;
  // Whether only this machine can reach it: 127.0.0.0/8, ::1 and the name "localhost".
  bool IsLoopback() const;

  bool operator==(const Address&) const = default;
};

// Whether `host` (no port, IPv6 with or without brackets) is an address rather than a name.
bool IsIpLiteral(std::string_view host);
// Whether `host` (no port, IPv6 with or without brackets) is "localhost" or a loopback address.
bool IsLoopbackHost(std::string_view host);

}  // namespace clew::net
