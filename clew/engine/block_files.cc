// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/block_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace clew::engine {
namespace {

constexpr size_t kMostKept = 2;

}  // namespace

base::Result<base::Fd> BlockFiles::With(const EncodedBlock& block) {
  base::Fd file;
  {
    const base::MutexLock lock(mutex_);
    if (!kept_.empty()) {
      file = std::move(kept_.back());
      kept_.pop_back();
    }
  }
  if (!file) file = base::Fd(memfd_create("clew-insert", MFD_CLOEXEC));
  if (!file) return base::ErrnoError("memfd_create", errno);
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return base::ErrnoError("cannot write a block", errno);
  off_t size = 0;
  for (const std::string_view piece : block.pieces) {
    CLEW_RETURN_IF_ERROR(base::WriteAll(file.get(), piece));
    size += static_cast<off_t>(piece.size());
  }
  // The last block may have been longer.
  if (::ftruncate(file.get(), size) != 0) return base::ErrnoError("cannot write a block", errno);
  return file;
}

void BlockFiles::Keep(base::Fd file) {
  const base::MutexLock lock(mutex_);
  if (kept_.size() < kMostKept) kept_.push_back(std::move(file));
}

void BlockFiles::Clear() {
  const base::MutexLock lock(mutex_);
  kept_.clear();
}

}  // namespace clew::engine
