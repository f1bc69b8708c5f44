// SPDX-License-Identifier: Apache-2.0
#include "clew/net/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace clew::net {

WorkerPool::WorkerPool(const std::string& name, int threads, size_t queue_limit) : queue_limit_(queue_limit) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      Work();
    });
  }
}

bool WorkerPool::Submit(Task task) {
  {
    const base::MutexLock lock(mutex_);
    if (stopped_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::Stop() {
  std::deque<Task> dropped;
  {
    const base::MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::Work() {
  for (;;) {
    Task task;
    {
      const base::MutexLock lock(mutex_);
      while (!stopped_ && queue_.empty()) changed_.wait(mutex_);
      if (stopped_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace clew::net
