// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/engine/native_writer.h"

namespace clew::engine {

// Files in memory (memfd_create(2)) by which blocks get into the embedded engine. They are used again with their pages,
// since making and clearing these for each block costs more than filling them. Thread-safe.
class BlockFiles {
 public:
  // A file that holds the block's bytes and nothing else.
  base::Result<base::Fd> With(const EncodedBlock& block);
  // Gives one back.
  void Keep(base::Fd file);
  // Gives the memory of those that are kept back.
  void Clear();

 private:
  base::Mutex mutex_;
  std::vector<base::Fd> kept_ GUARDED_BY(mutex_);
};

}  // namespace clew::engine
