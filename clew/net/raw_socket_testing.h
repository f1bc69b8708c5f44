// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>

#include "clew/base/file.h"
#include "clew/net/address.h"

namespace clew::net {

// For tests: a bare TCP client that sends what it is told, byte by byte if need be, and shows what comes back.
class RawSocket {
 public:
  explicit RawSocket(const Address& address) {
    fd_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &peer.sin_addr);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) == 0;
  }
  explicit RawSocket(base::Fd fd) : fd_(std::move(fd)), connected_(true) {}

  bool connected() const { return connected_; }

  // False once the peer has reset the connection.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  void ShutdownSend() { ::shutdown(fd_.get(), SHUT_WR); }
  // Closes with a reset.
  void Reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.Reset();
  }
  void Close() { fd_.Reset(); }

  // What comes until the peer closes, "<reset>" or "<timeout>" added where it ends otherwise.
  std::string ReadAll(std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return Read(timeout, [](const std::string&) { return false; });
  }
  // What comes until `text` is in it.
  std::string ReadUntil(std::string_view text, std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    return Read(timeout, [&](const std::string& all) { return all.find(text) != std::string::npos; });
  }

 private:
  template <typename Enough>
  std::string Read(std::chrono::milliseconds timeout, Enough enough) {
    std::string all;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!enough(all)) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd poll{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) <= 0) return all + "<timeout>";
      char buffer[65536];
      const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (count < 0) return all + "<reset>";
      if (count == 0) return all;
      all.append(buffer, static_cast<size_t>(count));
    }
    return all;
  }

  base::Fd fd_;
  bool connected_ = false;
};

}  // namespace clew::net
