// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/base/result.h"

namespace CLI {
class App;
}

namespace clew::cli {

// Each command adds itself to the program's parser: options, help with examples, and a callback that does the work and
// leaves the exit status in `exit_code` (which outlives the parse). Exit 0: done, 1: failed, 2: wrong use.
void AddRunCommand(CLI::App& app, int& exit_code);
void AddStatusCommand(CLI::App& app, int& exit_code);
void AddServeCommand(CLI::App& app, int& exit_code);
void AddTracesCommand(CLI::App& app, int& exit_code);
void AddTraceCommand(CLI::App& app, int& exit_code);
void AddLogsCommand(CLI::App& app, int& exit_code);
void AddMetricsCommand(CLI::App& app, int& exit_code);
void AddWhyCommand(CLI::App& app, int& exit_code);
void AddCheckCommand(CLI::App& app, int& exit_code);
void AddTokenCommand(CLI::App& app, int& exit_code);
void AddPrivacyCommand(CLI::App& app, int& exit_code);
void AddMcpCommand(CLI::App& app, int& exit_code);
void AddDemoCommand(CLI::App& app, int& exit_code);

// Prints "clew: <message>" as one line on standard error and gives the exit status for it: 2 for INVALID_ARGUMENT
// (wrong use), 1 for everything else.
int ReportError(const base::Error& error);

}  // namespace clew::cli
