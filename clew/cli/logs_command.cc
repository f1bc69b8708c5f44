// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clew/base/time.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/terminal.h"

namespace clew::cli {
namespace {

struct LogsOptions {
  ServerOptions server;
  ListOptions list;
  std::string format;
  std::vector<std::string> texts;
  std::string trace_id;
  std::string severity;
  std::vector<std::string> attributes;
  bool follow = false;
};

net::Parameters Parameters(const LogsOptions& options) {
  net::Parameters parameters;
  options.list.Append(parameters);
  for (const std::string& text : options.texts) parameters.Add("text", text);
  for (const std::string& attribute : options.attributes) parameters.Add("attribute", attribute);
  if (!options.trace_id.empty()) parameters.Add("trace_id", options.trace_id);
  if (!options.severity.empty()) parameters.Add("severity", options.severity);
  return parameters;
}

void Print(const base::JsonValue& log, const Terminal& terminal) {
  const std::string_view level = log["level"].AsString();
  const auto style = level == "error" || level == "critical" ? Terminal::Style::kRed
                     : level == "warn"                       ? Terminal::Style::kYellow
                                                             : Terminal::Style::kPlain;
  const std::string body =
      log["body"].is_string() ? Printable(log["body"].AsString()) : "(structured body; --format json shows it)";
  std::string line = fmt::format("{} {} {} {}", terminal.Paint(Terminal::Style::kDim, log["time"].AsString()),
                                 terminal.Paint(style, fmt::format("{:<8}", level)),
                                 terminal.Paint(Terminal::Style::kCyan, Printable(log["service"].AsString())), body);
  if (const std::string_view trace = log["trace_id"].AsString(); !trace.empty()) {
    line += terminal.Paint(Terminal::Style::kDim, fmt::format(" trace_id={}", trace));
  }
  fmt::print("{}\n", line);
}

int List(const LogsOptions& options, ApiClient& client) {
  const auto body = client.Get("/api/clew/logs", Parameters(options));
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto answer = base::ParseJson(*body);
  if (!answer) return ReportError(answer.error());
  const Terminal terminal = Terminal::OfStandardOutput();
  // The newest are asked for; a terminal is read downwards.
  auto logs = (*answer)["logs"].AsArray();
  std::ranges::reverse(logs);
  for (const base::JsonValue& log : logs) Print(log, terminal);
  if (logs.empty()) fmt::print("No log record matches. Wider: --from -24h, or fewer conditions.\n");
  return 0;
}

// Asks every second for what came since; records that arrive up to ten seconds late are still shown, each once.
int Follow(const LogsOptions& options, ApiClient& client) {
  constexpr auto kLateness = std::chrono::seconds(10);
  const Terminal terminal = Terminal::OfStandardOutput();
  LogsOptions window = options;
  const base::UnixNanos started = base::Clock::System().Now();
  std::set<std::string> shown;
  std::set<std::string> shown_before;
  base::UnixNanos rotated = started;
  while (true) {
    const base::UnixNanos now = base::Clock::System().Now();
    const base::UnixNanos back = now - std::chrono::nanoseconds(kLateness).count();
    window.list.from = base::FormatTime(std::max(started, back));
    window.list.to.clear();
    net::Parameters parameters = Parameters(window);
    parameters.Add("order", "oldest");
    if (window.list.limit == 0) parameters.Add("limit", "5000");
    const auto answer = client.GetJson("/api/clew/logs", parameters);
    if (!answer) return ReportError(answer.error());
    for (const base::JsonValue& log : (*answer)["logs"].AsArray()) {
      const std::string key = fmt::format("{} {} {} {}", log["time"].AsString(), log["service"].AsString(),
                                          log["span_id"].AsString(), log["body"].AsString());
      if (shown_before.contains(key) || !shown.insert(key).second) continue;
      Print(log, terminal);
    }
    std::fflush(stdout);
    // What is older than the window cannot come again.
    if (now - rotated > 2 * std::chrono::nanoseconds(kLateness).count()) {
      shown_before = std::exchange(shown, {});
      rotated = now;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int Run(const LogsOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  if (!options.follow) return List(options, *client);
  if (options.format == "json") {
    return ReportError({base::Code::kInvalidArgument, "-f shows text; for JSON ask without -f", {}});
  }
  return Follow(options, *client);
}

}  // namespace

void AddLogsCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* command = app.add_subcommand("logs", "Search log records");
  command->footer(
      "Examples:\n"
      "  clew logs --service payment --severity error --from -15m\n"
      "  clew logs --trace-id 0af7651916cd43dd8448eb211c80319c\n"
      "  clew logs -f timeout");
  options->server.AddTo(*command);
  options->list.AddTo(*command, "log records");
  command->add_option("text", options->texts, "Text that the line must hold; several: all of them");
  command->add_option("--trace-id", options->trace_id, "Only records of this trace");
  command->add_option("--severity", options->severity, "This one and above: trace, debug, info, warn, error, fatal");
  command->add_option("--attribute", options->attributes, "KEY=VALUE of the record or its resource; repeated: all");
  command->add_flag("-f,--follow", options->follow, "Go on showing what comes in");
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
