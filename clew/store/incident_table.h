// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/request_context.h"
#include "clew/store/sql.h"
#include "clew/store/store.h"
#include "clew/store/time_range.h"

namespace clew::store {

// One incident as it is kept. Times are Unix nanoseconds.
struct Incident {
  std::string id;  // 16 hexadecimal digits
  int64_t onset = 0;
  int64_t opened = 0;  // when it was noticed
  int64_t closed = 0;  // 0: it lasts
  std::string service;
  std::string kind;
  std::string summary;
  std::string answer;  // the whole answer, as /api/clew/why gives it
};

// Incidents of the context's tenant. The newest write of an id is its state. Not thread-safe; make one a thread.
class IncidentTable {
 public:
  IncidentTable(Store& store, const model::RequestContext& context) : store_(store), context_(context) {}

  // Rows are on disk once it returns. `now`: when this state came to be; orders the writes of one id.
  base::Status Put(const Incident& incident, int64_t now);
  // Those that lasted within the range, newest onset first.
  base::Result<std::vector<Incident>> List(TimeRange range, uint32_t limit);
  // NOT_FOUND: there is none of that id.
  base::Result<Incident> Get(std::string_view id);

 private:
  base::Result<std::vector<Incident>> Select(std::string_view having, Conditions& conditions);

  Store& store_;
  const model::RequestContext& context_;
};

}  // namespace clew::store
