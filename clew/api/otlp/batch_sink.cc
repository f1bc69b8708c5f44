// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/batch_sink.h"

#include <utility>

namespace clew::api::otlp {
namespace {

class IngestSink final : public BatchSink {
 public:
  explicit IngestSink(ingest::Ingest& ingest) : ingest_(ingest) {}

  void Write(const model::RequestContext& context, model::SpanBatch batch, base::Hash128 body_hash,
             ingest::Done done) override {
    ingest_.Write(context, std::move(batch), body_hash, std::move(done));
  }
  void Write(const model::RequestContext& context, model::LogBatch batch, base::Hash128 body_hash,
             ingest::Done done) override {
    ingest_.Write(context, std::move(batch), body_hash, std::move(done));
  }
  void Write(const model::RequestContext& context, model::MetricBatch batch, base::Hash128 body_hash,
             ingest::Done done) override {
    ingest_.Write(context, std::move(batch), body_hash, std::move(done));
  }

 private:
  ingest::Ingest& ingest_;
};

}  // namespace

std::shared_ptr<BatchSink> SinkOf(ingest::Ingest& ingest) { return std::make_shared<IngestSink>(ingest); }

}  // namespace clew::api::otlp
