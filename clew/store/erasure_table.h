// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/store/person_data.h"
#include "clew/store/store.h"

namespace clew::store {

// What is kept of an act of erasure, for good; nothing in it is the person's. Times are Unix nanoseconds.
struct Erasure {
  std::string id;  // 16 hexadecimal digits
  int64_t started = 0;
  int64_t finished = 0;  // 0: not yet
  std::string who;       // asked for it
  std::string digest;    // HMAC of the identifiers: says whether it was the same person, and no more
  uint32_t identifiers = 0;
  std::string state;  // running, done, failed
  RowsByTable rows;   // removed
  std::string note;   // why it failed, or what could not be looked at
};

// Acts of the context's tenant. The newest write of an id is its state. Not thread-safe; make one a thread.
class ErasureTable {
 public:
  ErasureTable(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Is on disk once it returns. `now` orders the writes of one id.
  base::Status Put(const Erasure& erasure, int64_t now);
  // Newest first.
  base::Result<std::vector<Erasure>> List();

 private:
  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
