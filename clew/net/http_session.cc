// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <exception>

#include "clew/base/log.h"

namespace clew::net {
namespace {

// A slow peer has to move this much within each body_timeout.
constexpr size_t kProgressBytes = 64u << 10;
// How long and how much is read of a peer that was told that its connection ends: closing with bytes unread resets the
// connection, and the reset may overtake the answer.
constexpr std::chrono::seconds kLingerTime{5};
constexpr size_t kLingerBytes = 128u << 20;
constexpr size_t kBodyReadBytes = 256u << 10;

// A handler's request and its reply, on their way to a pool.
struct Job {
  HttpRequest request;
  HttpReply reply;
  const HttpRouter::Route* route;

  void Run() {
    try {
      route->handler(std::move(request), std::move(reply));
    } catch (const std::exception& exception) {
      // The reply answers 500 as it goes out of scope.
      base::LogError("the handler of {} threw: {}", route->pattern, exception.what());
    }
  }
};

// A body's share of the memory for bodies.
struct BodyLease {
  explicit BodyLease(std::shared_ptr<std::atomic<size_t>> used_in) : used(std::move(used_in)) {}
  ~BodyLease() { used->fetch_sub(held, std::memory_order_relaxed); }
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;

  std::shared_ptr<std::atomic<size_t>> used;
  size_t held = 0;
};

// RFC 9110 section 5.6.7, made once a second.
const std::string& DateNow() {
  thread_local std::time_t last = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    last = now;
    text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
  }
  return text;
}

// No field may break out of its line.
void AppendField(std::string& head, std::string_view name, std::string_view value) {
  const size_t start = head.size();
  head.append(name).append(": ").append(value);
  std::replace_if(
      head.begin() + static_cast<ptrdiff_t>(start), head.end(), [](unsigned char c) { return c < 0x20 && c != '\t'; },
      ' ');
  head += "\r\n";
}

bool IsServersOwn(std::string_view name) {
  return std::ranges::any_of(
      std::to_array<std::string_view>({"Content-Length", "Connection", "Date", "Transfer-Encoding", "Content-Type"}),
      [&](std::string_view own) { return EqualsIgnoringCase(name, own); });
}

std::string FormatHead(const HttpResponse& response, bool keep_alive) {
  std::string head;
  head.reserve(256);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 ReasonPhrase(response.status), DateNow());
  if (!response.content_type.empty()) AppendField(head, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) {
    if (!IsServersOwn(name)) AppendField(head, name, value);
  }
  // RFC 9110 section 8.6: none with 1xx, 204; 304 has no body whose length could be told.
  if (response.status >= 200 && response.status != 204 && response.status != 304) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", response.body.size());
  }
  head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

}  // namespace

IoThread::IoThread(const HttpServerOptions& options)
    : longest_tick_(std::clamp(std::min({options.idle_timeout, options.header_timeout, options.body_timeout}) / 4,
                               std::chrono::milliseconds(10), std::chrono::milliseconds(1000))) {}

void IoThread::Start(const std::string& name) {
  thread_ = std::thread([this, name] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    io_.run();
  });
}

void IoThread::Join() {
  work_.reset();
  thread_.join();
}

void IoThread::Add(Session& session) {
  sessions_.insert(&session);
  if (!ticking_) ArmTick(true);
}

void IoThread::ArmTick(bool busy) {
  ticking_ = true;
  tick_.expires_after(busy ? std::min(longest_tick_, std::chrono::milliseconds(250)) : longest_tick_);
  tick_.async_wait([this](ErrorCode error) {
    if (!error) Tick();
  });
}

void IoThread::Tick() {
  ticking_ = false;
  if (sessions_.empty()) return;
  const auto now = Session::Clock::now();
  bool busy = false;
  for (Session* session : sessions_) busy |= session->Tick(now);
  ArmTick(busy);
}

