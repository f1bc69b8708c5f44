// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/config_file.h"
#include "clew/cli/privacy_stored_commands.h"
#include "clew/cli/terminal.h"

namespace clew::cli {
namespace {

struct ScanOptions {
  ServerOptions server;
  std::string config;
  std::string cursor;
  std::string pause = "200ms";
  uint64_t rows = 20'000;
  std::string format;
};

// Counts by signal, service, column, key and rule.
using Place = std::tuple<std::string, std::string, std::string, std::string, std::string>;
using Counts = std::map<Place, int64_t>;

void Add(const base::JsonValue& answer, Counts& counts) {
  for (const base::JsonValue& one : answer["findings"].AsArray()) {
    const auto text = [&](std::string_view key) { return std::string(one[key].AsString()); };
    counts[{text("signal"), text("service"), text("column"), text("key"), text("rule")}] += one["count"].AsInt();
  }
}

std::vector<std::pair<Place, int64_t>> MostFirst(const Counts& counts) {
  std::vector<std::pair<Place, int64_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::greater(), &std::pair<Place, int64_t>::second);
  return sorted;
}

void PrintJson(const Counts& counts, int64_t rows, const std::string& cursor) {
  base::JsonWriter json;
  json.BeginObject().Field("rows", rows);
  if (!cursor.empty()) json.Field("cursor", cursor);
  json.Key("findings").BeginArray();
  for (const auto& [place, count] : MostFirst(counts)) {
    const auto& [signal, service, column, key, rule] = place;
    json.BeginObject().Field("signal", signal).Field("service", service).Field("column", column);
    json.Field("key", key).Field("rule", rule).Field("count", count).EndObject();
  }
  json.EndArray().EndObject();
  fmt::print("{}\n", json.Take());
}

void PrintText(const Counts& counts, int64_t rows) {
  for (const auto& [place, count] : MostFirst(counts)) {
    const auto& [signal, service, column, key, rule] = place;
    fmt::print("{:>10}  {:<14} {:<9} {:<20} {}{}\n", count, rule, signal, Printable(service), column,
               key.empty() ? "" : " " + Printable(key));
  }
  fmt::print("{} rows looked through, {}\n", rows, counts.empty() ? "nothing found" : "found as above");
}

base::Result<std::string> BodyOf(const ScanOptions& options, const std::string& cursor) {
  base::JsonWriter json;
  json.BeginObject().Field("cursor", cursor).Field("rows", options.rows);
  if (const std::string path = ConfigPath(options.config); !path.empty()) {
    CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path, 1u << 20));
    json.Field("config", text);
  }
  json.EndObject();
  return json.Take();
}

int Scan(const ScanOptions& options) {
  const auto pause = base::ParseDuration(options.pause);
  if (!pause || pause->count() < 0) {
    return ReportError({base::Code::kInvalidArgument, "--pause: expected a length of time such as 200ms", {}});
  }
  // What is wrong in it is told with its own name.
  if (auto policy = ReadPrivacyPolicy(ConfigPath(options.config)); !policy) return ReportError(policy.error());
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  Counts counts;
  int64_t rows = 0;
  std::string cursor = options.cursor;
  do {
    const auto body = BodyOf(options, cursor);
    if (!body) return ReportError(body.error());
    const auto answer = client->PostJson("/api/clew/privacy/scan", *body);
    if (!answer) {
      if (!cursor.empty()) fmt::print(stderr, "clew: --cursor {} goes on from where it stopped\n", cursor);
      return ReportError(answer.error());
    }
    Add(*answer, counts);
    rows += (*answer)["rows"].AsInt();
    cursor = (*answer)["cursor"].AsString();
    if (cursor.empty()) break;
    fmt::print(stderr, "{} rows, {} places; at {}\n", rows, counts.size(), cursor);
    std::this_thread::sleep_for(*pause);
  } while (true);
  if (options.format == "json") {
    PrintJson(counts, rows, cursor);
  } else {
    PrintText(counts, rows);
  }
  return 0;
}

}  // namespace

void AddPrivacyScanCommand(CLI::App& privacy, int& exit_code) {
  auto options = std::make_shared<ScanOptions>();
  CLI::App* command =
      privacy.add_subcommand("scan", "Find in stored data what today's rules, or new ones, would have caught");
  command->footer(
      "Examples:\n"
      "  clew privacy scan                       by the rules in force in the server: what slipped in before them\n"
      "  clew privacy scan --config new.yaml     what new rules would change\n"
      "Counts by rule, signal, service and attribute; never a value. It goes step by step with pauses, tells on\n"
      "standard error where it is, and goes on from there with --cursor.");
  AddConfigOption(*command, options->config);
  command->add_option("--cursor", options->cursor, "Go on from where an earlier run stopped");
  command->add_option("--rows", options->rows, "Rows of one step")->capture_default_str();
  command->add_option("--pause", options->pause, "Between two steps")->capture_default_str();
  options->server.AddTo(*command);
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Scan(*options); });
}

}  // namespace clew::cli
