// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/engine/native_block.h"
#include "clew/engine/native_writer.h"

namespace clew::engine {

// Values for the {name:Type} placeholders of a query. The engine binds them after parsing, so that no value can become
// SQL; here they are only put into the text form of their type.
class Parameters {
 public:
  struct Entry {
    std::string name;
    std::string value;
  };

  Parameters& Text(std::string_view name, std::string_view value);  // String
  Parameters& Int(std::string_view name, int64_t value);            // any integer type
  Parameters& Uint(std::string_view name, uint64_t value);
  Parameters& Float(std::string_view name, double value);
  Parameters& Texts(std::string_view name, std::span<const std::string> values);  // Array(String)
  Parameters& Uints(std::string_view name, std::span<const uint64_t> values);     // Array(UInt64)

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

struct QueryOptions {
  // The query ends with DEADLINE_EXCEEDED once this has passed.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  // Asked every few milliseconds while the query runs, from another thread; true ends it with CANCELLED.
  std::function<bool()> cancelled;
  // What the query may hold inside the engine; over it: RESOURCE_EXHAUSTED.
  uint64_t memory_bytes = 512u << 20;
  // Threads of the engine that work on it; 0: as many as it likes.
  uint32_t max_threads = 0;
  // Rows of one block that comes out.
  uint32_t max_block_rows = 8192;
  // More settings of the engine for this query, "name = value, …"; constants of the caller, never data.
  std::string_view settings;
};

using OnBlock = std::function<base::Status(const Block&)>;

// One ClickHouse, however it is reached. All functions may be called from any thread at once; each call holds one
// connection of a bounded pool and waits, within its deadline, for a free one. Errors: INVALID_ARGUMENT (a bad regular
// expression or value), RESOURCE_EXHAUSTED (memory, disk), DEADLINE_EXCEEDED, CANCELLED, NOT_FOUND (no such table),
// DATA_LOSS (a corrupt part), UNAVAILABLE (closed), INTERNAL.
class Engine {
 public:
  virtual ~Engine() = default;

  // Runs a SELECT and calls `on_block` with each block as it comes, on the calling thread. An error from `on_block`
  // ends the query and is returned.
  virtual base::Status Query(std::string_view sql, const Parameters& parameters, const QueryOptions& options,
                             const OnBlock& on_block) = 0;
  // Runs a statement that gives no rows (CREATE, ALTER, DROP, INSERT … SELECT). Of the options only INSERT knows more
  // than that it waits for a connection until the deadline.
  virtual base::Status Execute(std::string_view sql, const Parameters& parameters, const QueryOptions& options) = 0;
  // Inserts one block, whose columns are found by name; it becomes one part a partition. A block with a `token`
  // (letters, digits and -_.:/) that the table has seen is taken as done; an empty one says that it is not to be looked
  // for.
  virtual base::Status Insert(std::string_view table, const EncodedBlock& block, std::string_view token,
                              const QueryOptions& options) = 0;
  // Why nothing can be written at present (RESOURCE_EXHAUSTED: a write waits for room on the disk). Reads go on.
  virtual base::Status Writable() const = 0;
  // The engine is to be closed: a write that waits for room at `when` or later ends the process, since Close could not
  // return. What it had not finished is not in a table.
  virtual void EndWaitingWritesAt(std::chrono::steady_clock::time_point when) = 0;
  // Ends running queries, closes every connection, gives up the folder. Calls after it fail with UNAVAILABLE. The
  // destructor does the same.
  virtual void Close() = 0;
};

}  // namespace clew::engine
