// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/engine/chdb_library.h"

namespace clew::engine {

// Connections to one folder, opened when first needed and kept. Each serves one thread at a time: on a shared one even
// `select 1` waits for whatever runs. Thread-safe.
class ConnectionPool {
 public:
  // `setup` is run once on each new connection.
  ConnectionPool(const ChdbLibrary& library, std::vector<std::string> arguments, std::string setup, uint32_t size)
      : library_(library), arguments_(std::move(arguments)), setup_(std::move(setup)), size_(size) {}
  ~ConnectionPool() { CloseAll(); }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // One connection for as long as this lives.
  class Lease {
   public:
    Lease(ConnectionPool* pool, ChdbLibrary::Connection* connection) : pool_(pool), connection_(connection) {}
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), connection_(other.connection_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->Return(connection_);
    }
    ChdbLibrary::Connection get() const { return *connection_; }

   private:
    ConnectionPool* pool_;
    ChdbLibrary::Connection* connection_;
  };

  // Waits for a free one. DEADLINE_EXCEEDED, CANCELLED (`cancelled`, where it is set, is asked now and then),
  // UNAVAILABLE once CloseAll has been called.
  base::Result<Lease> Take(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& cancelled);
  // Lets no one take any more, waits until all have come back, closes them.
  void CloseAll();

 private:
  base::Result<ChdbLibrary::Connection*> Connect();
  void Return(ChdbLibrary::Connection* connection);

  const ChdbLibrary& library_;
  const std::vector<std::string> arguments_;
  const std::string setup_;
  const uint32_t size_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<ChdbLibrary::Connection*> idle_ GUARDED_BY(mutex_);
  uint32_t taken_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace clew::engine
