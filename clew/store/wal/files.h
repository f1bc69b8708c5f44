// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::store::wal {

// A file that is only appended to. One thread at a time.
class LogFile {
 public:
  virtual ~LogFile() = default;
  // Appends all pieces in order. After an error any part of them may stand in the file: Truncate it off.
  // RESOURCE_EXHAUSTED: no room (full disk, quota, file size limit).
  virtual base::Status Append(std::span<const std::string_view> pieces) = 0;
  virtual base::Status Truncate(uint64_t size) = 0;
  // fdatasync: what was appended survives a power cut once this returned, given the name does (Files::SyncFolder).
  virtual base::Status Sync() = 0;
};

// Where the log writes; a seam so that tests can lose what was not synced, fill the disk, and fail. Reading goes to the
// files themselves. Callable from any thread.
class Files {
 public:
  virtual ~Files() = default;
  // A new file; ALREADY_EXISTS where there is one. Room for `reserve_bytes` is taken from the file system without
  // changing the file's size, where it can do that: appends within it do not meet a full disk.
  virtual base::Result<std::unique_ptr<LogFile>> Create(const std::string& path, uint64_t reserve_bytes) = 0;
  // Created, renamed and removed names of `folder` survive a power cut once this returned.
  virtual base::Status SyncFolder(const std::string& folder) = 0;
  virtual base::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual base::Status Remove(const std::string& path) = 0;
  // Of the file system that `folder` is on; all zeros where it does not say.
  struct Space {
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
  };
  virtual Space SpaceOf(const std::string& folder) = 0;
  // The operating system's; lives for ever.
  static Files& System();
};

// Random access for readers of segments. One thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Fills `out` from `offset` on; the caller stays within size(). Bytes that the disk cannot read come out as zeros,
  // which no record's checksum fits.
  virtual void ReadAt(uint64_t offset, std::span<char> out) = 0;
};

base::Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path);
// `bytes` outlives the source.
std::unique_ptr<ByteSource> MemorySource(std::string_view bytes);

}  // namespace clew::store::wal
