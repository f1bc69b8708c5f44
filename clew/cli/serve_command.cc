// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "clew/base/log.h"
#include "clew/cli/command.h"
#include "clew/cli/server.h"

namespace clew::cli {
namespace {

struct ServeOptions {
  std::string data_dir;
  std::string listen = "127.0.0.1:7070";
  std::string otlp_http = "127.0.0.1:4318";
  std::string otlp_grpc = "127.0.0.1:4317";
  bool insecure = false;
};

base::Result<ServerConfig> ReadConfig(const ServeOptions& options) {
  ServerConfig config;
  config.data_dir = options.data_dir.empty() ? DefaultDataDir() : options.data_dir;
  config.insecure = options.insecure;
  for (const auto& [name, text, address] : {std::tuple{"--listen", &options.listen, &config.listen},
                                            {"--otlp-http", &options.otlp_http, &config.otlp_http},
                                            {"--otlp-grpc", &options.otlp_grpc, &config.otlp_grpc}}) {
    auto parsed = net::Address::Parse(*text);
    if (!parsed) return base::InvalidArgument(fmt::format("{}: {}", name, parsed.error().message));
    *address = *std::move(parsed);
  }
  return config;
}

int Run(const ServeOptions& options) {
  const auto config = ReadConfig(options);
  if (!config) return ReportError(config.error());

  // Before the first thread, so that every thread leaves these to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto server = Server::Start(*config);
  if (!server) return ReportError(server.error());
  for (const auto& [name, address] : (*server)->addresses()) fmt::print("listening {} {}\n", name, address);
  std::fflush(stdout);
  base::LogInfo("data in {}", config->data_dir);

  int signal = 0;
  do {
    sigwait(&signals, &signal);
  } while (signal == SIGHUP);
  base::LogInfo("stopping");
  (*server)->Stop(std::chrono::seconds(5));
  return 0;
}

}  // namespace

void AddServeCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Take telemetry in, keep it, answer questions");
  command->footer(
      "Examples:\n"
      "  clew serve\n"
      "  clew serve --data-dir /var/lib/clew --listen 127.0.0.1:0\n"
      "Port 0 takes a free port; the addresses taken are printed as `listening NAME HOST:PORT`.");
  command->add_option("--data-dir", options->data_dir,
                      fmt::format("Where data is kept (default {})", DefaultDataDir()));
  command->add_option("--listen", options->listen, "Web page and all query APIs")->capture_default_str();
  command->add_option("--otlp-http", options->otlp_http, "OTLP over HTTP")->capture_default_str();
  command->add_option("--otlp-grpc", options->otlp_grpc, "OTLP over gRPC")->capture_default_str();
  command->add_flag("--insecure", options->insecure, "Allow addresses other than loopback without tokens");
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
