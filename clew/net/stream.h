// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "clew/net/asio.h"

namespace clew::net {

// A connected socket, plain or under TLS, behind one type: the operations of both are instantiated in stream.cc only,
// since each costs seconds to compile. One thread at a time.
class Stream {
 public:
  using Count = std::tuple<ErrorCode, size_t>;

  explicit Stream(Tcp::socket socket) : socket_(std::move(socket)) {}
  // Under TLS; `context` outlives the stream.
  Stream(Tcp::socket socket, asio::ssl::context& context);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Tcp::socket& socket() { return socket_; }
  bool tls() const { return tls_ != nullptr; }

  // Some bytes; at the end of the stream asio::error::eof.
  asio::awaitable<Count> ReadSome(asio::mutable_buffer buffer);
  asio::awaitable<Count> WriteSome(const std::array<asio::const_buffer, 2>& buffers);

  // TLS only.
  asio::awaitable<std::tuple<ErrorCode>> HandshakeAsServer();
  // Verifies that the certificate is for `host`, unless `verify` is off.
  asio::awaitable<std::tuple<ErrorCode>> HandshakeAsClient(const std::string& host, bool verify);

  // Ends running operations with operation_aborted; the stream stays usable.
  void Cancel();
  // TLS only: says that no more bytes follow.
  asio::awaitable<std::tuple<ErrorCode>> CloseNotify();
  // No more bytes go out.
  void ShutdownSend();
  // Bytes as they come over the wire, to be dropped.
  asio::awaitable<Count> DrainSome(asio::mutable_buffer buffer);
  void Close();
  // Whether the peer has closed its side or reset the connection, bytes not yet read notwithstanding.
  bool PeerIsGone();

 private:
  using Tls = asio::ssl::stream<Tcp::socket&>;

  Tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace clew::net
