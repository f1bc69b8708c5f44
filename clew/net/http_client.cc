// SPDX-License-Identifier: Apache-2.0
#include "clew/net/http_client.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "clew/base/bytes.h"
#include "clew/base/thread_annotations.h"
#include "clew/net/http_parser.h"
#include "clew/net/resolver.h"
#include "clew/net/stream.h"

namespace clew::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kHeaderLimit = 256u << 10;

// What an exchange came to, before it is known whether it may be tried again.
struct Failure {
  base::Error error;
  // Nothing of an answer has come, so a kept connection was most likely closed before it had the request.
  bool before_answer = false;
};

template <typename T>
using Outcome = std::expected<T, Failure>;

// One connection and the loop that drives it; used by one thread at a time.
class Connection {
 public:
  explicit Connection(std::string key) : key_(std::move(key)), buffer_(std::max(kReadBufferBytes, kHeaderLimit + 1)) {}

  const std::string& key() const { return key_; }
  Clock::time_point idle_since() const { return idle_since_; }
  void SetIdle() { idle_since_ = Clock::now(); }
  // A kept connection on which anything has come, mostly its end.
  bool IsStale() {
    if (buffer_.size() > 0 || stream_->PeerIsGone()) return true;
    ErrorCode error;
    return !stream_->tls() && (stream_->socket().available(error) > 0 || error);
  }

  base::Status Connect(const Url& url, asio::ssl::context* tls, bool verify, Clock::time_point deadline);
  // `head` and `body` are the request. The answer, and whether the connection can be kept.
  Outcome<std::pair<HttpResponse, bool>> Exchange(std::string_view head, std::string_view body, bool is_head,
                                                  size_t limit, Clock::time_point deadline);

 private:
  // Runs `work` to its end; false once `deadline` has passed, with the connection closed.
  template <typename Work>
  bool RunUntil(Work work, Clock::time_point deadline);
  asio::awaitable<ErrorCode> Send(std::string_view head, std::string_view body);
  asio::awaitable<void> Receive(bool is_head, size_t limit, Outcome<std::pair<HttpResponse, bool>>& outcome);
  asio::awaitable<ErrorCode> Fill();

  const std::string key_;
  asio::io_context io_{1};
  std::optional<Stream> stream_;
  ReadBuffer buffer_;
  Clock::time_point idle_since_;
};

base::Error TimedOut(std::string_view what) {
  return {base::Code::kDeadlineExceeded, fmt::format("{} took too long", what), {}};
}

template <typename Work>
bool Connection::RunUntil(Work work, Clock::time_point deadline) {
  bool done = false;
  asio::co_spawn(io_, std::move(work), [&done](const std::exception_ptr& exception) {
    done = true;
    if (exception) std::rethrow_exception(exception);
  });
  io_.restart();
  io_.run_until(deadline);
  if (done) return true;
  if (stream_) stream_->Close();
  io_.run();
  return false;
}

base::Status Connection::Connect(const Url& url, asio::ssl::context* tls, bool verify, Clock::time_point deadline) {
  CLEW_ASSIGN_OR_RETURN(const auto endpoints, Resolve(url.host, url.port, deadline));
  const std::string peer = url.HostHeader();
  ErrorCode error;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    // An address that swallows packets must not take the time of those behind it.
    const auto now = Clock::now();
    const auto share = (deadline - now) / static_cast<int64_t>(endpoints.size() - i);
    Tcp::socket socket(io_);
    if (tls != nullptr) {
      stream_.emplace(std::move(socket), *tls);
    } else {
      stream_.emplace(std::move(socket));
    }
    const bool in_time = RunUntil(
        [&]() -> asio::awaitable<void> {
          const auto [result] = co_await stream_->socket().async_connect(endpoints[i], kAwait);
          error = result;
        },
        now + share);
    if (in_time && !error) break;
    if (!in_time && i + 1 == endpoints.size()) return std::unexpected(TimedOut(fmt::format("connecting to {}", peer)));
    if (in_time && i + 1 == endpoints.size()) {
      return base::Unavailable(fmt::format("cannot connect to {}: {}", peer, error.message()));
    }
  }
  ErrorCode ignored;
  stream_->socket().set_option(Tcp::no_delay(true), ignored);
  if (tls == nullptr) return {};

  const bool in_time = RunUntil(
      [&]() -> asio::awaitable<void> {
        const auto [result] = co_await stream_->HandshakeAsClient(url.host, verify);
        error = result;
      },
      deadline);
  if (!in_time) return std::unexpected(TimedOut(fmt::format("TLS with {}", peer)));
  if (error) {
    const bool is_tls = error.category() == asio::error::get_ssl_category();
    return base::Fail(is_tls ? base::Code::kFailedPrecondition : base::Code::kUnavailable,
                      fmt::format("TLS with {} failed: {}", peer, error.message()));
  }
  return {};
}

