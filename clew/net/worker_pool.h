// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "clew/base/thread_annotations.h"

namespace clew::net {

// Threads that work off one bounded queue, first come first served. Any thread may submit.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  // `name` (at most 15 characters) is the threads' own.
  WorkerPool(const std::string& name, int threads, size_t queue_limit);
  ~WorkerPool() { Stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, with `task` unused, where the queue is full or the pool stopped.
  bool Submit(Task task) EXCLUDES(mutex_);
  // Drops what waits, ends once running tasks have. Repeatable; not from a task.
  void Stop() EXCLUDES(mutex_);

 private:
  void Work() EXCLUDES(mutex_);

  const size_t queue_limit_;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::deque<Task> queue_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace clew::net
