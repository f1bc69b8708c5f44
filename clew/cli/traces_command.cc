// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "clew/base/time.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/terminal.h"

namespace clew::cli {
namespace {

struct TracesOptions {
  ServerOptions server;
  ListOptions list;
  std::string format;
  std::string operation;
  std::vector<std::string> attributes;
  std::string min_duration;
  std::string max_duration;
  bool errors = false;
  bool slowest = false;
};

net::Parameters Parameters(const TracesOptions& options) {
  net::Parameters parameters;
  options.list.Append(parameters);
  if (!options.operation.empty()) parameters.Add("operation", options.operation);
  for (const std::string& attribute : options.attributes) parameters.Add("attribute", attribute);
  if (!options.min_duration.empty()) parameters.Add("min_duration", options.min_duration);
  if (!options.max_duration.empty()) parameters.Add("max_duration", options.max_duration);
  if (options.errors) parameters.Add("errors", "true");
  if (options.slowest) parameters.Add("order", "slowest");
  return parameters;
}

void Print(const base::JsonValue& answer, const Terminal& terminal) {
  const auto& traces = answer["traces"].AsArray();
  if (traces.empty()) {
    fmt::print("No trace between {} and {}. Nothing there yet? Start a service with `clew run -- COMMAND`.\n",
               answer["from"].AsString(), answer["to"].AsString());
    return;
  }
  fmt::print("{}\n",
             terminal.Paint(Terminal::Style::kDim, fmt::format("{:<24} {:>9} {:>6} {:>6}  {:<32}  {}", "START",
                                                               "DURATION", "SPANS", "ERRORS", "TRACE", "ROOT")));
  for (const base::JsonValue& trace : traces) {
    const auto duration = std::chrono::nanoseconds(static_cast<int64_t>(trace["duration_ms"].AsDouble() * 1e6));
    const int64_t errors = trace["errors"].AsInt();
    const std::string root =
        fmt::format("{}: {}", Printable(trace["root_service"].AsString()), Printable(trace["root_name"].AsString()));
    const size_t used = 24 + 1 + 9 + 1 + 6 + 1 + 6 + 2 + 32 + 2;
    fmt::print(
        "{} {:>9} {:>6} {}  {}  {}\n", Fit(trace["start"].AsString().substr(0, 23), 24), base::FormatDuration(duration),
        trace["spans"].AsInt(),
        terminal.Paint(errors > 0 ? Terminal::Style::kRed : Terminal::Style::kPlain, fmt::format("{:>6}", errors)),
        trace["trace_id"].AsString(), Cut(root, terminal.width > used + 20 ? terminal.width - used : 40));
  }
  fmt::print("{}\n", terminal.Paint(Terminal::Style::kDim, "One of them whole: clew trace ID"));
}

int Run(const TracesOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  const auto body = client->Get("/api/clew/traces", Parameters(options));
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto answer = base::ParseJson(*body);
  if (!answer) return ReportError(answer.error());
  Print(*answer, Terminal::OfStandardOutput());
  return 0;
}

}  // namespace

void AddTracesCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TracesOptions>();
  CLI::App* command = app.add_subcommand("traces", "List traces");
  command->footer(
      "Examples:\n"
      "  clew traces --service frontend --from -15m\n"
      "  clew traces --errors --attribute http.route=/checkout\n"
      "  clew traces --slowest --min-duration 500ms --format json");
  options->server.AddTo(*command);
  options->list.AddTo(*command, "traces");
  command->add_option("--operation", options->operation, "A span of this name");
  command->add_option("--attribute", options->attributes, "KEY=VALUE of a span or its resource; repeated: all of them");
  command->add_option("--min-duration", options->min_duration, "A span of at least this length, such as 250ms");
  command->add_option("--max-duration", options->max_duration, "A span of at most this length");
  command->add_flag("--errors", options->errors, "A span that failed");
  command->add_flag("--slowest", options->slowest, "Slowest first instead of newest first");
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
