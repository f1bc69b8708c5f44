// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/model/log_batch.h"
#include "clew/model/request_context.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/store/store.h"

// What the tests of this folder share: a store on a real engine in a folder of its own, and batches.
namespace clew::store {

// 2026-11-24T12:00:00Z
inline constexpr int64_t kNow = 1'795'521'600'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void Open();
  void Reopen() {
    store_.reset();
    Open();
  }
  // One cut of one batch; an empty token makes a new one.
  template <typename Batch>
  base::Status Insert(const Batch& batch, std::string_view tenant = "anonymous", std::string token = {},
                      int64_t arrival = kNow, bool again = false) {
    const ArrivedBatch<Batch> arrived{*model::TenantId::Parse(tenant), arrival, &batch};
    Cut<Batch> cut;
    cut.batches = std::span(&arrived, 1);
    cut.token = token.empty() ? "cut-" + std::to_string(++cuts_) : std::move(token);
    cut.again = again;
    return store_->Insert(cut);
  }
  static model::RequestContext ContextOf(std::string_view tenant = "anonymous");

  std::string folder_;
  std::unique_ptr<Store> store_;
  int cuts_ = 0;
};

model::TraceId TraceIdOf(uint64_t number);
model::SpanId SpanIdOf(uint64_t number);

// Builds attributes of a batch.
class AttributeList {
 public:
  explicit AttributeList(model::BatchBase& batch) : batch_(batch) {}
  AttributeList& Add(std::string_view key, model::Value value) {
    rows_.push_back({batch_.strings.Intern(key), 0, value});
    return *this;
  }
  AttributeList& Text(std::string_view key, std::string_view value) {
    return Add(key, model::Value::String(batch_.strings.Intern(value)));
  }
  model::Range Finish() {
    const model::Range range = batch_.attributes.AddKeyValues(rows_);
    rows_.clear();
    return range;
  }

 private:
  model::BatchBase& batch_;
  std::vector<model::KeyValue> rows_;
};

// Adds a resource (with a scope of the same index) that has a service name and an instance.
uint32_t AddService(model::BatchBase& batch, std::string_view service, std::string_view instance = "i-1");

// One more span of a service, one second long, kind SERVER.
size_t AddSpan(model::SpanBatch& batch, uint32_t service, std::string_view name, uint64_t trace, uint64_t span,
               uint64_t parent, int64_t start);
size_t AddLog(model::LogBatch& batch, uint32_t service, std::string_view body, int64_t time);

// Every kind of attribute value, nested ones, keys that stand twice, odd bits.
model::Range AddRichAttributes(model::BatchBase& batch);
model::SpanBatch RichSpans();
model::LogBatch RichLogs();

// All that is known of one row as text, resource and scope included, kinds and bits visible: equal texts are equal
// rows.
std::string Describe(const model::SpanBatch& batch, size_t row);
std::string Describe(const model::LogBatch& batch, size_t row);
template <typename Batch>
std::vector<std::string> DescribeAll(const Batch& batch) {
  std::vector<std::string> rows;
  for (size_t row = 0; row < batch.size(); ++row) rows.push_back(Describe(batch, row));
  std::sort(rows.begin(), rows.end());
  return rows;
}

// One more series with labels "name", "value", "name", "value" …; its row.
uint32_t AddSeries(model::SeriesBatch& batch, std::vector<std::string> labels);
void AddSample(model::SeriesBatch& batch, uint32_t series, int64_t time, double value);

}  // namespace clew::store
