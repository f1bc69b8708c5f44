// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/process_watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace clew::agent::drain {
namespace {

// Of linux/pidfd.h since Linux 6.13; Debian 12's headers are older.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t ids[11];
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr uint64_t kPidfdInfoExit = 1u << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

std::optional<ProcessStat> ProcessStat::Of(pid_t pid) {
  auto text = base::ReadFile(fmt::format("/proc/{}/stat", pid), 16384);
  if (!text) return std::nullopt;
  return Parse(*text);
}

std::optional<ProcessStat> ProcessStat::Parse(std::string_view text) {
  // The name in parentheses may hold anything, so fields are counted from its last one: the state is field 3.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= text.size()) return std::nullopt;
  ProcessStat result;
  result.state = text[name_end + 2];
  text.remove_prefix(name_end + 3);
  std::array<int64_t, 53> fields{};
  size_t field = 4;
  while (field < fields.size()) {
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) break;
    text.remove_prefix(first);
    // Fields over 63 bits (addresses) are none of those wanted; they are stepped over.
    std::from_chars(text.data(), text.data() + text.size(), fields[field]);
    const size_t end = text.find_first_of(" \n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    ++field;
  }
  if (field <= 24) return std::nullopt;
  static const double kTick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  static const uint64_t kPage = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  result.user_seconds = static_cast<double>(fields[14]) * kTick;
  result.system_seconds = static_cast<double>(fields[15]) * kTick;
  result.threads = static_cast<uint32_t>(fields[20]);
  result.start_ticks = static_cast<uint64_t>(fields[22]);
  result.resident_bytes = static_cast<uint64_t>(fields[24]) * kPage;
  result.exit_status = static_cast<int>(fields[52]);
  return result;
}

std::unique_ptr<WatchedProcess> WatchedProcess::Open(pid_t pid, uint64_t start_ticks) {
  base::Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return nullptr;
  // Compared after the pidfd is held, so that the pid cannot change hands in between.
  const auto stat = ProcessStat::Of(pid);
  if (stat && stat->start_ticks != start_ticks) return nullptr;
  std::unique_ptr<WatchedProcess> process(new WatchedProcess(pid, start_ticks, std::move(pidfd)));
  // A /proc that hides other users' processes (hidepid) must not make a living one look dead.
  if (!stat && process->HasEnded()) return nullptr;
  return process;
}

bool WatchedProcess::HasEnded() const {
  pollfd wait{pidfd_.get(), POLLIN, 0};
  return poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0;
}

std::optional<int> WatchedProcess::ExitStatus() const {
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  if (ioctl(pidfd_.get(), kPidfdGetInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0) return info.exit_code;
  // Not reaped yet, or an older kernel.
  const auto stat = Stat();
  if (stat && stat->state == 'Z') return stat->exit_status;
  // It may have been reaped between the two looks.
  info.mask = kPidfdInfoExit;
  if (ioctl(pidfd_.get(), kPidfdGetInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0) return info.exit_code;
  return std::nullopt;
}

std::optional<ProcessStat> WatchedProcess::Stat() const {
  auto stat = ProcessStat::Of(pid_);
  if (!stat || stat->start_ticks != start_ticks_) return std::nullopt;
  return stat;
}

std::string DescribeEnd(std::optional<int> wait_status) {
  if (!wait_status) return "status unknown";
  if (WIFEXITED(*wait_status)) return fmt::format("exit status {}", WEXITSTATUS(*wait_status));
  const int number = WTERMSIG(*wait_status);
  const char* name = sigabbrev_np(number);
  return name == nullptr ? fmt::format("signal {}", number) : fmt::format("signal {} (SIG{})", number, name);
}

}  // namespace clew::agent::drain
