// SPDX-License-Identifier: Apache-2.0
#include "clew/net/listen.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "clew/base/file.h"

namespace clew::net {

base::Error ListenError(const Address& address, std::string_view option, int error_number) {
  const std::string what = fmt::format("cannot listen on {}", address.ToString());
  switch (error_number) {
    case EADDRINUSE:
      return {
          base::Code::kUnavailable,
          fmt::format("{}: another program has that port; stop it or choose another with {} HOST:PORT (port 0 takes "
                      "a free one)",
                      what, option),
          {}};
    case EACCES:
    case EPERM:
      return {base::Code::kPermissionDenied,
              fmt::format("{}: ports below 1024 need privileges; choose another with {} HOST:PORT", what, option),
              {}};
    default:
      return {base::Code::kInvalidArgument,
              fmt::format("{}: {}; give an address of this machine with {} HOST:PORT", what,
                          std::strerror(error_number), option),
              {}};
  }
}

base::Status CheckListen(const Address& address, std::string_view option) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list) != 0) {
    return std::unexpected(ListenError(address, option, EADDRNOTAVAIL));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  const base::Fd fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd || ::bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0 || ::listen(fd.get(), 1) != 0) {
    return std::unexpected(ListenError(address, option, errno));
  }
  return {};
}

}  // namespace clew::net
