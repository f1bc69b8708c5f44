// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>

#include "clew/api/http/safety.h"
#include "clew/api/mcp/mcp.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/net/http_router.h"
#include "clew/net/http_server.h"

namespace clew::cli {
namespace {

struct McpOptions {
  ServerOptions server;
  std::string http;  // empty: standard input and output
};

// One message a line, as the specification's stdio transport has it.
void ServeLines(api::mcp::McpServer& mcp) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    if (const auto answer = mcp.Handle(line)) {
      fmt::print("{}\n", *answer);
      std::fflush(stdout);
    }
  }
}

// The specification's HTTP transport without streams: each POST is one message, answered with JSON.
int ServeHttp(api::mcp::McpServer& mcp, const std::string& listen) {
  const auto address = net::Address::Parse(listen);
  if (!address) return ReportError(base::Error{base::Code::kInvalidArgument, "--http: " + address.error().message, {}});
  if (!address->IsLoopback()) {
    return ReportError(base::Error{base::Code::kInvalidArgument,
                                   "--http " + listen +
                                       " is open to the network and nobody has to show a token there; "
                                       "take a loopback address",
                                   {}});
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::mutex one_at_a_time;
  auto router = std::make_shared<net::HttpRouter>();
  router->AddFilter(api::http::SafetyFilter({}));
  for (const char* path : {"/", "/mcp"}) {
    router->Add("POST", path, net::Synchronous([&](const net::HttpRequest& request) {
                  const std::lock_guard lock(one_at_a_time);
                  const auto answer = mcp.Handle(request.body);
                  return answer ? net::HttpResponse::Json(200, *answer) : net::HttpResponse::Text(202, "");
                }));
  }
  net::HttpServerOptions options;
  options.listen = *address;
  options.listen_option = "--http";
  const auto server = net::HttpServer::Start(std::move(options), std::move(router));
  if (!server) return ReportError(server.error());
  fmt::print("listening mcp {}\n", (*server)->address().ToString());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->Stop(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  return 0;
}

int Run(const McpOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  api::mcp::McpServer mcp(
      [&](std::string_view path, const net::Parameters& parameters) { return client->Get(path, parameters); },
      CLEW_VERSION);
  if (!options.http.empty()) return ServeHttp(mcp, options.http);
  ServeLines(mcp);
  return 0;
}

}  // namespace

void AddMcpCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<McpOptions>();
  CLI::App* command = app.add_subcommand("mcp", "Answer assistants (Model Context Protocol) from a running server");
  command->footer(
      "Examples:\n"
      "  clew mcp                                     over standard input and output, as assistants start it\n"
      "  clew mcp --http 127.0.0.1:0                  over HTTP");
  options->server.AddTo(*command);
  command->add_option("--http", options->http, "HOST:PORT to listen on instead of standard input and output");
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
