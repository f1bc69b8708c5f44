// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "clew/base/log.h"
#include "clew/cli/command.h"
#include "clew/cli/config_file.h"
#include "clew/cli/server.h"
#include "clew/net/url.h"

namespace clew::cli {
namespace {

// Empty: as the configuration file says, or the default.
struct ServeOptions {
  std::string config;
  std::string data_dir;
  std::string listen;
  std::string otlp_http;
  std::string otlp_grpc;
  std::string retention;
  std::string disk_share;
  std::optional<uint64_t> tenant_bytes;
  std::optional<uint64_t> tenant_spans;
  std::optional<uint64_t> tenant_logs;
  std::optional<uint64_t> tenant_points;
  std::optional<uint64_t> tenant_series;
  std::optional<uint32_t> tenants;
  bool insecure = false;
  std::string incident_webhook;
};

base::Result<ServerConfig> ReadConfig(const ServeOptions& options) {
  ServerConfig config;
  config.config_file = ConfigPath(options.config);
  if (!config.config_file.empty()) CLEW_RETURN_IF_ERROR(ReadConfigFile(config.config_file, config));
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  if (config.data_dir.empty()) config.data_dir = DefaultDataDir();
  config.insecure = options.insecure;
  ingest::TenantLimits& limits = config.tenant_limits;
  limits.bytes_per_second = options.tenant_bytes.value_or(limits.bytes_per_second);
  limits.spans_per_second = options.tenant_spans.value_or(limits.spans_per_second);
  limits.records_per_second = options.tenant_logs.value_or(limits.records_per_second);
  limits.points_per_second = options.tenant_points.value_or(limits.points_per_second);
  limits.series = options.tenant_series.value_or(limits.series);
  limits.tenants = options.tenants.value_or(limits.tenants);
  if (!options.retention.empty()) {
    const auto age = ParseRetention(options.retention);
    if (!age) return base::InvalidArgument("--retention: " + age.error().message);
    config.retention = *age;
  }
  if (!options.disk_share.empty()) {
    const auto share = ParseDiskShare(options.disk_share);
    if (!share) return base::InvalidArgument("--disk-share: " + share.error().message);
    config.disk_share = *share;
  }
  if (!options.incident_webhook.empty()) config.incident_webhook = options.incident_webhook;
  if (!config.incident_webhook.empty()) {
    if (const auto url = net::Url::Parse(config.incident_webhook); !url) {
      return base::InvalidArgument(fmt::format("--incident-webhook: {}", url.error().message));
    }
  }
  for (const auto& [name, text, address] : {std::tuple{"--listen", &options.listen, &config.listen},
                                            {"--otlp-http", &options.otlp_http, &config.otlp_http},
                                            {"--otlp-grpc", &options.otlp_grpc, &config.otlp_grpc}}) {
    if (text->empty()) continue;
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
  if (const std::string token = (*server)->admin_token(); !token.empty()) fmt::print("admin-token {}\n", token);
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

void AddTenantOptions(CLI::App& command, ServeOptions& options) {
  const ingest::TenantLimits defaults;
  command.add_option("--tenant-bytes", options.tenant_bytes,
                     "Bytes a second that one tenant may send (default: no bound)");
  command.add_option("--tenant-spans", options.tenant_spans, "Spans a second, likewise");
  command.add_option("--tenant-logs", options.tenant_logs, "Log records a second, likewise");
  command.add_option("--tenant-points", options.tenant_points, "Points of metrics a second, likewise");
  command.add_option(
      "--tenant-series", options.tenant_series,
      fmt::format("Different series that one tenant may send a day; 0: no bound (default {})", defaults.series));
  command.add_option("--tenants", options.tenants,
                     fmt::format("Tenants that are told apart; 0: no bound (default {})", defaults.tenants));
}

}  // namespace

void AddServeCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Take telemetry in, keep it, answer questions");
  command->footer(
      "Examples:\n"
      "  clew serve\n"
      "  clew serve --data-dir /var/lib/clew --listen 127.0.0.1:0\n"
      "  clew serve --config /etc/clew/clew.yaml\n"
      "Port 0 takes a free port; the addresses taken are printed as `listening NAME HOST:PORT`. Without tokens in the\n"
      "configuration a line `admin-token TOKEN` follows: what cannot be undone asks for it (--token-file).");
  const ServerConfig defaults;
  command->add_option("--config", options->config, "YAML file; options go before what it says (CLEW_CONFIG)")
      ->type_name("FILE");
  command->add_option("--data-dir", options->data_dir, fmt::format("Where data is kept (default {})", DefaultDataDir()))
      ->type_name("DIR");
  for (const auto& [name, to, text, address] :
       {std::tuple{"--listen", &options->listen, "Web page and all query APIs", defaults.listen},
        {"--otlp-http", &options->otlp_http, "OTLP over HTTP", defaults.otlp_http},
        {"--otlp-grpc", &options->otlp_grpc, "OTLP over gRPC", defaults.otlp_grpc}}) {
    command->add_option(name, *to, fmt::format("{} (default {})", text, address.ToString()))->type_name("HOST:PORT");
  }
  command
      ->add_option("--retention", options->retention,
                   "How long data is kept, counted from arrival; 0: for ever (default 30d)")
      ->type_name("TIME");
  command
      ->add_option("--disk-share", options->disk_share,
                   "What data may take of the room that nobody else takes on its disk; the oldest days go first "
                   "(default 80%)")
      ->type_name("PERCENT");
  AddTenantOptions(*command, *options);
  command
      ->add_option("--incident-webhook", options->incident_webhook,
                   "URL that gets a POST when an incident opens, changes its first cause or closes")
      ->type_name("URL");
  command->add_flag("--insecure", options->insecure, "Allow addresses other than loopback without tokens");
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
