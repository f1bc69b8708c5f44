// SPDX-License-Identifier: Apache-2.0
#include "clew/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace clew::base {

void Fd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> ReadFile(const std::string& path, size_t limit_bytes) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return ErrnoError("cannot open " + path, errno);
  std::string bytes;
  size_t filled = 0;
  while (true) {
    bytes.resize(filled + (64u << 10));
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoError("cannot read " + path, errno);
    }
    filled += static_cast<size_t>(got);
    if (filled > limit_bytes) return Fail(Code::kOutOfRange, path + " is larger than expected");
    if (got == 0) break;
  }
  bytes.resize(filled);
  return bytes;
}

FileStamp StampOf(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return {};
  return {about.st_ino, about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec, about.st_size};
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoError("cannot write", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, int mode) {
  const std::string temporary = path + ".tmp";
  {
    const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!file) return ErrnoError("cannot create " + temporary, errno);
    CLEW_RETURN_IF_ERROR(WriteAll(file.get(), bytes));
    if (::fsync(file.get()) != 0) return ErrnoError("cannot sync " + temporary, errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return ErrnoError("cannot replace " + path, errno);
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return ErrnoError("cannot sync " + folder, errno);
  return {};
}

}  // namespace clew::base
