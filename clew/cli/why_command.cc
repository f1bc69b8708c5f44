// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/terminal.h"
#include "clew/cli/why_text.h"

namespace clew::cli {
namespace {

struct WhyOptions {
  ServerOptions server;
  std::string from;
  std::string to;
  std::string baseline_from;
  std::string baseline_to;
  std::string service;
  std::string format;
};

int Run(const WhyOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  net::Parameters parameters;
  for (const auto& [name, value] : {std::pair{"from", &options.from},
                                    {"to", &options.to},
                                    {"baseline_from", &options.baseline_from},
                                    {"baseline_to", &options.baseline_to},
                                    {"service", &options.service}}) {
    if (!value->empty()) parameters.Add(name, *value);
  }
  const auto body = client->Get("/api/clew/why", parameters);
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto diagnosis = base::ParseJson(*body);
  if (!diagnosis) return ReportError(diagnosis.error());
  fmt::print("{}", DrawDiagnosis(*diagnosis, Terminal::OfStandardOutput()));
  return 0;
}

}  // namespace

void AddWhyCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WhyOptions>();
  CLI::App* command = app.add_subcommand("why", "Say what broke and why, ranked and with evidence");
  command->footer(
      "Examples:\n"
      "  clew why                                     the worst recent incident\n"
      "  clew why --from -20m --to -5m                what happened then\n"
      "  clew why --format json");
  options->server.AddTo(*command);
  command->add_option("--from", options->from, "About when it began: RFC 3339, a Unix time, or -20m");
  command->add_option("--to", options->to, "When it ended (default: now)");
  command->add_option("--baseline-from", options->baseline_from, "Start of a time when all was well");
  command->add_option("--baseline-to", options->baseline_to, "Its end");
  command->add_option("--service", options->service, "Only causes that affect this service");
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
