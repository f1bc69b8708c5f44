// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "clew/base/json_writer.h"
#include "clew/base/time.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/config_file.h"
#include "clew/cli/privacy_stored_commands.h"
#include "clew/privacy/redactor.h"
#include "clew/privacy/shared_redactor.h"
#include "clew/privacy/text_redactor.h"

namespace clew::cli {
namespace {

struct PrivacyTestOptions {
  std::string file;
  std::string config;
  std::string format;
};

// A line as it would leave, with what was found in it.
class LineWriter {
 public:
  LineWriter(const privacy::Redactor& redactor, bool json)
      : rules_(redactor.rules()), texts_(rules_, base::Clock::System().Now()), json_(json) {}

  void Write(std::string_view line) {
    ++number_;
    if (!texts_.Redact(line, 0, redacted_)) redacted_ = line;
    if (json_) {
      WriteJson();
    } else if (!texts_.found().empty()) {
      WriteText();
    }
    if (!texts_.found().empty()) ++lines_with_findings_;
  }

  void WriteSummary() const {
    if (json_) return;
    fmt::print("{} {}, {} with something to redact\n", number_, number_ == 1 ? "line" : "lines", lines_with_findings_);
  }

 private:
  void WriteJson() {
    writer_.BeginObject().Field("line", number_).Field("text", redacted_).Key("found").BeginArray();
    for (const auto& [finding, action] : texts_.found()) {
      writer_.BeginObject();
      writer_.Field("detector", rules_->NameOf(finding));
      writer_.Field("start", uint64_t{finding.begin}).Field("end", uint64_t{finding.end});
      writer_.Field("action", privacy::ActionName(action)).EndObject();
    }
    writer_.EndArray().EndObject();
    fmt::print("{}\n", writer_.Take());
  }

  void WriteText() const {
    fmt::print("{}: {}\n", number_, redacted_);
    for (const auto& [finding, action] : texts_.found()) {
      fmt::print("    bytes {} to {}: {}, {}\n", finding.begin, finding.end, rules_->NameOf(finding),
                 privacy::ActionName(action));
    }
  }

  const std::shared_ptr<const privacy::RuleSet> rules_;
  privacy::TextRedactor texts_;
  const bool json_;
  base::JsonWriter writer_;
  std::string redacted_;
  uint64_t number_ = 0;
  uint64_t lines_with_findings_ = 0;
};

int Run(const PrivacyTestOptions& options) {
  std::ifstream file;
  if (!options.file.empty() && options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file)
      return ReportError({base::Code::kNotFound,
                          "cannot read " + options.file + "; name a file of lines, or give them on standard input",
                          {}});
  }
  std::istream& in = file.is_open() ? static_cast<std::istream&>(file) : std::cin;
  auto policy = ReadPrivacyPolicy(ConfigPath(options.config));
  if (!policy) return ReportError(policy.error());
  std::string warning;
  const auto redactor = privacy::MakeSharedRedactor(*std::move(policy), warning);
  if (!redactor) return ReportError(redactor.error());
  if (!warning.empty()) fmt::print(stderr, "clew: {}\n", warning);
  LineWriter writer(**redactor, options.format == "json");
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    writer.Write(line);
  }
  writer.WriteSummary();
  return 0;
}

}  // namespace

void AddPrivacyCommand(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("privacy", "What is kept out of telemetry: try the rules, look for what slipped in");
  command->require_subcommand(1);
  auto options = std::make_shared<PrivacyTestOptions>();
  CLI::App* test = command->add_subcommand("test", "Show line by line what the rules in force would redact");
  test->footer(
      "Examples:\n"
      "  clew privacy test app.log                    lines that would change, and why\n"
      "  tail -f app.log | clew privacy test --format json\n"
      "  clew privacy test --config clew.yaml app.log   with rules of your own");
  test->add_option("FILE", options->file, "Lines to look at (default: standard input)");
  AddConfigOption(*test, options->config);
  AddFormatOption(*test, options->format);
  test->callback([options, &exit_code] { exit_code = Run(*options); });
  AddPrivacyScanCommand(*command, exit_code);
  AddPrivacyEraseCommand(*command, exit_code);
  AddPrivacyErasuresCommand(*command, exit_code);
}

}  // namespace clew::cli
