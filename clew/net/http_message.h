// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <any>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/net/url.h"

namespace clew::net {

// Header fields in the order in which they came. Names are compared without regard to case (RFC 9110 section 5.1).
class HttpHeaders {
 public:
  using Pair = std::pair<std::string, std::string>;

  void Add(std::string name, std::string value) { pairs_.emplace_back(std::move(name), std::move(value)); }
  // Replaces all fields of that name.
  void Set(std::string_view name, std::string value);

  // The first field of that name.
  std::optional<std::string_view> Find(std::string_view name) const;
  // The same, empty where there is none.
  std::string_view Get(std::string_view name) const { return Find(name).value_or(std::string_view()); }
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  size_t Count(std::string_view name) const;
  // Whether one of the comma-separated words of these fields is `token`, regardless of case.
  bool HasToken(std::string_view name, std::string_view token) const;

  bool empty() const { return pairs_.empty(); }
  size_t size() const { return pairs_.size(); }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }

 private:
  std::vector<Pair> pairs_;
};

bool EqualsIgnoringCase(std::string_view left, std::string_view right);

// One request as a handler gets it. Owned by the handler.
struct HttpRequest {
  std::string method;  // as sent: "GET"
  std::string target;  // as sent: path and query
  std::string raw_path;
  std::string path;  // percent-decoded
  Parameters query;  // decoded
  Parameters path_parameters;
  HttpHeaders headers;
  std::string body;    // chunks joined; a content encoding is left as it is
  std::string remote;  // address and port of the peer, empty for a socket without one
  bool tls = false;
  // Who sent it, where a filter found out; of a type that filters and handlers agree on.
  std::any principal;
  // Set once nobody waits for the answer any more: the client went away, or the server stops for good. Shared with
  // whoever works on the request; any thread may read it.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  // Holds the body's share of what the server lets bodies take up in all; given back with the request.
  std::shared_ptr<void> admission;

  // The media type in lower case without parameters: "application/json".
  std::string MediaType() const;
  // The parameters of an urlencoded body, then those of the query: Get() finds the body's first, as Go's net/http has
  // it and thereby Prometheus and Loki. Any other body is left alone.
  base::Result<Parameters> Form() const;
};

// One answer. Content-Length, Connection, Date are the server's business.
struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no such header
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first header of that name, regardless of case; empty where there is none.
  std::string_view Header(std::string_view name) const;

  static HttpResponse Text(int status, std::string text) {
    return {status, "text/plain; charset=utf-8", {}, std::move(text)};
  }
  static HttpResponse Json(int status, std::string json) { return {status, "application/json", {}, std::move(json)}; }
};

// "Not Found" for 404; "Unknown" for numbers that RFC 9110 and its kin do not name.
std::string_view ReasonPhrase(int status);

// Takes the one answer to a request. Callable once, from any thread, also after the server is gone (then it does
// nothing). Destroyed without a call, it answers 500, so that no client waits for ever.
class HttpReply {
 public:
  using Sink = std::move_only_function<void(HttpResponse)>;

  HttpReply() = default;
  explicit HttpReply(Sink sink) : sink_(std::move(sink)) {}
  HttpReply(HttpReply&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)) {}
  HttpReply& operator=(HttpReply&& other) noexcept;
  HttpReply(const HttpReply&) = delete;
  HttpReply& operator=(const HttpReply&) = delete;
  ~HttpReply() { Abandon(); }

  void operator()(HttpResponse response);
  explicit operator bool() const { return static_cast<bool>(sink_); }

 private:
  void Abandon() noexcept;

  Sink sink_;
};

// Answers a request now or later through `reply`. Copies of one handler run at the same time on several threads.
using HttpHandler = std::function<void(HttpRequest request, HttpReply reply)>;

// The handler for a function that has the answer when it returns.
HttpHandler Synchronous(std::function<HttpResponse(const HttpRequest&)> function);

}  // namespace clew::net
