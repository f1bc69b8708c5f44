// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/agent/drain/runtime_folder.h"
#include "clew/base/json_reader.h"
#include "clew/cli/command.h"

namespace clew::cli {
namespace {

namespace drain = agent::drain;

struct StatusOptions {
  std::optional<pid_t> pid;
  std::string format = "text";
};

struct RunStatus {
  std::string json;
  base::JsonValue value;
};

bool HasProcess(const base::JsonValue& run, pid_t pid) {
  for (const base::JsonValue& process : run["processes"].AsArray()) {
    if (process["pid"].AsInt() == pid) return true;
  }
  return run["pid"].AsInt() == pid;
}

// All runs of this user, or those that the pid is one of: the run's own, or that of a process in it.
base::Result<std::vector<RunStatus>> Ask(std::optional<pid_t> pid) {
  CLEW_ASSIGN_OR_RETURN(const std::string folder, drain::OpenRuntimeFolder());
  std::vector<RunStatus> runs;
  std::optional<base::Error> failure;
  for (pid_t run : drain::ListRuns(folder)) {
    auto json = drain::AskStatus(folder, run);
    if (!json) {
      // One that has just ended, or was killed and is swept away now, is no failure.
      if (json.error().code != base::Code::kNotFound) failure = json.error();
      continue;
    }
    auto value = base::ParseJson(*json);
    if (!value) return base::Internal(fmt::format("the run with pid {} answers in a form that is not known", run));
    if (!pid || HasProcess(*value, *pid)) runs.push_back({*std::move(json), *std::move(value)});
  }
  if (pid && runs.empty()) {
    if (failure) return std::unexpected(*failure);
    return base::NotFound(fmt::format("no clew run of this user has pid {}; `clew status` lists them all", *pid));
  }
  return runs;
}

void PrintSignal(std::string_view name, const base::JsonValue& signal) {
  std::string line = fmt::format("  {:<10} {}", name, signal["exporter"].AsString());
  if (!signal["endpoint"].is_null()) {
    int64_t lost = signal["rejected"].AsInt();
    for (const auto& [reason, count] : signal["dropped"].AsObject()) lost += count.AsInt();
    line += fmt::format(" to {}: {} delivered in {} requests, {} queued, {} lost{}", signal["endpoint"].AsString(),
                        signal["delivered_records"].AsInt(), signal["attempts"].AsInt(),
                        signal["queued_records"].AsInt(), lost, signal["failing"].AsBool() ? ", failing now" : "");
  }
  fmt::print("{}\n", line);
  if (!signal["last_error"].is_null()) {
    fmt::print("             last error {}: {}\n", signal["last_error_time"].AsString(),
               signal["last_error"].AsString());
  }
}

void PrintRun(const base::JsonValue& run) {
  std::string command;
  for (const base::JsonValue& word : run["command"].AsArray()) {
    if (!command.empty()) command += ' ';
    command += word.AsString();
  }
  fmt::print("{}  service {}, since {}\n", run["pid"].AsInt(), run["service"].AsString(), run["started"].AsString());
  fmt::print("  command    {}\n", command);
  fmt::print("  page       {}\n", run["page"].is_null() ? "none" : run["page"].AsString());
  std::string processes;
  for (const base::JsonValue& process : run["processes"].AsArray()) {
    if (!processes.empty()) processes += ", ";
    processes += fmt::format("{} (worker {})", process["pid"].AsInt(), process["worker"].AsInt());
  }
  fmt::print("  processes  {}; {} ended, {} of them by a signal\n", processes.empty() ? "none" : processes,
             run["ended_processes"].AsInt(), run["killed_processes"].AsInt());
  const base::JsonValue& recorded = run["recorded"];
  fmt::print("  recorded   {} spans, {} log records, {} series; {} dropped, {} broken\n", recorded["spans"].AsInt(),
             recorded["logs"].AsInt(), recorded["series"].AsInt(), recorded["dropped_records"].AsInt(),
             recorded["broken_records"].AsInt() + recorded["lost_records"].AsInt());
  for (const auto& [name, signal] : run["signals"].AsObject()) PrintSignal(name, signal);
}

int ShowStatus(const StatusOptions& options) {
  auto runs = Ask(options.pid);
  if (!runs) return ReportError(runs.error());
  if (options.format == "json") {
    std::string text;
    for (const RunStatus& run : *runs) text += (text.empty() ? "" : ",\n ") + run.json;
    fmt::print("[{}]\n", text);
    return 0;
  }
  for (size_t i = 0; i < runs->size(); ++i) {
    if (i > 0) fmt::print("\n");
    PrintRun((*runs)[i].value);
  }
  if (runs->empty()) fmt::print("no clew run of this user\n");
  return 0;
}

}  // namespace

void AddStatusCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show the running agents: queues, losses, addresses, last errors");
  command->footer(
      "Examples:\n"
      "  clew status                    all services that this user runs with clew run\n"
      "  clew status 4711               the one with that pid, or with that process in it\n"
      "  clew status --format json");
  command->add_option("pid", options->pid, "Of a clew run, or of a process of its service");
  command->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = ShowStatus(*options); });
}

}  // namespace clew::cli
