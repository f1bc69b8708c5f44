// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/cli/server.h"

namespace clew::cli {

// One thing that is wrong in a configuration file.
struct ConfigMistake {
  int line = 0;     // from 1; 0 where it is about no line
  std::string key;  // "tls.certificate"; empty where it is about no key
  std::string text;

  // "clew.yaml:3: tls.certificate: expected …"
  std::string Describe(std::string_view path) const;
};

// How long data is kept: "30d", "12h"; "0" for ever.
base::Result<std::chrono::nanoseconds> ParseRetention(std::string_view text);
// A part of the disk: "80%" or "0.8"; 0 and 100% are no bound.
base::Result<double> ParseDiskShare(std::string_view text);

// Reads the YAML text of a configuration into `config`, whose other values stay; gives all that is wrong. Files that
// the configuration names are opened by whoever uses them, not here. docs/reference/configuration.md lists the keys.
std::vector<ConfigMistake> ReadConfigText(std::string_view text, ServerConfig& config);

// The same from a file; the first mistake is the error's message, with the number of others.
base::Status ReadConfigFile(const std::string& path, ServerConfig& config);

}  // namespace clew::cli
