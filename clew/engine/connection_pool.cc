// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/connection_pool.h"

#include <algorithm>

#include "clew/engine/chdb_statement.h"

namespace clew::engine {

base::Result<ChdbLibrary::Connection*> ConnectionPool::Connect() {
  std::vector<std::string> copies = arguments_;
  std::vector<char*> argv;
  for (std::string& argument : copies) argv.push_back(argument.data());
  ChdbLibrary::Connection* connection = library_.connect(static_cast<int>(argv.size()), argv.data());
  if (connection == nullptr || *connection == nullptr) {
    return base::Fail(base::Code::kFailedPrecondition,
                      "the storage engine cannot open its folder: it may be damaged, or of another version");
  }
  if (base::Status status = RunStatement(library_, *connection, setup_, Parameters()); !status) {
    library_.close_connection(connection);
    return std::unexpected(std::move(status).error());
  }
  return connection;
}

base::Result<ConnectionPool::Lease> ConnectionPool::Take(std::chrono::steady_clock::time_point deadline,
                                                         const std::function<bool()>& cancelled) {
  ChdbLibrary::Connection* connection = nullptr;
  {
    const base::MutexLock lock(mutex_);
    while (!closed_ && taken_ >= size_) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline) {
        return base::Fail(base::Code::kDeadlineExceeded, "the store is busy with other queries; try again");
      }
      if (cancelled && cancelled()) return base::Fail(base::Code::kCancelled, "the client went away");
      changed_.wait_until(mutex_, std::min(deadline, now + std::chrono::milliseconds(50)));
    }
    if (closed_) return base::Unavailable("the store is closed");
    ++taken_;
    if (!idle_.empty()) {
      connection = idle_.back();
      idle_.pop_back();
    }
  }
  if (connection != nullptr) return Lease(this, connection);
  auto made = Connect();
  if (made) return Lease(this, *made);
  const base::MutexLock lock(mutex_);
  --taken_;
  changed_.notify_all();
  return std::unexpected(std::move(made).error());
}

void ConnectionPool::Return(ChdbLibrary::Connection* connection) {
  const base::MutexLock lock(mutex_);
  idle_.push_back(connection);
  --taken_;
  changed_.notify_all();
}

void ConnectionPool::CloseAll() {
  std::vector<ChdbLibrary::Connection*> connections;
  {
    const base::MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    while (taken_ > 0) changed_.wait(mutex_);
    connections.swap(idle_);
  }
  for (ChdbLibrary::Connection* connection : connections) library_.close_connection(connection);
}

}  // namespace clew::engine
