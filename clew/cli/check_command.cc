// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "clew/auth/token_file.h"
#include "clew/base/file.h"
#include "clew/cli/command.h"
#include "clew/cli/config_file.h"
#include "clew/net/tls_files.h"

namespace clew::cli {
namespace {

// What the configuration names must be there too, or the server would not start.
void CheckNamedFiles(const ServerConfig& config, std::vector<ConfigMistake>& mistakes) {
  if (!config.token_file.empty()) {
    if (auto tokens = auth::TokenFile::Open(config.token_file); !tokens) {
      mistakes.push_back({0, "tokens", tokens.error().message});
    }
  }
  if (!config.tls_certificate_file.empty() && !config.tls_key_file.empty()) {
    if (auto files = net::TlsFiles::Open(config.tls_certificate_file, config.tls_key_file); !files) {
      mistakes.push_back({0, "tls", files.error().message});
    }
  }
}

int Check(const std::string& path) {
  const auto text = base::ReadFile(path);
  if (!text) return ReportError(text.error());
  ServerConfig config;
  std::vector<ConfigMistake> mistakes = ReadConfigText(*text, config);
  CheckNamedFiles(config, mistakes);
  for (const ConfigMistake& mistake : mistakes) fmt::print(stderr, "{}\n", mistake.Describe(path));
  if (!mistakes.empty()) return 1;
  fmt::print("{}: nothing wrong\n", path);
  return 0;
}

}  // namespace

void AddCheckCommand(CLI::App& app, int& exit_code) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("check", "Say what is wrong in a configuration file, with line and key");
  command->footer(
      "Examples:\n"
      "  clew check /etc/clew/clew.yaml\n"
      "Exit status 0: nothing is wrong; 1: something is, a line of standard error each.");
  command->add_option("config", *path, "The configuration file of clew serve")->required()->type_name("FILE");
  command->callback([path, &exit_code] { exit_code = Check(*path); });
}

}  // namespace clew::cli
