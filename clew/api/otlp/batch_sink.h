// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "clew/base/hash.h"
#include "clew/ingest/ingest.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/request_context.h"
#include "clew/model/span_batch.h"

namespace clew::api::otlp {

// What lies behind the OTLP doors: ingest::Ingest, whose contract Write has. A seam, since tests of the protocols need
// one that is overloaded, late or refusing at will.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  virtual void Write(const model::RequestContext& context, model::SpanBatch batch, base::Hash128 body_hash,
                     ingest::Done done) = 0;
  virtual void Write(const model::RequestContext& context, model::LogBatch batch, base::Hash128 body_hash,
                     ingest::Done done) = 0;
  virtual void Write(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 body_hash,
                     ingest::Done done) = 0;
};

// `ingest` outlives the sink.
std::shared_ptr<BatchSink> SinkOf(ingest::Ingest& ingest);

}  // namespace clew::api::otlp
