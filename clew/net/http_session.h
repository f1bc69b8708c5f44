// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>

#include "clew/base/thread_annotations.h"
#include "clew/net/asio.h"
#include "clew/net/http_parser.h"
#include "clew/net/http_router.h"
#include "clew/net/http_server.h"
#include "clew/net/stream.h"
#include "clew/net/tls_files.h"
#include "clew/net/worker_pool.h"

namespace clew::net {

class Session;

// What all connections of one server share. Outlives every session's coroutine.
struct ServerState {
  ServerState(HttpServerOptions options_in, std::shared_ptr<const HttpRouter> router_in)
      : options(std::move(options_in)),
        router(std::move(router_in)),
        pool("clew-http-pool", options.pool_threads, options.pool_queue),
        short_pool("clew-http-short", options.short_pool_threads, options.short_pool_queue) {}

  const HttpServerOptions options;
  const std::shared_ptr<const HttpRouter> router;
  std::unique_ptr<TlsFiles> tls;
  WorkerPool pool;
  WorkerPool short_pool;
  std::atomic<bool> stopping = false;

  // Bytes of bodies read and not yet done with; requests hold it beyond the server's end.
  std::shared_ptr<std::atomic<size_t>> body_bytes = std::make_shared<std::atomic<size_t>>(0);

  std::atomic<uint64_t> connections = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> refused_requests = 0;
  std::atomic<uint64_t> overloaded = 0;
  std::atomic<uint64_t> cancelled = 0;
  std::atomic<uint64_t> received_body_bytes = 0;
  std::atomic<uint64_t> sent_body_bytes = 0;

  base::Mutex mutex;
  base::CondVar closed;
  size_t open_connections GUARDED_BY(mutex) = 0;
};

// One thread and the connections that live on it; everything of theirs happens there, so they need no locks.
class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  explicit IoThread(const HttpServerOptions& options);
  // Begins to run; `name` is the thread's.
  void Start(const std::string& name);
  // Ends once nothing is left to do.
  void Join();

  asio::io_context& io() { return io_; }
  void Add(Session& session);
  void Remove(Session& session) { sessions_.erase(&session); }
  // On the thread: closes connections that wait for a request, or all.
  void CloseIdle();
  void AbortAll();

 private:
  void ArmTick(bool busy);
  void Tick();

  const std::chrono::milliseconds longest_tick_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::steady_timer tick_{io_};
  bool ticking_ = false;
  std::unordered_set<Session*> sessions_;
  std::thread thread_;
};

// One connection: reads requests one after another, hands each to its handler, writes its answer. Lives as long as its
// coroutine. All on its IoThread, replies excepted: they come from any thread and are handed over.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Clock = std::chrono::steady_clock;

  // `overloaded`: there are too many connections already, so the first request gets 503.
  Session(ServerState& state, IoThread& thread, std::unique_ptr<Stream> stream, std::string remote, bool overloaded);
  void Start();

  // Time limits and the peer's end, at each tick. True while a request is in work.
  bool Tick(Clock::time_point now);
  void CloseIdle();
  void Abort();

 private:
  enum class Step { kGoOn, kRefuse, kClose };

  asio::awaitable<void> Run();
  // One request and its answer; false: the connection ends.
  asio::awaitable<bool> ServeOne();
  asio::awaitable<Step> ReadHead();
  Step Admit();
  asio::awaitable<Step> ReadBody();
  asio::awaitable<Step> ReadSizedBody(uint64_t length);
  asio::awaitable<Step> ReadChunkedBody();
  asio::awaitable<void> Handle();
  asio::awaitable<void> WaitForReply();
  asio::awaitable<bool> Refuse();
  asio::awaitable<bool> Write(HttpResponse response, bool is_head, bool keep_alive);
  asio::awaitable<bool> WriteBytes(std::string_view head, std::string_view body);
  asio::awaitable<ErrorCode> Fill();
  asio::awaitable<void> Linger();

  void Arm(Clock::duration limit);
  void OnReply(HttpResponse response);
  Step RefuseWith(int status, base::Code code, std::string message);
  // Counts `bytes` more of body against the memory for bodies.
  bool Lease(size_t bytes);
  Step OnBodyError(ErrorCode error);
  void BodyProgress(size_t received);

  ServerState& state_;
  const std::shared_ptr<IoThread> thread_;
  const std::unique_ptr<Stream> stream_;
  const std::string remote_;
  const bool overloaded_;
  ReadBuffer buffer_;

  // Of the request in work.
  HttpRequest request_;
  std::optional<RequestParser> parser_;
  HttpRouter::Match match_;
  size_t body_limit_ = 0;
  size_t next_progress_ = 0;
  std::optional<Refusal> refusal_;
  std::optional<HttpResponse> filtered_;  // a filter's refusal
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::optional<HttpResponse> response_;
  std::move_only_function<void()> waiter_;

  Clock::time_point expiry_ = Clock::time_point::max();
  bool timed_out_ = false;
  bool idle_ = false;
  bool handling_ = false;
  bool lingering_ = false;
  bool gone_ = false;
  bool broken_ = false;  // nothing can be written any more
  bool aborted_ = false;
};

}  // namespace clew::net
