// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/file.h"

namespace clew::agent::drain {

// What /proc/PID/stat says (proc(5)).
struct ProcessStat {
  char state = 0;
  uint64_t start_ticks = 0;  // since boot; field 22
  double user_seconds = 0;
  double system_seconds = 0;
  uint64_t resident_bytes = 0;
  uint32_t threads = 0;
  int exit_status = 0;  // a wait status, while it is a zombie that we may look at

  // Nothing where the process is gone or the text is not of that form.
  static std::optional<ProcessStat> Of(pid_t pid);
  static std::optional<ProcessStat> Parse(std::string_view text);
};

// A process that need not be a child of ours, held by a pidfd so that its pid cannot be taken for another's.
// One thread at a time.
class WatchedProcess {
 public:
  // The process of that pid which started at `start_ticks`; nothing where it has ended, or the pid is another's by now.
  static std::unique_ptr<WatchedProcess> Open(pid_t pid, uint64_t start_ticks);

  pid_t pid() const { return pid_; }
  // Readable once it has ended.
  int fd() const { return pidfd_.get(); }
  // All its threads are gone for good. (A zombie by /proc may still have running threads.)
  bool HasEnded() const;
  // After its end: its wait status, where the kernel tells (as long as it is not reaped, or Linux 6.15 and up).
  std::optional<int> ExitStatus() const;
  // While it runs, and after its end until it is reaped.
  std::optional<ProcessStat> Stat() const;

 private:
  WatchedProcess(pid_t pid, uint64_t start_ticks, base::Fd pidfd)
      : pid_(pid), start_ticks_(start_ticks), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  uint64_t start_ticks_;
  base::Fd pidfd_;
};

// "exit status 3", "signal 9 (SIGKILL)"; "status unknown" for nothing.
std::string DescribeEnd(std::optional<int> wait_status);

}  // namespace clew::agent::drain