Outcome<std::pair<HttpResponse, bool>> Connection::Exchange(std::string_view head, std::string_view body, bool is_head,
                                                            size_t limit, Clock::time_point deadline) {
  Outcome<std::pair<HttpResponse, bool>> outcome = std::unexpected(Failure{});
  const bool in_time = RunUntil(
      [&]() -> asio::awaitable<void> {
        const ErrorCode send_error = co_await Send(head, body);
        // A server may answer (413, 503) and stop reading before it has all, so the answer is looked for anyway.
        co_await Receive(is_head, limit, outcome);
        if (send_error && outcome) outcome->second = false;
        if (send_error && !outcome && outcome.error().before_answer) {
          outcome.error().error.message = fmt::format("cannot send to {}: {}", key_, send_error.message());
        }
      },
      deadline);
  if (!in_time) return std::unexpected(Failure{TimedOut(fmt::format("the answer of {}", key_)), false});
  return outcome;
}

asio::awaitable<ErrorCode> Connection::Send(std::string_view head, std::string_view body) {
  while (!head.empty() || !body.empty()) {
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head), asio::buffer(body)};
    const auto [error, count] = co_await stream_->WriteSome(buffers);
    if (error) co_return error;
    const size_t of_head = std::min(count, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(count - of_head);
  }
  co_return ErrorCode();
}

asio::awaitable<ErrorCode> Connection::Fill() {
  const auto [error, count] = co_await stream_->ReadSome(buffer_.prepare(buffer_.max_size() - buffer_.size()));
  buffer_.commit(count);
  co_return error;
}

asio::awaitable<void> Connection::Receive(bool is_head, size_t limit, Outcome<std::pair<HttpResponse, bool>>& outcome) {
  namespace beast_http = boost::beast::http;
  const auto fail = [&](base::Code code, std::string message, bool before_answer = false) {
    outcome = std::unexpected(Failure{{code, std::move(message), {}}, before_answer});
  };
  HttpHeaders headers;
  HttpResponse response;
  std::optional<ResponseParser> parser;
  for (bool interim = true; interim;) {
    headers = HttpHeaders();
    parser.emplace(kHeaderLimit, headers, response.body);
    parser->skip(is_head);
    ErrorCode error;
    while (!parser->ParseHead(buffer_, error)) {
      if (error) co_return fail(base::Code::kInternal, fmt::format("{} answers no HTTP: {}", key_, error.message()));
      const bool nothing_yet = !parser->got_some() && buffer_.size() == 0;
      error = co_await Fill();
      if (error) {
        co_return fail(base::Code::kUnavailable, fmt::format("{} hung up without an answer: {}", key_, error.message()),
                       nothing_yet);
      }
    }
    // RFC 9110 section 15.2: interim answers may come ahead of the answer, asked for or not.
    interim = parser->status() >= 100 && parser->status() < 200 && parser->status() != 101;
  }
  parser->body_limit(limit);
  if (parser->content_length().value_or(0) > limit && !is_head) {
    co_return fail(base::Code::kOutOfRange, fmt::format("the answer of {} is longer than {} bytes", key_, limit));
  }
  ErrorCode error;
  while (!parser->is_done() && !parser->ParseBody(buffer_, error)) {
    if (error == beast_http::error::body_limit) {
      co_return fail(base::Code::kOutOfRange, fmt::format("the answer of {} is longer than {} bytes", key_, limit));
    }
    if (error) co_return fail(base::Code::kInternal, fmt::format("{} answers no HTTP: {}", key_, error.message()));
    error = co_await Fill();
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
      parser->put_eof(error);
      if (!error) break;
    }
    if (error) {
      co_return fail(base::Code::kUnavailable, fmt::format("{} hung up within its answer: {}", key_, error.message()));
    }
  }
  response.status = parser->status();
  response.content_type = headers.Get("Content-Type");
  for (const auto& [name, value] : headers) response.headers.emplace_back(name, value);
  const bool keep = parser->keep_alive() && buffer_.size() == 0;
  outcome = std::pair(std::move(response), keep);
}

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

