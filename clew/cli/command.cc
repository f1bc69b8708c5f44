// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/command.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace clew::cli {

int ReportError(const base::Error& error) {
  std::string line = "clew: " + error.message;
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
  return error.code == base::Code::kInvalidArgument ? 2 : 1;
}

}  // namespace clew::cli
