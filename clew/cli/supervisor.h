// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"
#include "clew/cli/supervisor_notify.h"

namespace clew::cli {

// What this process was started with, taken before anything of ours is opened or changed, so that the service gets
// exactly that.
struct Inheritance {
  sigset_t signal_mask{};
  bool ignores_child_signal = false;
  std::vector<int> descriptors;  // open ones from 3 up, sorted
};

// The parent of a service. It is invisible: signals, terminal, job control, exit status and descriptors are the
// service's own, whatever its first process does (fork, re-execute, daemonise). It must be made by the main thread
// before any other thread starts, since it blocks every signal for the whole process and reads them from a signalfd.
// All functions belong to the main thread.
class Supervisor {
 public:
  // Blocks all signals and becomes child subreaper.
  static base::Result<std::unique_ptr<Supervisor>> Create();

  // Starts `command` (found on PATH, as a shell would) with `environment` (NAME=value each, complete). On failure the
  // error says what could not be started and why; no child is left.
  base::Status Start(const std::vector<std::string>& command, std::vector<std::string> environment);

  // Forwards signals and reaps until no descendant is left; `on_tick` runs about every `tick`. Returns the wait status
  // to end with: that of the command, unless a process that took over from it ended otherwise than with 0.
  int Run(std::chrono::milliseconds tick, const std::function<void()>& on_tick);

  // After Run: waits until `event_fd` is readable. False when `timeout` is over or a signal asks to end at once.
  bool WaitFor(int event_fd, std::chrono::milliseconds timeout);
  // After Run: false where such a signal came.
  bool Sleep(std::chrono::milliseconds time);

  // Ends this process as `wait_status` says: with its exit status, or by its signal (no core file of ours).
  [[noreturn]] static void EndAs(int wait_status);

  // The process that signals go to; -1 while there is none.
  pid_t target() const { return target_; }
  pid_t command_pid() const { return command_pid_; }
  // Whether the command itself has ended, though its descendants live on.
  bool command_ended() const { return command_ended_; }
  const Inheritance& inheritance() const { return inheritance_; }

 private:
  Supervisor() = default;

  [[noreturn]] void RunChild(char* const* argv, char** environment, int error_fd) const;
  void KeepOnlyInherited() const;
  bool Reap();
  void ChooseSuccessor();
  void ReadSignals();
  bool AskedToEnd();
  void Handle(const signalfd_siginfo& info);
  void StopWithTarget();
  bool TargetIsElsewhere() const;

  Inheritance inheritance_;
  base::Fd signal_fd_;
  std::unique_ptr<NotifyRelay> notify_;
  pid_t self_ = -1;
  pid_t command_pid_ = -1;
  pid_t target_ = -1;
  bool command_ended_ = false;
  bool skip_continue_ = false;
  int status_ = 0;
};

// The environment of this process, NAME=value each.
std::vector<std::string> CurrentEnvironment();
// Sets, replaces or (with nullptr) removes one variable of such a list.
void SetVariable(std::vector<std::string>& environment, const std::string& name, const char* value);

}  // namespace clew::cli
