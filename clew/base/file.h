// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "clew/base/result.h"

namespace clew::base {

// Owns one file descriptor; -1 is none. Move-only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The whole of a file, at most `limit_bytes` (more is OUT_OF_RANGE).
Result<std::string> ReadFile(const std::string& path, size_t limit_bytes = 256u << 20);
// What tells that a file has changed; all zeros where there is none.
struct FileStamp {
  uint64_t inode = 0;
  int64_t modified_ns = 0;
  int64_t size = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp StampOf(const std::string& path);
// Writes all of `bytes`, going on after interruptions and short writes.
Status WriteAll(int fd, std::string_view bytes);
// Replaces `path` at once: temporary file beside it, fsync, rename, fsync of the folder.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, int mode = 0644);

}  // namespace clew::base
