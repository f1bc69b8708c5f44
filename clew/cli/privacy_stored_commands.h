// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI {
class App;
}

namespace clew::cli {

// The commands below `clew privacy` that ask a running server about what it keeps.
void AddPrivacyScanCommand(CLI::App& privacy, int& exit_code);
void AddPrivacyEraseCommand(CLI::App& privacy, int& exit_code);
void AddPrivacyErasuresCommand(CLI::App& privacy, int& exit_code);

}  // namespace clew::cli
