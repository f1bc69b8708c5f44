// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace clew::engine {
namespace {

std::unexpected<base::Error> CannotWrite(const std::string& folder, int error_number) {
  const bool denied = error_number == EACCES || error_number == EPERM || error_number == EROFS;
  return base::Fail(denied ? base::Code::kPermissionDenied : base::Code::kFailedPrecondition,
                    fmt::format("the data folder {} cannot be written ({}): make it writable for this user or name "
                                "another folder",
                                folder, std::strerror(error_number)));
}

}  // namespace

base::Result<base::Fd> LockFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return CannotWrite(folder, error.value());
  const std::string path = folder + "/clew.lock";
  base::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return CannotWrite(folder, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::ErrnoError("lock of " + path, errno);
    char holder[32] = {};
    const ssize_t size = pread(fd.get(), holder, sizeof holder - 1, 0);
    const std::string number(holder, size > 0 ? std::strcspn(holder, "\n") : 0);
    return base::Fail(base::Code::kFailedPrecondition,
                      fmt::format("the data folder {} is in use by process {}: stop it or name another folder", folder,
                                  number.empty() ? "unknown" : number));
  }
  const std::string number = fmt::format("{}\n", getpid());
  // The lock is what counts; a full disk only keeps the number out.
  const bool is_written = pwrite(fd.get(), number.data(), number.size(), 0) == static_cast<ssize_t>(number.size()) &&
                          ftruncate(fd.get(), static_cast<off_t>(number.size())) == 0;
  if (!is_written && errno != ENOSPC && errno != EDQUOT) return CannotWrite(folder, errno);
  return fd;
}

}  // namespace clew::engine