void IoThread::CloseIdle() {
  for (Session* session : sessions_) session->CloseIdle();
}

void IoThread::AbortAll() {
  // Aborted sessions may end at once and leave the set.
  std::vector<std::shared_ptr<Session>> sessions;
  for (Session* session : sessions_) sessions.push_back(session->shared_from_this());
  for (const auto& session : sessions) session->Abort();
  tick_.cancel();
}

Session::Session(ServerState& state, IoThread& thread, std::unique_ptr<Stream> stream, std::string remote,
                 bool overloaded)
    : state_(state),
      thread_(thread.shared_from_this()),
      stream_(std::move(stream)),
      remote_(std::move(remote)),
      overloaded_(overloaded),
      buffer_(std::max(kReadBufferBytes, state.options.header_limit_bytes + 1)) {}

void Session::Start() {
  thread_->Add(*this);
  // One that was accepted while the server stopped: it ends at its first read.
  if (state_.stopping) stream_->Close();
  asio::co_spawn(thread_->io(), Run(), [self = shared_from_this()](const std::exception_ptr& exception) {
    if (exception) {
      base::LogError("a connection ended for want of memory or by a bug; the others go on");
      if (self->cancelled_) self->cancelled_->store(true, std::memory_order_relaxed);
    }
    self->stream_->Close();
    self->thread_->Remove(*self);
    ServerState& state = self->state_;
    const base::MutexLock lock(state.mutex);
    --state.open_connections;
    // Under the lock, since the server may be gone right after.
    state.closed.notify_all();
  });
}

bool Session::Tick(Clock::time_point now) {
  if (now >= expiry_) {
    timed_out_ = true;
    stream_->Cancel();
  }
  if (handling_ && !gone_ && stream_->PeerIsGone()) {
    gone_ = true;
    cancelled_->store(true, std::memory_order_relaxed);
    state_.cancelled.fetch_add(1, std::memory_order_relaxed);
  }
  return !idle_;
}

void Session::CloseIdle() {
  if (idle_ || lingering_) stream_->Close();
}

void Session::Abort() {
  aborted_ = true;
  if (cancelled_) cancelled_->store(true, std::memory_order_relaxed);
  stream_->Close();
  if (waiter_) std::exchange(waiter_, nullptr)();
}

void Session::Arm(Clock::duration limit) {
  expiry_ = Clock::now() + limit;
  timed_out_ = false;
}

asio::awaitable<void> Session::Run() {
  buffer_.reserve(buffer_.max_size());
  if (stream_->tls()) {
    Arm(state_.options.header_timeout);
    const auto [error] = co_await stream_->HandshakeAsServer();
    if (error) co_return;
  }
  while (co_await ServeOne()) {
  }
  if (!broken_ && !aborted_) co_await Linger();
}

asio::awaitable<bool> Session::ServeOne() {
  request_ = HttpRequest();
  request_.remote = remote_;
  request_.tls = stream_->tls();
  refusal_.reset();
  filtered_.reset();

  Step step = co_await ReadHead();
  if (step == Step::kGoOn) step = Admit();
  if (step == Step::kGoOn) step = co_await ReadBody();
  if (step == Step::kRefuse) co_return co_await Refuse();
  if (step == Step::kClose) {
    broken_ = true;
    co_return false;
  }
  const bool is_head = request_.method == "HEAD";
  const bool keep_alive = parser_->keep_alive();
  co_await Handle();
  if (aborted_) co_return false;
  co_return co_await Write(*std::exchange(response_, std::nullopt), is_head, keep_alive && !gone_);
}

