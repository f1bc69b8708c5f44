// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>

// Clang's thread-safety analysis; nothing to other compilers.
#if defined(__clang__)
#define CLEW_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define CLEW_THREAD_ATTRIBUTE(x)
#endif

// Abseil, which gRPC's headers bring along, has the same name with the same meaning.
#ifndef GUARDED_BY
#define GUARDED_BY(x) CLEW_THREAD_ATTRIBUTE(guarded_by(x))
#endif
#define REQUIRES(...) CLEW_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CLEW_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace clew::base {

// std::mutex that the analysis knows.
class CLEW_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() CLEW_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() CLEW_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  bool try_lock() CLEW_THREAD_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class CLEW_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) CLEW_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() CLEW_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits on a Mutex that the caller holds; std::condition_variable_any underneath.
using CondVar = std::condition_variable_any;

}  // namespace clew::base
