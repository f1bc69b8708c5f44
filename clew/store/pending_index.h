// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "clew/base/time.h"
#include "clew/model/log_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/store/pending.h"

namespace clew::store {

// What readers can ask of one pending batch, small enough to be made for each request: sorted hashes, so that a batch
// may match by chance but never fails to.
struct PendingIndex {
  // Of the rows' own times; max < min: no rows.
  base::UnixNanos min_time = 0;
  base::UnixNanos max_time = -1;
  std::vector<uint64_t> trace_ids;
  std::vector<uint64_t> services;
  std::vector<uint64_t> labels;  // name and value of each label of any series

  uint64_t size_bytes() const { return 8 * (trace_ids.size() + services.size() + labels.size()); }
};

PendingIndex MakePendingIndex(const model::SpanBatch& batch);
PendingIndex MakePendingIndex(const model::LogBatch& batch);
PendingIndex MakePendingIndex(const model::SeriesBatch& batch);

// A Question made ready to be held against many batches.
class PendingQuestion {
 public:
  explicit PendingQuestion(const Question& question);
  // False only where no row of the batch matches.
  bool MayMatch(const PendingIndex& index) const;

 private:
  TimeRange range_;
  std::vector<uint64_t> trace_ids_;
  bool has_service_ = false;
  uint64_t service_ = 0;
  // Of the matchers that ask for one value; the others hold for some row of any batch.
  std::vector<uint64_t> labels_;
};

}  // namespace clew::store
