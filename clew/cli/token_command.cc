// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <memory>
#include <string>

#include "clew/auth/token_file.h"
#include "clew/base/file.h"
#include "clew/cli/command.h"

namespace clew::cli {
namespace {

struct TokenOptions {
  std::string name;
  std::string tenant = "anonymous";
  std::string roles = "write";
  std::string file;
};

// In one write, so that a server that reads the file meanwhile sees the whole line or nothing.
base::Status Append(const std::string& path, const std::string& line) {
  const base::Fd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return base::ErrnoError("cannot write " + path, errno);
  CLEW_RETURN_IF_ERROR(base::WriteAll(file.get(), line + "\n"));
  if (fsync(file.get()) != 0) return base::ErrnoError("cannot write " + path, errno);
  return {};
}

int Run(const TokenOptions& options) {
  const auto token = auth::MakeToken(options.name, options.tenant, options.roles);
  if (!token) return ReportError(token.error());
  if (options.file.empty()) {
    fmt::print(stderr, "for the token file: {}\n", token->line);
  } else if (auto status = Append(options.file, token->line); !status) {
    return ReportError(status.error());
  }
  fmt::print("{}\n", token->token);
  return 0;
}

}  // namespace

void AddTokenCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App* command = app.add_subcommand("token", "Make a token that a server asks for");
  command->footer(
      "Examples:\n"
      "  clew token ci --roles write --tenant shop --file /etc/clew/tokens\n"
      "  clew token ops --roles admin --tenant '*' --file /etc/clew/tokens\n"
      "The token is printed once and kept nowhere; the file has its hash. Senders put it into\n"
      "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN, commands take it by --token-file.");
  command->add_option("name", options->name, "Who holds it, one word")->required();
  command->add_option("--tenant", options->tenant, "Whose data it opens; * for any")->capture_default_str();
  command->add_option("--roles", options->roles, "read, write or admin, joined by commas")->capture_default_str();
  command->add_option("--file", options->file, "The server's token file, to which the line is added");
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
