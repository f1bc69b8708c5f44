// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "clew/net/http_session.h"
#include "clew/net/listen.h"

namespace clew::net {
namespace {

// Beyond the limit, so many connections are still read from, to be told 503; further ones are closed unheard.
constexpr size_t kOverloadedConnections = 64;
constexpr std::chrono::milliseconds kAcceptPause{50};

std::string RemoteOf(Tcp::socket& socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getpeername(socket.native_handle(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return {};
  ErrorCode error;
  const Tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return {};
  return Address{peer.address().to_string(), peer.port()}.ToString();
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, std::shared_ptr<const HttpRouter> router)
      : state_(std::move(options), std::move(router)) {
    for (int i = 0; i < std::max(1, state_.options.io_threads); ++i) {
      threads_.push_back(std::make_shared<IoThread>(state_.options));
    }
    acceptor_.emplace(threads_.front()->io());
  }
  ~Server() override { Stop(std::chrono::steady_clock::now()); }

  base::Status Listen();
  void Run();

  Address address() const override { return address_; }
  Counters counters() const override;
  void Adopt(base::Fd connection) override;
  using HttpServer::Stop;
  void Stop(std::chrono::steady_clock::time_point deadline) override;

 private:
  asio::awaitable<void> Accept();
  void Open(IoThread& thread, Tcp::socket socket);
  IoThread& NextThread() { return *threads_[next_thread_.fetch_add(1, std::memory_order_relaxed) % threads_.size()]; }
  size_t OpenConnections() const {
    const base::MutexLock lock(state_.mutex);
    return state_.open_connections;
  }

  mutable ServerState state_;
  std::vector<std::shared_ptr<IoThread>> threads_;
  std::atomic<size_t> next_thread_ = 0;
  std::optional<Tcp::acceptor> acceptor_;  // of the first thread
  Address address_;
  bool running_ = false;

  base::Mutex stop_mutex_;
  bool stopped_ GUARDED_BY(stop_mutex_) = false;
};

base::Status Server::Listen() {
  const HttpServerOptions& options = state_.options;
  const auto failed = [&](const ErrorCode& error) {
    const bool is_errno = error.category() == asio::error::get_system_category();
    return std::unexpected(
        ListenError(options.listen, options.listen_option, is_errno ? error.value() : EADDRNOTAVAIL));
  };
  if (!options.tls_certificate_file.empty() || !options.tls_key_file.empty()) {
    CLEW_ASSIGN_OR_RETURN(state_.tls, TlsFiles::Open(options.tls_certificate_file, options.tls_key_file));
  }
  ErrorCode error;
  Tcp::resolver resolver(threads_.front()->io());
  const auto found = resolver.resolve(options.listen.host, std::to_string(options.listen.port),
                                      Tcp::resolver::passive | Tcp::resolver::numeric_service, error);
  if (error || found.empty()) return failed(error);
  // A name such as localhost has addresses of both families; programs that are given 127.0.0.1 must find us.
  Tcp::endpoint endpoint = found.begin()->endpoint();
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) {
      endpoint = entry.endpoint();
      break;
    }
  }
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error);
  const Tcp::endpoint local = acceptor_->local_endpoint(error);
  if (error) return failed(error);
  address_ = {local.address().to_string(), local.port()};
  return {};
}

void Server::Run() {
  running_ = true;
  asio::co_spawn(threads_.front()->io(), Accept(), [](const std::exception_ptr&) {});
  for (size_t i = 0; i < threads_.size(); ++i) threads_[i]->Start(fmt::format("clew-http-{}", i));
}

asio::awaitable<void> Server::Accept() {
  asio::steady_timer pause(threads_.front()->io());
  while (!state_.stopping) {
    IoThread& thread = NextThread();
    auto [error, socket] = co_await acceptor_->async_accept(thread.io(), kAwait);
    if (state_.stopping) co_return;
    if (error) {
      // Out of descriptors or memory, mostly: those who wait in the backlog get their turn when some are free again.
      pause.expires_after(kAcceptPause);
      (void)co_await pause.async_wait(kAwait);
      continue;
    }
    Open(thread, std::move(socket));
  }
}

void Server::Open(IoThread& thread, Tcp::socket socket) {
  ErrorCode ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  state_.connections.fetch_add(1, std::memory_order_relaxed);
  bool overloaded = false;
  {
    const base::MutexLock lock(state_.mutex);
    if (state_.open_connections >= state_.options.max_connections + kOverloadedConnections) return;
    overloaded = state_.open_connections >= state_.options.max_connections;
    ++state_.open_connections;
  }
  std::string remote = RemoteOf(socket);
  auto stream = state_.tls ? std::make_unique<Stream>(std::move(socket), *state_.tls->Current())
                           : std::make_unique<Stream>(std::move(socket));
  auto session = std::make_shared<Session>(state_, thread, std::move(stream), std::move(remote), overloaded);
  asio::post(thread.io(), [session = std::move(session)] { session->Start(); });
}

void Server::Adopt(base::Fd connection) {
  IoThread& thread = NextThread();
  Tcp::socket socket(thread.io());
  ErrorCode error;
  // The protocol is for the library's own records; any stream socket does.
  socket.assign(Tcp::v4(), connection.get(), error);
  if (error) return;
  (void)connection.Release();
  Open(thread, std::move(socket));
}

HttpServer::Counters Server::counters() const {
  const auto read = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {.connections = read(state_.connections),
          .open_connections = OpenConnections(),
          .requests = read(state_.requests),
          .refused_requests = read(state_.refused_requests),
          .overloaded = read(state_.overloaded),
          .cancelled = read(state_.cancelled),
          .received_body_bytes = read(state_.received_body_bytes),
          .sent_body_bytes = read(state_.sent_body_bytes)};
}

void Server::Stop(std::chrono::steady_clock::time_point deadline) {
  const base::MutexLock stop_lock(stop_mutex_);
  if (stopped_ || !running_) return;
  stopped_ = true;
  state_.stopping = true;
  asio::post(threads_.front()->io(), [this] {
    ErrorCode ignored;
    acceptor_->close(ignored);
  });
  for (const auto& thread : threads_) {
    asio::post(thread->io(), [&thread = *thread] { thread.CloseIdle(); });
  }
  const auto wait_until_closed = [this](std::chrono::steady_clock::time_point until) {
    const base::MutexLock lock(state_.mutex);
    while (state_.open_connections > 0) {
      if (state_.closed.wait_until(state_.mutex, until) == std::cv_status::timeout) return;
    }
  };
  wait_until_closed(deadline);
  for (const auto& thread : threads_) {
    asio::post(thread->io(), [&thread = *thread] { thread.AbortAll(); });
  }
  state_.pool.Stop();
  state_.short_pool.Stop();
  wait_until_closed(std::chrono::steady_clock::time_point::max());
  for (const auto& thread : threads_) thread->Join();
}

}  // namespace

base::Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                            std::shared_ptr<const HttpRouter> router) {
  CLEW_CHECK(router != nullptr);
  auto server = std::make_unique<Server>(std::move(options), std::move(router));
  CLEW_RETURN_IF_ERROR(server->Listen());
  server->Run();
  return server;
}

}  // namespace clew::net