asio::awaitable<Session::Step> Session::ReadHead() {
  parser_.emplace(state_.options.header_limit_bytes, request_);
  Arm(state_.options.idle_timeout);
  bool started = false;
  for (;;) {
    ErrorCode error;
    if (parser_->ParseHead(buffer_, error)) break;
    if (error) {
      refusal_ = RefusalOf(error);
      co_return Step::kRefuse;
    }
    if (!started && (buffer_.size() > 0 || parser_->got_some())) {
      started = true;
      Arm(state_.options.header_timeout);
    }
    idle_ = !started;
    if (idle_ && state_.stopping) co_return Step::kClose;
    error = co_await Fill();
    idle_ = false;
    if (!error) continue;
    if (!started || aborted_) co_return Step::kClose;
    if (timed_out_) co_return RefuseWith(408, base::Code::kDeadlineExceeded, "the request's header took too long");
    if (error == asio::error::eof) {
      co_return RefuseWith(400, base::Code::kInvalidArgument, "malformed HTTP request: it ends within its header");
    }
    co_return Step::kClose;
  }
  if (auto refusal = CompleteHead(*parser_, request_)) {
    refusal_ = std::move(refusal);
    co_return Step::kRefuse;
  }
  co_return Step::kGoOn;
}

Session::Step Session::Admit() {
  if (overloaded_) {
    state_.overloaded.fetch_add(1, std::memory_order_relaxed);
    return RefuseWith(503, base::Code::kResourceExhausted, "too many connections; try again later");
  }
  filtered_ = state_.router->ApplyFilters(request_);
  if (filtered_) return Step::kRefuse;
  match_ = state_.router->Find(request_.method, request_.raw_path);
  if (match_.route == nullptr) {
    if (match_.allowed_methods.empty()) return RefuseWith(404, base::Code::kNotFound, "there is nothing at this path");
    return RefuseWith(405, base::Code::kUnimplemented, fmt::format("this path takes {} only", match_.allowed_methods));
  }
  request_.path_parameters = std::move(match_.path_parameters);
  body_limit_ = match_.route->options.body_limit.value_or(state_.options.body_limit_bytes);
  const auto length = parser_->content_length();
  if (length && *length > body_limit_) {
    return RefuseWith(413, base::Code::kResourceExhausted,
                      fmt::format("the body has {} bytes, the limit is {}", *length, body_limit_));
  }
  return Step::kGoOn;
}

