// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "clew/base/json_reader.h"
#include "clew/base/result.h"
#include "clew/net/http_client.h"
#include "clew/net/url.h"

namespace CLI {
class App;
}

namespace clew::cli {

// The options that every command shares that asks a running server.
struct ServerOptions {
  std::string server;  // empty: CLEW_SERVER, then http://127.0.0.1:7070
  std::string token_file;
  std::string tenant;

  // Adds --server, --token-file and --tenant.
  void AddTo(CLI::App& command);
};

// --from, --to, --service and --limit, for commands that list things.
struct ListOptions {
  std::string from;
  std::string to;
  std::string service;
  unsigned limit = 0;  // 0: what the server takes

  void AddTo(CLI::App& command, std::string_view what);
  // Puts what was given among the parameters of a request.
  void Append(net::Parameters& parameters) const;
};

// --format text|json.
void AddFormatOption(CLI::App& command, std::string& format);

// Asks one server. Not thread-safe.
class ApiClient {
 public:
  // INVALID_ARGUMENT: no URL, no readable token.
  static base::Result<ApiClient> Make(const ServerOptions& options);

  // The body of a 2xx answer. Else the server's own message; UNAVAILABLE says how to start one where none answers.
  base::Result<std::string> Get(std::string_view path, const net::Parameters& parameters);
  base::Result<base::JsonValue> PostJson(std::string_view path, std::string_view json_body);
  base::Result<base::JsonValue> GetJson(std::string_view path, const net::Parameters& parameters);

 private:
  ApiClient() = default;
  base::Result<std::string> Send(net::ClientRequest request);
  base::Result<base::JsonValue> Read(base::Result<std::string> body) const;
  std::string base_url_;
  std::string authorization_;
  std::string tenant_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace clew::cli
