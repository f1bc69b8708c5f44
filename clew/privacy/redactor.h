// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"

namespace clew::privacy {

// Takes personal data and secrets out of a batch, before anything of it is written or sent. Values only change:
// structure, ids, times, numbers and keys stay. What was redacted, and every text that no row refers to, is
// overwritten, so that it is nowhere in the batch's bytes. Redacting twice changes nothing more.
//
// Rules so far: SQL literals of db.query.text and db.statement; the userinfo and the values of telling query keys in
// URLs (url.full, url.query and the older names).
// A redactor is immutable: one serves all threads.
class Redactor {
 public:
  void Redact(model::SpanBatch& batch) const;
  void Redact(model::LogBatch& batch) const;
  void Redact(model::MetricBatch& batch) const;
  void Redact(model::SeriesBatch& batch) const;
};

}  // namespace clew::privacy
