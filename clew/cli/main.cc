// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <string>

#include "clew/base/log.h"
#include "clew/cli/command.h"

int main(int argc, char** argv) {
  CLI::App app(
      "Clew leads from a symptom in a distributed system to its cause.\n"
      "Start a service instrumented with `clew run`, keep what it records with `clew serve`, ask with `clew why`.",
      "clew");
  app.set_version_flag("--version", std::string("clew ") + CLEW_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  clew serve                          keep telemetry, answer on http://127.0.0.1:7070\n"
      "  clew run -- gunicorn shop:app       run a Python service, instrumented\n"
      "  clew why                            the cause of what is wrong now\n"
      "  clew demo --for 60                  all of it, on a small shop of Flask services\n"
      "`clew COMMAND --help` tells more.");
  std::string log_level;
  app.add_option("--log-level", log_level, "debug, info, warning, error or off")->check([](const std::string& level) {
    return clew::base::SetLogLevel(level) ? std::string() : "expected debug, info, warning, error or off";
  });

  int exit_code = 0;
  clew::cli::AddServeCommand(app, exit_code);
  clew::cli::AddRunCommand(app, exit_code);
  clew::cli::AddWhyCommand(app, exit_code);
  clew::cli::AddTracesCommand(app, exit_code);
  clew::cli::AddTraceCommand(app, exit_code);
  clew::cli::AddLogsCommand(app, exit_code);
  clew::cli::AddMetricsCommand(app, exit_code);
  clew::cli::AddStatusCommand(app, exit_code);
  clew::cli::AddCheckCommand(app, exit_code);
  clew::cli::AddTokenCommand(app, exit_code);
  clew::cli::AddPrivacyCommand(app, exit_code);
  clew::cli::AddMcpCommand(app, exit_code);
  clew::cli::AddDemoCommand(app, exit_code);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return clew::cli::ReportError(
        {clew::base::Code::kInvalidArgument, std::string(error.what()) + "; `clew --help` tells more", {}});
  }
  return exit_code;
}
