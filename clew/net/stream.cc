// SPDX-License-Identifier: Apache-2.0
#include "clew/net/stream.h"

#include <openssl/ssl.h>
#include <poll.h>

#include "clew/net/address.h"

namespace clew::net {

Stream::Stream(Tcp::socket socket, asio::ssl::context& context)
    : socket_(std::move(socket)), tls_(std::make_unique<Tls>(socket_, context)) {}

Stream::~Stream() = default;

asio::awaitable<Stream::Count> Stream::ReadSome(asio::mutable_buffer buffer) {
  return tls_ ? tls_->async_read_some(buffer, kAwait) : socket_.async_read_some(buffer, kAwait);
}

asio::awaitable<Stream::Count> Stream::WriteSome(const std::array<asio::const_buffer, 2>& buffers) {
  return tls_ ? tls_->async_write_some(buffers, kAwait) : socket_.async_write_some(buffers, kAwait);
}

asio::awaitable<std::tuple<ErrorCode>> Stream::HandshakeAsServer() {
  return tls_->async_handshake(asio::ssl::stream_base::server, kAwait);
}

asio::awaitable<std::tuple<ErrorCode>> Stream::HandshakeAsClient(const std::string& host, bool verify) {
  // RFC 6066 section 3: names only, no addresses.
  if (!IsIpLiteral(host)) ::SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str());
  ErrorCode ignored;
  if (verify) {
    tls_->set_verify_mode(asio::ssl::verify_peer, ignored);
    tls_->set_verify_callback(asio::ssl::host_name_verification(host), ignored);
  } else {
    tls_->set_verify_mode(asio::ssl::verify_none, ignored);
  }
  return tls_->async_handshake(asio::ssl::stream_base::client, kAwait);
}

void Stream::Cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

asio::awaitable<std::tuple<ErrorCode>> Stream::CloseNotify() { return tls_->async_shutdown(kAwait); }

asio::awaitable<Stream::Count> Stream::DrainSome(asio::mutable_buffer buffer) {
  return socket_.async_read_some(buffer, kAwait);
}

void Stream::ShutdownSend() {
  ErrorCode ignored;
  socket_.shutdown(Tcp::socket::shutdown_send, ignored);
}

void Stream::Close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

bool Stream::PeerIsGone() {
  pollfd poll{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace clew::net