asio::awaitable<Session::Step> Session::ReadBody() {
  const auto length = parser_->content_length();
  const bool has_body = parser_->chunked() || length.value_or(0) > 0;
  if (!has_body) co_return Step::kGoOn;
  next_progress_ = kProgressBytes;
  Arm(state_.options.body_timeout);
  if (buffer_.size() == 0 && parser_->version() >= 11 && request_.headers.Has("Expect")) {
    if (!co_await WriteBytes("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return Step::kClose;
    Arm(state_.options.body_timeout);
  }
  request_.admission = std::make_shared<BodyLease>(state_.body_bytes);
  // Not one co_await of a conditional expression: g++ 12 destroys its result twice.
  Step step;
  if (parser_->chunked()) {
    step = co_await ReadChunkedBody();
  } else {
    step = co_await ReadSizedBody(*length);
  }
  state_.received_body_bytes.fetch_add(request_.body.size(), std::memory_order_relaxed);
  co_return step;
}

// Straight into the body, past the parser: no second copy.
asio::awaitable<Session::Step> Session::ReadSizedBody(uint64_t length) {
  std::string& body = request_.body;
  // Address space only; memory follows as bytes come.
  body.reserve(length);
  const size_t buffered = std::min<size_t>(buffer_.size(), length);
  if (!Lease(buffered)) co_return Step::kRefuse;
  body.append(static_cast<const char*>(buffer_.data().data()), buffered);
  buffer_.consume(buffered);
  while (body.size() < length) {
    const size_t before = body.size();
    const size_t wanted = std::min<size_t>(length - before, kBodyReadBytes);
    body.resize_and_overwrite(before + wanted, [](char*, size_t size) { return size; });
    const auto [error, count] = co_await stream_->ReadSome(asio::buffer(body.data() + before, wanted));
    body.resize(before + count);
    if (error) co_return OnBodyError(error);
    if (!Lease(count)) co_return Step::kRefuse;
    BodyProgress(body.size());
  }
  co_return Step::kGoOn;
}

asio::awaitable<Session::Step> Session::ReadChunkedBody() {
  parser_->body_limit(body_limit_);
  size_t wire_bytes = 0;
  for (;;) {
    const size_t before = request_.body.size();
    ErrorCode error;
    const bool done = parser_->ParseBody(buffer_, error);
    if (!Lease(request_.body.size() - before)) co_return Step::kRefuse;
    if (error == boost::beast::http::error::body_limit) {
      co_return RefuseWith(413, base::Code::kResourceExhausted,
                           fmt::format("the body is longer than the limit of {} bytes", body_limit_));
    }
    if (error) {
      refusal_ = RefusalOf(error);
      co_return Step::kRefuse;
    }
    if (done) co_return Step::kGoOn;
    const size_t held = buffer_.size();
    error = co_await Fill();
    if (error) co_return OnBodyError(error);
    wire_bytes += buffer_.size() - held;
    // Chunks of one byte weigh six on the wire; heavier ones carry nothing but padding in their extensions.
    if (wire_bytes > 8 * body_limit_ + kReadBufferBytes) {
      co_return RefuseWith(413, base::Code::kResourceExhausted, "the chunks are mostly padding");
    }
    BodyProgress(wire_bytes);
  }
}

Session::Step Session::OnBodyError(ErrorCode error) {
  if (aborted_) return Step::kClose;
  if (timed_out_) return RefuseWith(408, base::Code::kDeadlineExceeded, "the request's body came too slowly");
  if (error == asio::error::eof) {
    return RefuseWith(400, base::Code::kInvalidArgument, "malformed HTTP request: it ends within its body");
  }
  return Step::kClose;
}

void Session::BodyProgress(size_t received) {
  if (received < next_progress_) return;
  next_progress_ = received + kProgressBytes;
  Arm(state_.options.body_timeout);
}

bool Session::Lease(size_t bytes) {
  auto* lease = static_cast<BodyLease*>(request_.admission.get());
  lease->held += bytes;
  const size_t used = state_.body_bytes->fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (used <= state_.options.body_memory_bytes) return true;
  state_.overloaded.fetch_add(1, std::memory_order_relaxed);
  RefuseWith(503, base::Code::kResourceExhausted, "too many requests are in work; try again later");
  return false;
}

Session::Step Session::RefuseWith(int status, base::Code code, std::string message) {
  refusal_ = Refusal{status, {code, std::move(message), {}}};
  if (status == 503) refusal_->error.retry_after = state_.options.retry_after;
  return Step::kRefuse;
}

asio::awaitable<bool> Session::Refuse() {
  state_.refused_requests.fetch_add(1, std::memory_order_relaxed);
  const bool is_head = request_.method == "HEAD";
  const bool head_done = parser_->is_header_done();
  // What a refused request still sends is not read, so its connection ends with it.
  const bool unread = !head_done || parser_->chunked() || parser_->content_length().value_or(0) > 0;
  const bool well_formed = refusal_ ? refusal_->status == 404 || refusal_->status == 405 : true;
  HttpResponse response =
      filtered_ ? *std::move(filtered_) : state_.router->RenderError(request_, refusal_->status, refusal_->error);
  if (response.status == 405 && response.Header("Allow").empty()) {
    response.headers.emplace_back("Allow", match_.allowed_methods);
  }
  if (refusal_ && refusal_->error.retry_after.count() > 0 && response.Header("Retry-After").empty()) {
    response.headers.emplace_back("Retry-After", fmt::format("{}", state_.options.retry_after.count()));
  }
  request_.body = std::string();
  co_return co_await Write(std::move(response), is_head, well_formed && !unread && parser_->keep_alive());
}

asio::awaitable<void> Session::Handle() {
  cancelled_ = request_.cancelled;
  gone_ = false;
  HttpReply reply([weak = weak_from_this(), thread = thread_](HttpResponse response) {
    auto self = weak.lock();
    if (!self) return;
    asio::dispatch(thread->io(), [self = std::move(self), response = std::move(response)]() mutable {
      self->OnReply(std::move(response));
    });
  });
  const auto job = std::make_shared<Job>(std::move(request_), std::move(reply), match_.route);
  expiry_ = Clock::time_point::max();
  handling_ = true;
  bool accepted = true;
  switch (match_.route->options.run) {
    case Run::kOnIoThread: job->Run(); break;
    case Run::kOnPool: accepted = state_.pool.Submit([job] { job->Run(); }); break;
    case Run::kOnShortPool: accepted = state_.short_pool.Submit([job] { job->Run(); }); break;
  }
  if (accepted) {
    state_.requests.fetch_add(1, std::memory_order_relaxed);
  } else {
    state_.overloaded.fetch_add(1, std::memory_order_relaxed);
    state_.refused_requests.fetch_add(1, std::memory_order_relaxed);
    RefuseWith(503, base::Code::kResourceExhausted, "too many requests wait already; try again later");
    HttpResponse response = state_.router->RenderError(job->request, refusal_->status, refusal_->error);
    if (response.Header("Retry-After").empty()) {
      response.headers.emplace_back("Retry-After", fmt::format("{}", state_.options.retry_after.count()));
    }
    job->reply(std::move(response));
  }
  co_await WaitForReply();
  handling_ = false;
}

asio::awaitable<void> Session::WaitForReply() {
  while (!response_ && !aborted_) {
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [this](auto handler) { waiter_ = std::move(handler); }, asio::use_awaitable);
  }
}

void Session::OnReply(HttpResponse response) {
  response_ = std::move(response);
  if (waiter_) std::exchange(waiter_, nullptr)();
}

asio::awaitable<bool> Session::Write(HttpResponse response, bool is_head, bool keep_alive) {
  keep_alive = keep_alive && !state_.stopping;
  const bool has_body = !is_head && response.status >= 200 && response.status != 204 && response.status != 304;
  const std::string head = FormatHead(response, keep_alive);
  if (!co_await WriteBytes(head, has_body ? std::string_view(response.body) : std::string_view())) {
    broken_ = true;
    co_return false;
  }
  if (has_body) state_.sent_body_bytes.fetch_add(response.body.size(), std::memory_order_relaxed);
  co_return keep_alive;
}

asio::awaitable<bool> Session::WriteBytes(std::string_view head, std::string_view body) {
  Arm(state_.options.body_timeout);
  size_t since_progress = 0;
  while (!head.empty() || !body.empty()) {
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(body)};
    const auto [error, count] = co_await stream_->WriteSome(buffers);
    if (error) co_return false;
    const size_t of_head = std::min(count, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(count - of_head);
    since_progress += count;
    if (since_progress >= kProgressBytes) {
      since_progress = 0;
      Arm(state_.options.body_timeout);
    }
  }
  co_return true;
}

asio::awaitable<ErrorCode> Session::Fill() {
  const auto [error, count] = co_await stream_->ReadSome(buffer_.prepare(buffer_.max_size() - buffer_.size()));
  buffer_.commit(count);
  co_return error;
}

asio::awaitable<void> Session::Linger() {
  Arm(kLingerTime);
  lingering_ = true;
  if (stream_->tls()) (void)co_await stream_->CloseNotify();
  stream_->ShutdownSend();
  buffer_.consume(buffer_.size());
  for (size_t drained = 0; drained < kLingerBytes && !timed_out_ && !aborted_ && !state_.stopping;) {
    const auto [error, count] = co_await stream_->DrainSome(buffer_.prepare(buffer_.max_size()));
    if (error) co_return;
    drained += count;
  }
}

}  // namespace clew::net
