// SPDX-License-Identifier: Apache-2.0
#include "clew/ingest/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <mutex>

#include "clew/base/file.h"
#include "clew/store/wal/test_batches.h"
#include "clew/store/write_path.h"

namespace clew::ingest {
namespace {

using base::Code;
using store::wal::TestFolder;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr uint64_t kYear2300 = 10'413'792'000'000'000'000U;

// Tables that keep what they are given.
class Tables : public store::CutSink {
 public:
  base::Status Insert(const store::Cut<model::SpanBatch>& cut) override { return Take(cut, spans); }
  base::Status Insert(const store::Cut<model::LogBatch>& cut) override { return Take(cut, logs); }
  base::Status Insert(const store::Cut<model::SeriesBatch>& cut) override { return Take(cut, series); }

  std::atomic<bool> down = false;
  std::vector<std::pair<std::string, model::SpanBatch>> spans;
  std::vector<std::pair<std::string, model::LogBatch>> logs;
  std::vector<std::pair<std::string, model::SeriesBatch>> series;

 private:
  template <typename Batch>
  base::Status Take(const store::Cut<Batch>& cut, std::vector<std::pair<std::string, Batch>>& table) {
    if (down) return base::Unavailable("down");
    const std::lock_guard lock(mutex_);
    for (const auto& batch : cut.batches) table.emplace_back(batch.tenant.name(), *batch.batch);
    return {};
  }
  std::mutex mutex_;
};

class IngestTest : public testing::Test {
 protected:
  void Open(store::WritePathOptions options = {}) {
    options.log.folder = folder_.path() + "/wal";
    options.cut_interval = 1h;
    path_ = *store::WritePath::Open(std::move(options), tables_);
    ingest_ = std::make_unique<Ingest>(*path_);
  }
  template <typename Batch>
  base::Result<Outcome> Write(Batch batch, base::Hash128 hash = {}, std::string_view tenant = "anonymous") {
    model::RequestContext context;
    context.tenant = *model::TenantId::Parse(tenant);
    std::promise<base::Result<Outcome>> done;
    ingest_->Write(context, std::move(batch), hash,
                   [&](base::Result<Outcome> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  // Everything into the tables.
  void Finish() {
    ingest_->Close();
    path_->Close(std::chrono::steady_clock::now() + 10s);
  }
  std::string LogBytes() const {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/wal")) {
      bytes += *base::ReadFile(entry.path().string());
    }
    return bytes;
  }

  TestFolder folder_;
  Tables tables_;
  std::unique_ptr<store::WritePath> path_;
  std::unique_ptr<Ingest> ingest_;
};

model::SpanBatch Spans(uint64_t first, size_t count) { return *store::wal::TestSpans(first, count); }

TEST_F(IngestTest, RedactsBeforeAnythingIsWritten) {
  Open();
  model::SpanBatch batch = Spans(1, 1);
  const auto statement = [&](model::BatchBase& to, std::string_view key) {
    return to.attributes.AddKeyValues(
        {{to.strings.Intern(key), 0,
          model::Value::String(to.strings.Intern("SELECT * FROM users WHERE email = 'zoe@example.net'"))}});
  };
  batch.attribute_range[0] = statement(batch, "db.query.text");
  ASSERT_TRUE(Write(std::move(batch)));
  model::LogBatch logs = *store::wal::TestLogs(1, 1);
  logs.attribute_range[0] = statement(logs, "db.statement");
  ASSERT_TRUE(Write(std::move(logs)));
  model::MetricBatch metrics;
  metrics.resources.emplace_back();
  metrics.scopes.emplace_back();
  metrics.metrics.emplace_back();
  metrics.metrics[0].name = metrics.strings.Intern("queries");
  metrics.metrics[0].type = model::MetricType::kGauge;
  metrics.numbers.emplace_back();
  metrics.numbers[0].time = 5;
  metrics.numbers[0].value = model::Number::Int(1);
  metrics.numbers[0].has_value = true;
  metrics.numbers[0].attributes = statement(metrics, "db.query.text");
  ASSERT_TRUE(Write(std::move(metrics)));

  const std::string log = LogBytes();
  EXPECT_THAT(log, HasSubstr("SELECT * FROM users"));
  EXPECT_EQ(log.find("zoe@example"), std::string::npos);
  Finish();
  ASSERT_EQ(tables_.spans.size(), 1u);
  const auto& stored = tables_.spans[0].second;
  EXPECT_EQ(FindString(stored.attributes, stored.strings, stored.attribute_range[0], "db.query.text"),
            "SELECT * FROM users WHERE email = ?");
  EXPECT_EQ(tables_.logs.size(), 1u);
  ASSERT_EQ(tables_.series.size(), 1u);
}

TEST_F(IngestTest, SaysWhatItRefusedAndKeepsTheRest) {
  Open();
  model::SpanBatch batch = Spans(1, 5);
  batch.end_time[2] = kYear2300;
  const auto outcome = Write(std::move(batch));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->rejected, 1u);
  EXPECT_THAT(outcome->message, HasSubstr("2262"));
  // Nothing is left of this one; it is answered all the same.
  model::SpanBatch none = Spans(9, 1);
  none.end_time[0] = kYear2300;
  EXPECT_EQ(Write(std::move(none))->rejected, 1u);
  EXPECT_EQ(Write(model::LogBatch())->rejected, 0u);
  const Counters counters = ingest_->counters();
  EXPECT_EQ(counters.spans.requests, 2u);
  EXPECT_EQ(counters.spans.rows, 4u);
  EXPECT_EQ(counters.spans.rejected_rows, 2u);
  EXPECT_EQ(counters.logs.requests, 1u);
  Finish();
  ASSERT_EQ(tables_.spans.size(), 1u);
  EXPECT_EQ(tables_.spans[0].second.size(), 4u);
}

TEST_F(IngestTest, MakesSeriesOfMetrics) {
  Open();
  model::MetricBatch batch;
  batch.resources.push_back({batch.attributes.AddKeyValues({{batch.strings.Intern("service.name"), 0,
                                                             model::Value::String(batch.strings.Intern("shop"))}}),
                             0, 0});
  batch.scopes.emplace_back();
  batch.metrics.emplace_back();
  batch.metrics[0].name = batch.strings.Intern("orders");
  batch.metrics[0].type = model::MetricType::kSum;
  batch.metrics[0].temporality = model::Temporality::kCumulative;
  batch.metrics[0].is_monotonic = true;
  for (const uint64_t time : {uint64_t{1'000'000'000}, uint64_t{2'000'000'000}, kYear2300}) {
    auto& point = batch.numbers.emplace_back();
    point.time = time;
    point.value = model::Number::Int(7);
    point.has_value = true;
  }
  const auto outcome = Write(std::move(batch));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->rejected, 1u);
  EXPECT_EQ(ingest_->counters().metrics.rows, 2u);
  Finish();
  ASSERT_EQ(tables_.series.size(), 1u);
  const auto& series = tables_.series[0].second;
  bool found = false;
  for (const auto& row : series.series)
    found |= series.Text(row.family) == "orders_total" || series.Text(row.family) == "orders";
  EXPECT_TRUE(found);
  EXPECT_GE(series.samples.size(), 2u);

