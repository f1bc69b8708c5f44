// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "clew/base/json_writer.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/privacy_stored_commands.h"
#include "clew/cli/terminal.h"

namespace clew::cli {
namespace {

constexpr std::string_view kErasures = "/api/clew/privacy/erasures";
constexpr std::chrono::milliseconds kPoll{300};

struct EraseOptions {
  ServerOptions server;
  std::string user;
  std::vector<std::string> also;
  bool yes = false;
  std::string format;
};

std::string BodyOf(const EraseOptions& options) {
  base::JsonWriter json;
  json.BeginObject().Field("user", options.user).Key("also").BeginArray();
  for (const std::string& also : options.also) json.String(also);
  json.EndArray().EndObject();
  return json.Take();
}

// On standard error, where the answer is JSON; the number of rows.
int64_t ShowFound(const base::JsonValue& found, FILE* out) {
  int64_t total = 0;
  fmt::print(out, "{:<10} {:<16} {:<24} {:>10}\n", "SIGNAL", "TABLE", "SERVICE", "ROWS");
  for (const base::JsonValue& row : found["rows"].AsArray()) {
    fmt::print(out, "{:<10} {:<16} {:<24} {:>10}\n", row["signal"].AsString(), row["table"].AsString(),
               Printable(row["service"].AsString()), row["rows"].AsInt());
    total += row["rows"].AsInt();
  }
  fmt::print(out,
             "{} rows hold what was given, or a pseudonym of it under a key that the server has. Rows of telemetry are "
             "removed;\nsenders and incidents stay, without the person. Not reached: pseudonyms that agents made under "
             "keys of their own.\n",
             total);
  return total;
}

bool MayGoOn(const EraseOptions& options) {
  if (options.yes) return true;
  fmt::print(stderr, "This cannot be undone. Type yes to go on (--yes does not ask): ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "yes" || answer == "y";
}

void PrintErasure(const base::JsonValue& erasure) {
  fmt::print("{}  {:<11}  {}  by {}", erasure["id"].AsString(), erasure["state"].AsString(),
             erasure["started"].AsString(), Printable(erasure["who"].AsString()));
  std::string rows;
  for (const auto& [table, count] : erasure["rows"].AsObject()) {
    rows += fmt::format("{}{} {}", rows.empty() ? "" : ", ", count.AsInt(), table);
  }
  fmt::print("\n    {} identifiers, digest {}; rows: {}\n", erasure["identifiers"].AsInt(),
             erasure["digest"].AsString(), rows.empty() ? "none" : rows);
  if (const std::string_view note = erasure["note"].AsString(); !note.empty()) fmt::print("    {}\n", note);
}

// Waits until an act is over.
base::Result<std::string> Await(ApiClient& client, const std::string& id) {
  while (true) {
    CLEW_ASSIGN_OR_RETURN(std::string body, client.Get(std::string(kErasures) + "/" + id, {}));
    CLEW_ASSIGN_OR_RETURN(const base::JsonValue erasure, base::ParseJson(body));
    if (erasure["state"].AsString() != "running") return body;
    std::this_thread::sleep_for(kPoll);
  }
}

int Erase(const EraseOptions& options) {
  const bool is_json = options.format == "json";
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  const auto found = client->PostJson("/api/clew/privacy/find?timeout=120s", BodyOf(options));
  if (!found) return ReportError(found.error());
  ShowFound(*found, is_json ? stderr : stdout);
  std::fflush(stdout);
  if (!MayGoOn(options)) {
    fmt::print(stderr, "Nothing was changed.\n");
    return 1;
  }
  const auto begun = client->PostJson(kErasures, BodyOf(options));
  if (!begun) return ReportError(begun.error());
  const auto body = Await(*client, std::string((*begun)["id"].AsString()));
  if (!body) return ReportError(body.error());
  const auto erasure = base::ParseJson(*body);
  if (!erasure) return ReportError(erasure.error());
  if (is_json) {
    fmt::print("{}\n", *body);
  } else {
    PrintErasure(*erasure);
  }
  if ((*erasure)["state"].AsString() == "done") return 0;
  fmt::print(stderr, "clew: it is not done; the same command goes on with it\n");
  return 1;
}

struct ListErasuresOptions {
  ServerOptions server;
  std::string format;
};

int ListErasures(const ListErasuresOptions& options) {
  auto client = ApiClient::Make(options.server);
  if (!client) return ReportError(client.error());
  const auto body = client->Get(kErasures, {});
  if (!body) return ReportError(body.error());
  if (options.format == "json") {
    fmt::print("{}\n", *body);
    return 0;
  }
  const auto answer = base::ParseJson(*body);
  if (!answer) return ReportError(answer.error());
  const auto& erasures = (*answer)["erasures"].AsArray();
  for (const base::JsonValue& erasure : erasures) PrintErasure(erasure);
  if (erasures.empty()) fmt::print("Nobody was erased.\n");
  return 0;
}

}  // namespace

void AddPrivacyEraseCommand(CLI::App& privacy, int& exit_code) {
  auto options = std::make_shared<EraseOptions>();
  CLI::App* command = privacy.add_subcommand("erase", "Remove a person from all that the server keeps");
  command->footer(
      "Examples:\n"
      "  clew privacy erase --user zoe@example.net --also u-1789 --also '+49 30 1234567'\n"
      "  clew privacy erase --user zoe@example.net --yes --token-file admin.token --format json\n"
      "It shows what it will remove and asks. Exit status 0: a search through all tables and files found nothing any "
      "more.\n"
      "It takes the role admin: a token of the configuration, or the one that `clew serve` printed at its start.");
  command->add_option("--user", options->user, "An identifier of the person: e-mail address, user id, telephone number")
      ->required()
      ->type_name("ID");
  command->add_option("--also", options->also, "Another identifier of the same person; may stand several times")
      ->type_name("ID");
  command->add_flag("--yes", options->yes, "Do not ask");
  options->server.AddTo(*command);
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Erase(*options); });
}

void AddPrivacyErasuresCommand(CLI::App& privacy, int& exit_code) {
  auto options = std::make_shared<ListErasuresOptions>();
  CLI::App* command = privacy.add_subcommand("erasures", "List who was erased when: by digests, never by name");
  options->server.AddTo(*command);
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = ListErasures(*options); });
}

}  // namespace clew::cli
