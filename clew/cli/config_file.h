// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/cli/config_reader.h"
#include "clew/cli/server.h"

namespace CLI {
class App;
}

namespace clew::cli {

// How long data is kept: "30d", "12h"; "0" for ever.
base::Result<std::chrono::nanoseconds> ParseRetention(std::string_view text);
// A part of the disk: "80%" or "0.8"; 0 and 100% are no bound.
base::Result<double> ParseDiskShare(std::string_view text);

// Reads the YAML text of a configuration into `config`, whose other values stay; gives all that is wrong. Files that
// the configuration names are opened by whoever uses them, not here. docs/reference/configuration.md lists the keys.
std::vector<ConfigMistake> ReadConfigText(std::string_view text, ServerConfig& config);

// The same from a file; the first mistake is the error's message, with the number of others.
base::Status ReadConfigFile(const std::string& path, ServerConfig& config);

// --config of commands that only read `privacy:`, and the file that it names, else CLEW_CONFIG; empty: neither does.
void AddConfigOption(CLI::App& command, std::string& option);
std::string ConfigPath(const std::string& option);
// What that file says of privacy, or what holds without one. The file may be a server's: its other keys are checked and
// of no effect.
base::Result<privacy::Policy> ReadPrivacyPolicy(const std::string& path);
// The same of a text.
base::Result<privacy::Policy> ReadPrivacyText(std::string_view text);

}  // namespace clew::cli