  Open();
  EXPECT_TRUE(Write(*store::wal::TestSeries(1, 3)));
  EXPECT_EQ(ingest_->counters().metrics.rows, 3u);
}

TEST_F(IngestTest, TakesARepeatedBodyOnceForEachTenantAndSignal) {
  Open();
  const base::Hash128 hash{1, 2};
  model::SpanBatch batch = Spans(1, 3);
  batch.end_time[2] = kYear2300;
  for (int i = 0; i < 3; ++i) {
    const auto outcome = Write(batch, hash);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->rejected, 1u);
  }
  ASSERT_TRUE(Write(batch, hash, "other"));
  ASSERT_TRUE(Write(*store::wal::TestLogs(1, 1), hash));
  EXPECT_EQ(ingest_->counters().spans.repeated_requests, 2u);
  EXPECT_EQ(ingest_->counters().spans.rows, 4u);
  Finish();
  EXPECT_EQ(tables_.spans.size(), 2u);
  EXPECT_EQ(tables_.logs.size(), 1u);
  // Without a hash nothing is a repetition.
  Open();
  ASSERT_TRUE(Write(Spans(1, 1)));
  ASSERT_TRUE(Write(Spans(1, 1)));
  EXPECT_EQ(ingest_->counters().spans.rows, 2u);
}

TEST_F(IngestTest, PushesBackAndCloses) {
  tables_.down = true;
  store::WritePathOptions options;
  options.table_pending_bytes = 20'000;
  options.cut_rows = 1;
  Open(options);
  uint64_t kept = 0;
  base::Result<Outcome> result;
  while ((result = Write(Spans(kept + 1, 1), {kept + 1, 1}))) ++kept;
  EXPECT_EQ(result.error().code, Code::kResourceExhausted);
  EXPECT_GT(result.error().retry_after, 0ms);
  EXPECT_EQ(ingest_->counters().spans.refused_requests, 1u);
  EXPECT_EQ(ingest_->counters().spans.rows, kept);
  tables_.down = false;
  // What was refused is not remembered as taken.
  for (int i = 0; i < 1000 && !(result = Write(Spans(kept + 1, 1), {kept + 1, 1})); ++i)
    std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(result);
  Finish();
  EXPECT_EQ(tables_.spans.size(), kept + 1);
  const auto closed = Write(Spans(1, 1));
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace clew::ingest
