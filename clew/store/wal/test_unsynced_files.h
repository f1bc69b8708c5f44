// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/thread_annotations.h"
#include "clew/store/wal/files.h"

namespace clew::store::wal {

// For crash tests: what was written but not synced stays in this process, so a kill loses it as a power cut would.
// Names of new files come to be, and removed ones go, when their folder is synced. With a seed, some unsynced bytes do
// reach the disk at random, as a kernel may write them back at any time: that makes torn ends.
class UnsyncedFiles : public Files {
 public:
  explicit UnsyncedFiles(uint64_t seed = 0) : shared_(std::make_shared<Shared>()) {
    const base::MutexLock lock(shared_->mutex);
    shared_->leaks = seed != 0;
    shared_->random.seed(seed);
  }

  base::Result<std::unique_ptr<LogFile>> Create(const std::string& path, uint64_t) override {
    const base::MutexLock lock(shared_->mutex);
    auto state = std::make_shared<State>();
    shared_->unnamed[path] = state;
    return std::make_unique<File>(shared_, std::move(state));
  }

  base::Status SyncFolder(const std::string& folder) override {
    const base::MutexLock lock(shared_->mutex);
    for (auto& [path, state] : std::exchange(shared_->unnamed, {})) {
      if (state->renamed) (void)System().Remove(path);
      CLEW_ASSIGN_OR_RETURN(state->real, System().Create(path, 0));
      CLEW_RETURN_IF_ERROR(state->WriteReal(state->synced_bytes));
    }
    for (const auto& [from, to] : std::exchange(shared_->renames, {})) {
      if (to.empty()) {
        (void)System().Remove(from);
      } else {
        CLEW_RETURN_IF_ERROR(System().Rename(from, to));
      }
    }
    return System().SyncFolder(folder);
  }

  base::Status Rename(const std::string& from, const std::string& to) override {
    const base::MutexLock lock(shared_->mutex);
    if (auto found = shared_->unnamed.extract(from)) {
      found.key() = to;
      found.mapped()->renamed = true;
      shared_->unnamed.insert(std::move(found));
    } else {
      shared_->renames.emplace_back(from, to);
    }
    return {};
  }

  base::Status Remove(const std::string& path) override {
    const base::MutexLock lock(shared_->mutex);
    if (shared_->unnamed.erase(path) == 0) shared_->renames.emplace_back(path, "");
    return {};
  }

  Space SpaceOf(const std::string& folder) override { return System().SpaceOf(folder); }

 private:
  struct State {
    std::unique_ptr<LogFile> real;  // none before the name is synced
    std::string bytes;              // behind what `real` has
    uint64_t real_size = 0;
    size_t synced_bytes = 0;  // of `bytes`, while there is no `real`
    bool renamed = false;

    base::Status WriteReal(size_t count) {
      const std::string_view piece = std::string_view(bytes).substr(0, count);
      CLEW_RETURN_IF_ERROR(real->Append({&piece, 1}));
      real_size += count;
      bytes.erase(0, count);
      synced_bytes = 0;
      return {};
    }
  };
  struct Shared {
    base::Mutex mutex;
    bool leaks GUARDED_BY(mutex) = false;
    std::mt19937_64 random GUARDED_BY(mutex);
    std::map<std::string, std::shared_ptr<State>> unnamed GUARDED_BY(mutex);
    std::vector<std::pair<std::string, std::string>> renames GUARDED_BY(mutex);  // to "": removed
  };

  class File : public LogFile {
   public:
    File(std::shared_ptr<Shared> shared, std::shared_ptr<State> state)
        : shared_(std::move(shared)), state_(std::move(state)) {}

    base::Status Append(std::span<const std::string_view> pieces) override {
      const base::MutexLock lock(shared_->mutex);
      for (const std::string_view piece : pieces) state_->bytes += piece;
      if (!shared_->leaks || state_->real == nullptr || shared_->random() % 4 != 0) return {};
      return state_->WriteReal(shared_->random() % (state_->bytes.size() + 1));
    }
    base::Status Truncate(uint64_t size) override {
      const base::MutexLock lock(shared_->mutex);
      if (size >= state_->real_size) {
        state_->bytes.resize(size - state_->real_size);
        return {};
      }
      state_->bytes.clear();
      state_->real_size = size;
      return state_->real->Truncate(size);
    }
    base::Status Sync() override {
      const base::MutexLock lock(shared_->mutex);
      if (state_->real != nullptr) return state_->WriteReal(state_->bytes.size());
      state_->synced_bytes = state_->bytes.size();
      return {};
    }

   private:
    std::shared_ptr<Shared> shared_;
    std::shared_ptr<State> state_;
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace clew::store::wal
