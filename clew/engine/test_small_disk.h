// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"

// For tests of a full disk: a file system of a few hundred megabytes that is there for one process and its children.
namespace clew::engine {

// Gives this process a mount namespace of its own with a new file system of `bytes` at `folder`, which goes away with
// the last process in it. Before the process has a second thread. PERMISSION_DENIED where the kernel lets nobody do it.
inline base::Status EnterSmallDisk(const std::string& folder, uint64_t bytes) {
  const auto refused = [](const char* what) {
    return base::Fail(base::Code::kPermissionDenied,
                      fmt::format("{}: error {}; a full disk is tested on a small file system in a mount namespace, "
                                  "which needs root or user namespaces (sysctl kernel.unprivileged_userns_clone)",
                                  what, errno));
  };
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return refused("unshare");
  if (user != 0) {
    const auto write_file = [](const char* path, const std::string& text) -> base::Status {
      const base::Fd fd(open(path, O_WRONLY | O_CLOEXEC));
      return base::WriteAll(fd.get(), text);
    };
    CLEW_RETURN_IF_ERROR(write_file("/proc/self/setgroups", "deny"));
    CLEW_RETURN_IF_ERROR(write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)));
    CLEW_RETURN_IF_ERROR(write_file("/proc/self/gid_map", fmt::format("0 {} 1", group)));
  }
  // In a chroot / is no mount point, and whoever made the chroot has decided who sees what is mounted in it.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL) {
    return refused("mount of / as private");
  }
  if (mount("clew-test", folder.c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) != 0) {
    return refused("mount of a tmpfs");
  }
  return {};
}

// Takes room on a disk until it is told to give it back. One thread at a time.
class DiskFiller {
 public:
  explicit DiskFiller(const std::string& folder) : folder_(folder), path_(folder + "/filler") {}
  DiskFiller(const DiskFiller&) = delete;
  DiskFiller& operator=(const DiskFiller&) = delete;

  // Until at most `leave_bytes` are free, whatever others write or remove meanwhile.
  void Fill(uint64_t leave_bytes) {
    const base::Fd fd(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (int attempt = 0; attempt < 20; ++attempt) {
      const uint64_t free = FreeBytes();
      if (free <= leave_bytes) break;
      const auto more = static_cast<off_t>(free - leave_bytes);
      if (fallocate(fd.get(), 0, size_, more) == 0) size_ += more;
    }
  }
  void Free() {
    unlink(path_.c_str());
    size_ = 0;
  }
  uint64_t FreeBytes() const {
    struct statvfs status;
    return statvfs(folder_.c_str(), &status) == 0 ? uint64_t{status.f_bavail} * status.f_frsize : 0;
  }

 private:
  const std::string folder_;
  const std::string path_;
  off_t size_ = 0;
};

// Runs one disabled test of this program in a process of its own, with its standard error in the file `log` where that
// is not empty. Exit status, or 1000 and more where a signal ended it.
inline int RunDisabledTest(const std::string& name, const std::vector<std::pair<std::string, std::string>>& environment,
                           const std::string& log = {}) {
  const pid_t child = fork();
  if (child == 0) {
    // The report is the parent's.
    unsetenv("GTEST_OUTPUT");
    for (const auto& [variable, value] : environment) setenv(variable.c_str(), value.c_str(), 1);
    if (!log.empty()) {
      const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(fd, STDERR_FILENO);
    }
    const std::string filter = "--gtest_filter=" + name;
    execl("/proc/self/exe", "test", "--gtest_also_run_disabled_tests", filter.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

}  // namespace clew::engine
