// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/terminal.h"
#include "clew/cli/waterfall.h"

namespace clew::cli {
namespace {

struct TraceOptions {
  ServerOptions server;
  std::string id;
  std::string format;
};

int Run(const TraceOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  const auto body = client->Get("/api/clew/traces/" + net::PercentEncode(options.id), {});
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto trace = base::ParseJson(*body);
  if (!trace) return ReportError(trace.error());
  fmt::print("{}", DrawWaterfall(*trace, Terminal::OfStandardOutput()));
  return 0;
}

}  // namespace

void AddTraceCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App* command = app.add_subcommand("trace", "Show one trace with its log records");
  command->footer(
      "Examples:\n"
      "  clew trace 0af7651916cd43dd8448eb211c80319c\n"
      "  clew trace 0af7651916cd43dd8448eb211c80319c --format json");
  options->server.AddTo(*command);
  command->add_option("id", options->id, "Trace id, 32 hexadecimal digits")->required();
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
