// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/net/http_message.h"

namespace clew::net {

struct HttpClientOptions {
  std::string user_agent = "clew";
  size_t response_limit_bytes = 64u << 20;  // of a body; more is OUT_OF_RANGE
  size_t idle_connections = 4;              // kept open for later requests, to all hosts together
  std::chrono::milliseconds idle_timeout{30'000};

  // PEM; empty: the system's certificate authorities.
  std::string ca_file = {};
  // PEM; for servers that ask for a client certificate.
  std::string client_certificate_file = {};
  std::string client_key_file = {};
  bool insecure_skip_verify = false;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // absolute, http or https
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string content_type = {};
  std::string_view body = {};  // lives until Send returns
  // The receiver does not mind getting it twice, whatever the method: sent again where a kept connection turns out to
  // have been closed. GET, HEAD, PUT and DELETE are taken to be so.
  bool repeatable = false;
};

// Blocking HTTP/1.1 client. Keeps connections, follows no redirects, takes no proxy. Any thread; several may send at
// the same time.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The response, whatever its status. `deadline` covers name look-up, connecting, TLS, sending and receiving together:
  // DEADLINE_EXCEEDED. Who cannot be reached or hangs up is UNAVAILABLE, what is no HTTP is INTERNAL, a certificate
  // that does not hold is FAILED_PRECONDITION.
  base::Result<HttpResponse> Send(const ClientRequest& request, std::chrono::steady_clock::time_point deadline);
  base::Result<HttpResponse> Send(const ClientRequest& request, std::chrono::milliseconds timeout) {
    return Send(request, std::chrono::steady_clock::now() + timeout);
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clew::net
