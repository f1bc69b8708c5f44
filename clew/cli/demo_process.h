// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"

namespace clew::cli {

struct ProcessOptions {
  std::vector<std::string> command;
  std::vector<std::string> environment;  // NAME=value each, complete
  std::string folder;                    // empty: this process's own
  std::string log_file;                  // standard error, and standard output unless it is read; appended to
  bool read_output = false;              // standard output comes through output_fd()
};

// A child that ends with this process: it gets SIGTERM when its parent dies, however that happens. It has a process
// group of its own, so that a Ctrl-C at the terminal reaches only this process, which ends its children in order.
// Start it from a thread that lives as long as the process. Move-only; not thread-safe.
class ChildProcess {
 public:
  static base::Result<ChildProcess> Start(const ProcessOptions& options);

  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), output_(std::move(other.output_)), status_(other.status_) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    pid_ = std::exchange(other.pid_, -1);
    output_ = std::move(other.output_);
    status_ = other.status_;
    return *this;
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  int output_fd() const { return output_.get(); }
  // Whether it has been started and has not ended yet; reaps it.
  bool Running();
  // Its wait status once it has ended.
  std::optional<int> status() const { return status_; }

  void Signal(int signal) const;
  // Waits for its end, at most that long; false where it still runs.
  bool Wait(std::chrono::milliseconds timeout);
  // Waits for its end until then; SIGKILL to its group where it still runs.
  void WaitOrKill(std::chrono::steady_clock::time_point deadline);
  // SIGTERM, then WaitOrKill.
  void End(std::chrono::milliseconds timeout);

 private:
  pid_t pid_ = -1;
  base::Fd output_;
  std::optional<int> status_;
};

// From here on orphans of children become children of this process, so that EndAllDescendants finds them.
void AdoptOrphans();
// Kills and reaps whatever still descends from this process.
void EndAllDescendants(std::chrono::milliseconds timeout);

// The last lines of a text file, for an error message; empty where it cannot be read.
std::string LastLines(const std::string& path, size_t lines);

}  // namespace clew::cli