bool IsLine(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

base::Result<std::string> FormatRequest(const ClientRequest& request, const Url& url, std::string_view user_agent) {
  if (!IsToken(request.method)) return base::InvalidArgument("the HTTP method is no token");
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, url.target, url.HostHeader());
  const auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  bool has_user_agent = false;
  bool has_authorization = false;
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name) || !IsLine(value)) {
      return base::InvalidArgument("a request header has a line break or another character that no header takes");
    }
    has_user_agent |= EqualsIgnoringCase(name, "User-Agent");
    has_authorization |= EqualsIgnoringCase(name, "Authorization");
    add(name, value);
  }
  if (!has_user_agent) add("User-Agent", user_agent);
  // RFC 7617
  if (!has_authorization && !url.userinfo.empty()) add("Authorization", "Basic " + base::ToBase64(url.userinfo));
  if (!request.content_type.empty()) {
    if (!IsLine(request.content_type)) return base::InvalidArgument("the content type has a line break");
    add("Content-Type", request.content_type);
  }
  const bool expects_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (expects_body || !request.body.empty()) add("Content-Length", fmt::format("{}", request.body.size()));
  head += "\r\n";
  return head;
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(HttpClientOptions options_in) : options(std::move(options_in)) {}

  std::unique_ptr<Connection> TakeIdle(const std::string& key) EXCLUDES(mutex);
  void Keep(std::unique_ptr<Connection> connection) EXCLUDES(mutex);
  // Made once, since reading the system's authorities takes long.
  base::Result<asio::ssl::context*> Tls() EXCLUDES(mutex);

  const HttpClientOptions options;
  base::Mutex mutex;
  std::deque<std::unique_ptr<Connection>> idle GUARDED_BY(mutex);  // longest idle first
  std::unique_ptr<asio::ssl::context> tls GUARDED_BY(mutex);
};

std::unique_ptr<Connection> HttpClient::Impl::TakeIdle(const std::string& key) {
  std::deque<std::unique_ptr<Connection>> dropped;
  const base::MutexLock lock(mutex);
  const auto oldest = Clock::now() - options.idle_timeout;
  while (!idle.empty() && idle.front()->idle_since() < oldest) {
    dropped.push_back(std::move(idle.front()));
    idle.pop_front();
  }
  for (auto it = idle.rbegin(); it != idle.rend(); ++it) {
    if ((*it)->key() != key) continue;
    auto connection = std::move(*it);
    idle.erase(std::next(it).base());
    return connection;
  }
  return nullptr;
}

void HttpClient::Impl::Keep(std::unique_ptr<Connection> connection) {
  std::unique_ptr<Connection> dropped;
  const base::MutexLock lock(mutex);
  connection->SetIdle();
  idle.push_back(std::move(connection));
  if (idle.size() > options.idle_connections) {
    dropped = std::move(idle.front());
    idle.pop_front();
  }
}

base::Result<asio::ssl::context*> HttpClient::Impl::Tls() {
  const base::MutexLock lock(mutex);
  if (tls) return tls.get();
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  ErrorCode error;
  if (options.ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(options.ca_file, error);
  }
  if (error) {
    return base::InvalidArgument(fmt::format("certificate authorities {}: {}; expected a PEM file",
                                             options.ca_file.empty() ? "of the system" : options.ca_file,
                                             error.message()));
  }
  if (!options.client_certificate_file.empty()) {
    context->use_certificate_chain_file(options.client_certificate_file, error);
    if (!error) context->use_private_key_file(options.client_key_file, asio::ssl::context::pem, error);
    if (error) {
      return base::InvalidArgument(fmt::format("client certificate {} with key {}: {}; expected two PEM files",
                                               options.client_certificate_file, options.client_key_file,
                                               error.message()));
    }
  }
  tls = std::move(context);
  return tls.get();
}

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

base::Result<HttpResponse> HttpClient::Send(const ClientRequest& request, Clock::time_point deadline) {
  CLEW_ASSIGN_OR_RETURN(const Url url, Url::Parse(request.url));
  CLEW_ASSIGN_OR_RETURN(const std::string head, FormatRequest(request, url, impl_->options.user_agent));
  asio::ssl::context* tls = nullptr;
  if (url.tls) {
    CLEW_ASSIGN_OR_RETURN(tls, impl_->Tls());
  }
  const std::string key = fmt::format("{}://{}:{}", url.tls ? "https" : "http", url.host, url.port);
  const bool is_head = request.method == "HEAD";
  const bool repeatable = request.repeatable || IsIdempotent(request.method);
  try {
    for (;;) {
      auto connection = impl_->TakeIdle(key);
      const bool kept = connection != nullptr;
      if (kept && connection->IsStale()) continue;
      if (!kept) {
        connection = std::make_unique<Connection>(key);
        CLEW_RETURN_IF_ERROR(connection->Connect(url, tls, !impl_->options.insecure_skip_verify, deadline));
      }
      auto outcome = connection->Exchange(head, request.body, is_head, impl_->options.response_limit_bytes, deadline);
      if (!outcome) {
        if (kept && repeatable && outcome.error().before_answer) continue;
        return std::unexpected(std::move(outcome).error().error);
      }
      if (outcome->second) impl_->Keep(std::move(connection));
      return std::move(outcome->first);
    }
  } catch (const std::exception& exception) {
    return base::Internal(fmt::format("cannot talk to {}: {}", key, exception.what()));
  }
}

}  // namespace clew::net
