// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/store/store.h"

namespace clew::store {

// One text as it is kept, and where. Views live as long as the call.
struct StoredText {
  std::string_view signal;   // traces, logs, metrics, incidents
  std::string_view service;  // empty: of none
  std::string_view column;   // "name", "attributes", "events.attributes", "body", "labels", …
  std::string_view key;      // of an attribute or label; empty: none
  std::string_view text;
  bool is_key = false;              // the text is the key itself
  bool is_number = false;           // the value is one
  std::string_view db_system = {};  // what the same record says of its database
};

// Where a walk stands, as a text that the next call takes: the table and the second of time up to which it was read.
struct WalkStep {
  std::string cursor;  // empty: that was all
  uint64_t rows = 0;   // read in this step
};

// All texts of one tenant's telemetry, in the order of tables and of their time, step by step at bounded load: a step
// reads whole seconds until it has `most_rows` rows at least, with one thread. Rows that come in behind the cursor are
// not seen. Rollups, which repeat what spans say, are left out. One thread; references outlive it.
class StoredTexts {
 public:
  using Visit = std::function<void(const StoredText&)>;

  StoredTexts(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // `cursor`: empty at first. INVALID_ARGUMENT for one that no step gave.
  base::Result<WalkStep> Step(std::string_view cursor, uint64_t most_rows, const Visit& visit);

 private:
  struct Table;
  base::Result<std::optional<int64_t>> EndOfStep(const Table& table, int64_t from, uint64_t most_rows);
  base::Result<uint64_t> Read(const Table& table, int64_t from, std::optional<int64_t> to, const Visit& visit);

  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
