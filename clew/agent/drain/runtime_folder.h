// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"

namespace clew::agent::drain {

// Where the runs of one user leave their sockets: $XDG_RUNTIME_DIR/clew, or /tmp/clew-UID. PID.status answers every
// connection with one JSON text about the run with that pid and is for its user only; PID.attach hands over the arena.
// A folder that belongs to somebody else, or that others may write to, is refused: PERMISSION_DENIED.
base::Result<std::string> OpenRuntimeFolder();

std::string StatusSocketPath(const std::string& folder, pid_t pid);
std::string AttachSocketPath(const std::string& folder, pid_t pid);

// A listening socket there, mode 0600; a left-over one is replaced.
base::Result<base::Fd> ListenForStatus(const std::string& path);
// Answers one waiting client with `json`; false where none waits.
bool AnswerStatus(int listener, const std::string& json);

// The pids of runs that have a status socket, sorted.
std::vector<pid_t> ListRuns(const std::string& folder);
// What the run says of itself. NOT_FOUND where there is no such run; the sockets of a run that was killed are removed.
base::Result<std::string> AskStatus(const std::string& folder, pid_t pid);

}  // namespace clew::agent::drain
