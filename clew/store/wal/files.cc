// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "clew/base/file.h"

namespace clew::store::wal {
namespace {

// A full disk is the one failure that passes by itself; quota and file size limits count as one.
std::unexpected<base::Error> WriteError(const std::string& what, int error_number) {
  auto error = base::ErrnoError(what, error_number);
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    error.error().code = base::Code::kResourceExhausted;
  }
  return error;
}

class SystemFile : public LogFile {
 public:
  SystemFile(base::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::Status Append(std::span<const std::string_view> pieces) override {
    size_t next = 0;
    size_t consumed = 0;  // of pieces[next]
    while (true) {
      std::array<iovec, 256> vector;
      size_t used = 0;
      for (size_t i = next; i < pieces.size() && used < vector.size(); ++i) {
        const std::string_view piece = i == next ? pieces[i].substr(consumed) : pieces[i];
        if (piece.empty()) continue;
        vector[used++] = {const_cast<char*>(piece.data()), piece.size()};
      }
      if (used == 0) return {};
      const ssize_t written = ::writev(fd_.get(), vector.data(), static_cast<int>(used));
      if (written < 0) {
        if (errno == EINTR) continue;
        return WriteError("cannot write " + path_, errno);
      }
      size_t left = static_cast<size_t>(written);
      while (next < pieces.size() && left >= pieces[next].size() - consumed) {
        left -= pieces[next].size() - consumed;
        consumed = 0;
        ++next;
      }
      consumed += left;
    }
  }

  base::Status Truncate(uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return base::ErrnoError("cannot cut " + path_, errno);
    return {};
  }

  base::Status Sync() override {
    while (::fdatasync(fd_.get()) != 0) {
      // Any other failure may have thrown dirty pages away: trying again would only look like success.
      if (errno != EINTR) return WriteError("cannot sync " + path_, errno);
    }
    return {};
  }

 private:
  base::Fd fd_;
  std::string path_;
};

class SystemFiles : public Files {
 public:
  base::Result<std::unique_ptr<LogFile>> Create(const std::string& path, uint64_t reserve_bytes) override {
    base::Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    const std::string folder = path.substr(0, path.rfind('/'));
    if (!fd) return WriteError("cannot make a file in " + folder, errno);
    if (reserve_bytes > 0 && ::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(reserve_bytes)) != 0 &&
        (errno == ENOSPC || errno == EDQUOT)) {
      // File systems that cannot reserve are used without.
      const int error_number = errno;
      ::unlink(path.c_str());
      return WriteError("no room for a new file in " + folder, error_number);
    }
    return std::make_unique<SystemFile>(std::move(fd), path);
  }

  base::Status SyncFolder(const std::string& folder) override {
    const base::Fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return WriteError("cannot sync folder " + folder, errno);
    return {};
  }

  base::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return WriteError("cannot rename " + from, errno);
    return {};
  }

  base::Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return base::ErrnoError("cannot remove " + path, errno);
    return {};
  }

  Space SpaceOf(const std::string& folder) override {
    struct statvfs status;
    if (::statvfs(folder.c_str(), &status) != 0) return {};
    return {uint64_t{status.f_bavail} * status.f_frsize, uint64_t{status.f_blocks} * status.f_frsize};
  }
};

class FileSource : public ByteSource {
 public:
  FileSource(base::Fd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}

  uint64_t size() const override { return size_; }

  void ReadAt(uint64_t offset, std::span<char> out) override {
    constexpr size_t kPage = 4096;
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      size_t done = 0;
      if (got > 0) {
        done = static_cast<size_t>(got);
      } else if (got < 0 && errno == EINTR) {
        continue;
      } else {
        // A page that cannot be read is lost, the pages behind it may not be.
        done = std::min<size_t>(out.size(), kPage - offset % kPage);
        std::memset(out.data(), 0, done);
      }
      out = out.subspan(done);
      offset += done;
    }
  }

 private:
  base::Fd fd_;
  uint64_t size_;
};

class ViewSource : public ByteSource {
 public:
  explicit ViewSource(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  void ReadAt(uint64_t offset, std::span<char> out) override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::string_view bytes_;
};

}  // namespace

Files& Files::System() {
  static SystemFiles files;
  return files;
}

base::Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path) {
  base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) != 0) return base::ErrnoError("cannot open " + path, errno);
  return std::make_unique<FileSource>(std::move(fd), static_cast<uint64_t>(status.st_size));
}

std::unique_ptr<ByteSource> MemorySource(std::string_view bytes) { return std::make_unique<ViewSource>(bytes); }

}  // namespace clew::store::wal
