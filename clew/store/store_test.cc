// SPDX-License-Identifier: Apache-2.0
#include "clew/store/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "clew/store/log_reader.h"
#include "clew/store/series_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/store_state.h"
#include "clew/store/store_testing.h"

namespace clew::store {
namespace {

class StoreWriteTest : public StoreTest {
 protected:
  // How many rows a table holds, of all tenants.
  uint64_t Rows(const std::string& table) {
    uint64_t rows = 0;
    const auto status = store_->state().engine().Query("SELECT count() FROM " + table, {}, {},
                                                       [&](const engine::Block& block) -> base::Status {
                                                         rows = block[0].At<uint64_t>(0);
                                                         return {};
                                                       });
    EXPECT_TRUE(status) << status.error().message;
    return rows;
  }
};

model::SpanBatch OneSpan(uint64_t number) {
  model::SpanBatch batch;
  AddSpan(batch, AddService(batch, "shop"), "GET /", number, number, 0, kNow);
  return batch;
}

model::SeriesBatch OneOfEach() {
  model::SeriesBatch batch;
  const uint32_t series = AddSeries(batch, {"__name__", "m", "job", "shop"});
  AddSample(batch, series, kNow, 1);
  batch.samples.back().flags = 1;
  batch.histograms.push_back({});
  batch.histograms.back().time = kNow;
  batch.exemplars.push_back({});
  batch.exemplars.back().time = kNow;
  return batch;
}

TEST_F(StoreWriteTest, ATokenCountsOnce) {
  const model::SpanBatch spans = OneSpan(1);
  ASSERT_TRUE(Insert(spans, "anonymous", "spans-1"));
  ASSERT_TRUE(Insert(spans, "anonymous", "spans-1"));
  EXPECT_EQ(Rows("spans"), 1u);
  ASSERT_TRUE(Insert(spans, "anonymous", "spans-2"));
  EXPECT_EQ(Rows("spans"), 2u);
  Reopen();
  ASSERT_TRUE(Insert(spans, "anonymous", "spans-1"));
  EXPECT_EQ(Rows("spans"), 2u);
  const model::SeriesBatch series = OneOfEach();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Insert(series, "anonymous", "series-1"));
  for (const std::string table : {"samples", "histograms", "exemplars", "point_flags"}) EXPECT_EQ(Rows(table), 1u);
}

// What counts after a failure are the rows, not the engine's record of tokens.
TEST_F(StoreWriteTest, ASecondAttemptLooksForTheRows) {
  const model::SpanBatch spans = RichSpans();
  const model::LogBatch logs = RichLogs();
  const model::SeriesBatch series = OneOfEach();
  // Nothing got through before: neither the rows nor the token.
  ASSERT_TRUE(Insert(spans, "anonymous", "s", kNow, true));
  ASSERT_TRUE(Insert(logs, "anonymous", "l", kNow, true));
  ASSERT_TRUE(Insert(series, "anonymous", "m", kNow, true));
  EXPECT_EQ(Rows("spans"), spans.size());
  EXPECT_EQ(Rows("logs"), logs.size());
  // The rows are there, the token is not.
  ASSERT_TRUE(Insert(spans, "anonymous", "s", kNow, true));
  ASSERT_TRUE(Insert(logs, "anonymous", "l", kNow, true));
  ASSERT_TRUE(Insert(series, "anonymous", "m", kNow, true));
  EXPECT_EQ(Rows("spans"), spans.size());
  EXPECT_EQ(Rows("logs"), logs.size());
  for (const std::string table : {"samples", "histograms", "exemplars", "point_flags"}) EXPECT_EQ(Rows(table), 1u);
  // The token is there, the rows are not.
  const model::SpanBatch one = OneSpan(77);
  ASSERT_TRUE(Insert(one, "anonymous", "t"));
  ASSERT_TRUE(store_->state().engine().Execute("TRUNCATE TABLE spans", {}, {}));
  ASSERT_TRUE(Insert(one, "anonymous", "t", kNow, true));
  EXPECT_EQ(Rows("spans"), 1u);
  // Another tenant's rows, or another arrival's, are not these.
  ASSERT_TRUE(Insert(one, "other", "t", kNow, true));
  ASSERT_TRUE(Insert(one, "anonymous", "t", kNow + kSecond, true));
  EXPECT_EQ(Rows("spans"), 3u);
}

TEST_F(StoreWriteTest, RefusesWhatIsNoCut) {
  const model::SpanBatch one = OneSpan(1);
  const ArrivedBatch<model::SpanBatch> batches[] = {{model::TenantId(), kNow, &one},
                                                    {model::TenantId(), kNow + 86'400 * kSecond, &one}};
  Cut<model::SpanBatch> cut;
  cut.batches = batches;
  cut.token = "t";
  EXPECT_EQ(store_->Insert(cut).error().code, base::Code::kInvalidArgument);
  model::SpanBatch broken = OneSpan(1);
  broken.resource[0] = 99;
  EXPECT_EQ(Insert(broken).error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(Insert(one, "anonymous", "a'; DROP TABLE spans --").error().code, base::Code::kInvalidArgument);
  EXPECT_TRUE(Insert(model::SpanBatch()));
  EXPECT_TRUE(store_->Insert(Cut<model::LogBatch>()));
  EXPECT_EQ(Rows("spans"), 0u);
}

TEST_F(StoreWriteTest, PartitionsByArrivalDay) {
  model::SpanBatch batch;
  const uint32_t service = AddService(batch, "shop");
  AddSpan(batch, service, "old", 1, 1, 0, 0);
  AddSpan(batch, service, "future", 1, 2, 0, 4'102'444'800 * kSecond);
  ASSERT_TRUE(Insert(batch, "anonymous", {}, kNow));
  ASSERT_TRUE(Insert(batch, "anonymous", {}, kNow + 86'400 * kSecond));
  EXPECT_EQ(
      Rows("(SELECT DISTINCT partition FROM system.parts WHERE database = 'clew' AND table = 'spans' AND active)"), 2u);
  // The side tables follow, so that they can go day by day too.
  EXPECT_EQ(Rows("(SELECT DISTINCT toDate(arrived) FROM resources)"), 2u);
  ASSERT_TRUE(Insert(batch, "anonymous", {}, kNow + 86'400 * kSecond));
  EXPECT_EQ(Rows("resources"), 2u);
  EXPECT_EQ(Rows("scopes"), 2u);
}

TEST_F(StoreWriteTest, RefusesANewerFolder) {
  ASSERT_TRUE(store_->state().engine().Execute("INSERT INTO schema_versions (version) SELECT 1000", {}, {}));
  store_.reset();
  const auto store = Store::Open({.data_dir = folder_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, base::Code::kFailedPrecondition);
  EXPECT_NE(store.error().message.find("newer Clew"), std::string::npos) << store.error().message;
}

TEST_F(StoreWriteTest, RefusesASecondOpener) {
  const auto second = Store::Open({.data_dir = folder_});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::kFailedPrecondition);
  ASSERT_TRUE(Insert(OneSpan(1)));
}

TEST_F(StoreWriteTest, SaysThatItIsClosed) {
  store_->Close();
  EXPECT_EQ(Insert(OneSpan(1)).error().code, base::Code::kUnavailable);
  const model::RequestContext context = ContextOf();
  EXPECT_EQ(SpanReader(*store_, context).Services({}).error().code, base::Code::kUnavailable);
}

class RecordingFlusher : public PendingFlusher {
 public:
  base::Status FlushFor(const Question& question, const model::RequestContext& context) override {
    const std::lock_guard lock(mutex);
    asked.push_back(context.tenant.name() + " " + std::to_string(static_cast<int>(question.signal)) + " " +
                    std::string(question.service) + " " + std::to_string(question.trace_ids.size()) + " " +
                    std::to_string(question.matchers.size()));
    return answer;
  }
  std::mutex mutex;
  std::vector<std::string> asked;
  base::Status answer;
};

TEST_F(StoreWriteTest, ReadersAskForWhatIsPendingFirst) {
  RecordingFlusher flusher;
  store_->AttachPending(&flusher);
  const model::RequestContext context = ContextOf("t1");
  SpanReader spans(*store_, context);
  ASSERT_TRUE(spans.Trace(TraceIdOf(1)));
  TraceQuery search;
  search.service = "shop";
  ASSERT_TRUE(spans.Search(search));
  ASSERT_TRUE(spans.Services({}));
  ASSERT_TRUE(spans.Operations("shop", {}));
  ASSERT_TRUE(spans.Edges({}));
  ASSERT_TRUE(spans.Stats({}));
  ASSERT_TRUE(spans.Scan({}, [](const model::SpanBatch&) -> base::Status { return {}; }));
  LogReader logs(*store_, context);
  LogQuery query;
  query.streams = {{model::MatchType::kEqual, "service_name", "cart"}};
  ASSERT_TRUE(logs.Scan(query, [](const model::LogBatch&) -> base::Status { return {}; }));
  ASSERT_TRUE(logs.Labels({}));
  SeriesReader series(*store_, context);
  const std::vector<model::LabelMatcher> matchers = {{model::MatchType::kEqual, "__name__", "up"}};
  ASSERT_TRUE(series.Samples(matchers, {}));
  ASSERT_TRUE(series.Metadata());
  EXPECT_EQ(flusher.asked, (std::vector<std::string>{"t1 0  1 0", "t1 0 shop 0 0", "t1 0  0 0", "t1 0 shop 0 0",
                                                     "t1 0  0 0", "t1 0  0 0", "t1 0  0 0", "t1 1 cart 0 0",
                                                     "t1 1  0 0", "t1 2  0 1", "t1 2  0 0"}));
  // What cannot be made visible is an error, not an old answer.
  flusher.answer = base::Unavailable("cannot flush");
  EXPECT_EQ(spans.Trace(TraceIdOf(1)).error().code, base::Code::kUnavailable);
  EXPECT_EQ(series.Select(matchers, {}).error().code, base::Code::kUnavailable);
  // A full disk does not end reading.
  flusher.answer = base::ResourceExhausted("no room");
  EXPECT_TRUE(spans.Services({}));
  EXPECT_EQ(spans.Trace(TraceIdOf(1)).error().code, base::Code::kResourceExhausted);
  EXPECT_TRUE(series.Select(matchers, {}));
  store_->AttachPending(nullptr);
  EXPECT_TRUE(spans.Trace(TraceIdOf(1)));
}

TEST_F(StoreWriteTest, ReadersHonourTheirContext) {
  ASSERT_TRUE(Insert(OneSpan(1)));
  model::RequestContext context = ContextOf();
  context.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(SpanReader(*store_, context).Trace(TraceIdOf(1)).error().code, base::Code::kDeadlineExceeded);
  model::RequestContext cancelled = ContextOf();
  cancelled.cancellation.Cancel();
  EXPECT_EQ(SpanReader(*store_, cancelled).Services({}).error().code, base::Code::kCancelled);
}

TEST_F(StoreWriteTest, ManyThreadsWriteAndRead) {
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        const uint64_t number = static_cast<uint64_t>(thread * 100 + i + 1);
        const model::SpanBatch batch = OneSpan(number);
        const ArrivedBatch<model::SpanBatch> arrived{model::TenantId(), kNow, &batch};
        Cut<model::SpanBatch> cut;
        cut.batches = std::span(&arrived, 1);
        cut.token = "thread-" + std::to_string(number);
        if (!store_->Insert(cut)) ++failures;
        const model::RequestContext context = ContextOf();
        const auto trace = SpanReader(*store_, context).Trace(TraceIdOf(number));
        if (!trace || trace->size() != 1) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(Rows("spans"), 20u);
  EXPECT_EQ(Rows("(SELECT DISTINCT id FROM resources)"), 1u);
}

}  // namespace
}  // namespace clew::store
