// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/govern/person.h"
#include "clew/model/request_context.h"
#include "clew/privacy/redactor.h"
#include "clew/store/erasure_table.h"
#include "clew/store/person_data.h"
#include "clew/store/store.h"
#include "clew/store/write_path.h"

namespace clew::govern {

// Removes a person from all that is kept (docs/adr/0021): rows of telemetry and series that hold an identifier or one
// of its pseudonyms go; who sent telemetry, and incidents, lose the identifier alone. It is done once neither a read of
// every column of every table nor a search through the bytes of the data folder, log included, finds anything; then
// the old parts are gone from disk too. What is kept of it is an Erasure.
//
// Nothing of the person is written anywhere, so an act that a crash cut off goes on when it is asked for again; what
// had been noted is removed by ClickHouse itself from its next start on. One act at a time. Any thread may call; all
// references outlive it.
class Eraser {
 public:
  Eraser(store::Store& store, store::WritePath& write_path, const privacy::Redactor& redactor);
  // Ends what runs; it may be gone on with.
  ~Eraser();
  Eraser(const Eraser&) = delete;
  Eraser& operator=(const Eraser&) = delete;

  // What would be removed now, in the context's tenant.
  base::Result<std::vector<store::PersonRows>> Preview(const model::RequestContext& context,
                                                       const Identifiers& identifiers);
  // Begins, or goes on with an act about the same identifiers that was cut off, and returns at once. RESOURCE_EXHAUSTED
  // while another runs. `who` asked for it.
  base::Result<store::Erasure> Start(const model::RequestContext& context, const Identifiers& identifiers,
                                     std::string who);
  // Newest first. State "interrupted": it was cut off and is to be asked for again.
  base::Result<std::vector<store::Erasure>> List(const model::RequestContext& context);

 private:
  struct Act;
  void Run(Act act);
  base::Status Work(Act& act);
  base::Result<uint64_t> RowsLeft(Act& act);
  base::Result<std::vector<std::string>> FilesLeft(Act& act);
  base::Status Save(Act& act);

  store::Store& store_;
  store::WritePath& write_path_;
  const privacy::Redactor& redactor_;
  const model::CancellationToken stop_;

  base::Mutex mutex_;
  std::optional<std::string> running_ GUARDED_BY(mutex_);  // id
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace clew::govern
