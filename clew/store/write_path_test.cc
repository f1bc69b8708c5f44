// SPDX-License-Identifier: Apache-2.0
#include "clew/store/write_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "clew/base/file.h"
#include "clew/store/wal/test_batches.h"

namespace clew::store {
namespace {

using namespace std::chrono_literals;
using base::Code;
using ::testing::HasSubstr;
using wal::TestFolder;

// Tables in memory that outlive the write path: what is stored under a token is stored once.
class FakeTables : public CutSink {
 public:
  struct Block {
    std::string token;
    bool again = false;
    std::vector<std::pair<std::string, uint64_t>> rows;  // tenant and number
    std::set<int64_t> days;
  };
  base::Status Writable() const override { return is_writable ? base::Status() : base::ResourceExhausted("no room"); }
  std::atomic<bool> is_writable = true;
  // What the next INSERTs answer; `stored` says whether the rows went in all the same.
  std::function<base::Status(const std::string& token, bool& stored)> behave;

  base::Status Insert(const Cut<model::SpanBatch>& cut) override {
    return Take(cut, [](const model::SpanBatch& batch, size_t row) {
      uint64_t number = 0;
      std::memcpy(&number, batch.span_id[row].bytes.data(), sizeof number);
      return number;
    });
  }
  base::Status Insert(const Cut<model::LogBatch>& cut) override {
    return Take(cut, [](const model::LogBatch& batch, size_t row) { return batch.time[row] % 1'000'000'000; });
  }
  base::Status Insert(const Cut<model::SeriesBatch>& cut) override {
    return Take(cut, [](const model::SeriesBatch& batch, size_t row) {
      return static_cast<uint64_t>(batch.samples[row].value);
    });
  }

  std::vector<Block> blocks() const {
    const base::MutexLock lock(mutex_);
    return blocks_;
  }
  // Numbers of all rows of tables whose name is in the token.
  std::multiset<uint64_t> Rows(std::string_view table) const {
    std::multiset<uint64_t> numbers;
    for (const Block& block : blocks()) {
      if (block.token.find(table) == std::string::npos) continue;
      for (const auto& [tenant, number] : block.rows) numbers.insert(number);
    }
    return numbers;
  }
  std::vector<std::string> tokens_tried() const {
    const base::MutexLock lock(mutex_);
    return tried_;
  }
  std::vector<bool> agains() const {
    const base::MutexLock lock(mutex_);
    return agains_;
  }

 private:
  template <typename Batch, typename NumberOf>
  base::Status Take(const Cut<Batch>& cut, NumberOf number_of) {
    Block block{cut.token, cut.again, {}, {}};
    for (const ArrivedBatch<Batch>& batch : cut.batches) {
      block.days.insert(ArrivalDay(batch.arrival));
      for (size_t row = 0; row < wal::RowCount(*batch.batch); ++row) {
        block.rows.emplace_back(batch.tenant.name(), number_of(*batch.batch, row));
      }
    }
    bool stored = true;
    base::Status status;
    if (behave) {
      stored = false;
      status = behave(cut.token, stored);
      stored = stored || status;
    }
    const base::MutexLock lock(mutex_);
    tried_.push_back(cut.token);
    agains_.push_back(cut.again);
    if (stored && tokens_.insert(cut.token).second) blocks_.push_back(std::move(block));
    return status;
  }

  mutable base::Mutex mutex_;
  std::vector<Block> blocks_ GUARDED_BY(mutex_);
  std::set<std::string> tokens_ GUARDED_BY(mutex_);
  std::vector<std::string> tried_ GUARDED_BY(mutex_);
  std::vector<bool> agains_ GUARDED_BY(mutex_);
};

class TestClock : public base::Clock {
 public:
  base::UnixNanos Now() const override { return now; }
  std::atomic<base::UnixNanos> now = 1'800'000'000 * base::kNanosPerSecond;
};

WritePathOptions OptionsFor(const TestFolder& folder) {
  WritePathOptions options;
  options.log.folder = folder.path() + "/wal";
  options.cut_interval = 50ms;
  options.insert_pause = 10ms;
  options.flush_patience = 200ms;
  return options;
}

std::unique_ptr<WritePath> OpenPath(WritePathOptions options, CutSink& sink) {
  auto path = WritePath::Open(std::move(options), sink);
  if (!path) ADD_FAILURE() << path.error().message;
  return path ? *std::move(path) : nullptr;
}

WriteEntry Spans(uint64_t first, size_t count = 1, base::Hash128 hash = {}, std::string_view service = "shop") {
  WriteEntry entry;
  entry.rows.spans = wal::TestSpans(first, count, service);
  entry.body_hash = hash;
  return entry;
}

base::Result<Written> Write(WritePath& path, WriteEntry entry) {
  std::promise<base::Result<Written>> done;
  path.Write(std::move(entry), [&](base::Result<Written> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

std::multiset<uint64_t> Numbers(uint64_t first, uint64_t last) {
  std::multiset<uint64_t> numbers;
  for (uint64_t n = first; n <= last; ++n) numbers.insert(n);
  return numbers;
}

Question About(Signal signal, std::span<const model::TraceId> trace_ids = {}, std::string_view service = {},
               TimeRange range = {}, std::span<const model::LabelMatcher> matchers = {}) {
  return {signal, range, trace_ids, service, matchers};
}

auto Soon() { return std::chrono::steady_clock::now() + 10s; }

TEST(WritePath, BringsRowsIntoTheirTables) {
  const TestFolder folder;
  FakeTables tables;
  auto path = OpenPath(OptionsFor(folder), tables);
  for (uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(Write(*path, Spans(n)));
  WriteEntry both;
  both.rows.logs = wal::TestLogs(1, 30);
  both.rows.series = wal::TestSeries(1, 40);
  ASSERT_TRUE(Write(*path, std::move(both)));
  EXPECT_TRUE(Eventually([&] {
    return tables.Rows("spans").size() == 20 && tables.Rows("logs").size() == 30 && tables.Rows("series").size() == 40;
  }));
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, 20));
  EXPECT_EQ(tables.Rows("logs"), Numbers(1, 30));
  EXPECT_EQ(tables.Rows("series"), Numbers(1, 40));
  EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].pending_bytes == 0; }));
  EXPECT_EQ(path->stats().tables[0].inserted_rows, 20u);
  path->Close(Soon());
  // Nothing is left to replay.
  FakeTables other;
  path = OpenPath(OptionsFor(folder), other);
  EXPECT_EQ(path->stats().log.bytes, 0u);
  path.reset();
  EXPECT_TRUE(other.blocks().empty());
}

TEST(WritePath, CutsByRowsAndByDay) {
  const TestFolder folder;
  FakeTables tables;
  TestClock clock;
  WritePathOptions options = OptionsFor(folder);
  options.log.clock = &clock;
  options.cut_rows = 10;
  options.cut_interval = 10s;
  auto path = OpenPath(options, tables);
  for (uint64_t n = 0; n < 12; ++n) ASSERT_TRUE(Write(*path, Spans(1 + 3 * n, 3)));
  EXPECT_TRUE(Eventually([&] { return tables.Rows("spans").size() == 36; }));
  for (const auto& block : tables.blocks()) EXPECT_EQ(block.rows.size(), 12u);

  // The time of day jumps to and fro; no block crosses a day.
  for (uint64_t n = 0; n < 9; ++n) {
    clock.now += (n % 2 == 0 ? 1 : -1) * 86'400 * base::kNanosPerSecond;
    ASSERT_TRUE(Write(*path, Spans(100 + n)));
  }
  path->Close(Soon());
  const auto blocks = tables.blocks();
  ASSERT_EQ(blocks.size(), 12u);
  for (const auto& block : blocks) EXPECT_EQ(block.days.size(), 1u);
}

TEST(WritePath, FlushesForReadersWhoseQuestionCanMatch) {
  const TestFolder folder;
  FakeTables tables;
  WritePathOptions options = OptionsFor(folder);
  options.cut_interval = 1h;
  auto path = OpenPath(options, tables);
  const auto flush = [&](const Question& question, const model::RequestContext& context = {}) {
    const size_t before = tables.blocks().size();
    EXPECT_TRUE(path->FlushFor(question, context));
    return tables.blocks().size() - before;
  };
  const auto write = [&] { ASSERT_TRUE(Write(*path, Spans(77, 2, {}, "cart"))); };
  Question any;
  EXPECT_EQ(flush(any), 0u);

  write();
  const std::vector<model::TraceId> others{wal::TestTraceId(1), wal::TestTraceId(2)};
  EXPECT_EQ(flush(About(Signal::kSpans, others)), 0u);
  EXPECT_EQ(flush(About(Signal::kSpans, {}, "shop")), 0u);
  EXPECT_EQ(flush(About(Signal::kLogs)), 0u);
  constexpr base::UnixNanos kStart = 1'700'000'000'000'000'077;
  EXPECT_EQ(flush(About(Signal::kSpans, {}, {}, {0, kStart})), 0u);
  EXPECT_EQ(flush(About(Signal::kSpans, {}, {}, {kStart + 2000, kStart + 9000})), 0u);
  model::RequestContext other_tenant;
  other_tenant.tenant = *model::TenantId::Parse("other");
  EXPECT_EQ(flush(any, other_tenant), 0u);

  const std::vector<model::TraceId> one{wal::TestTraceId(1), wal::TestTraceId(78)};
  EXPECT_EQ(flush(About(Signal::kSpans, one)), 1u);
  EXPECT_EQ(flush(any), 0u);
  write();
  EXPECT_EQ(flush(About(Signal::kSpans, {}, "cart")), 1u);
  write();
  EXPECT_EQ(flush(About(Signal::kSpans, {}, {}, {kStart, kStart + 1})), 1u);

  WriteEntry series;
  series.rows.series = wal::TestSeries(1, 5, "http_requests_total");
  ASSERT_TRUE(Write(*path, std::move(series)));
  using model::MatchType;
  const std::vector<model::LabelMatcher> no{{MatchType::kEqual, "__name__", "up"}};
  const std::vector<model::LabelMatcher> no2{{MatchType::kEqual, "__name__", "http_requests_total"},
                                             {MatchType::kEqual, "job", "cart"}};
  const std::vector<model::LabelMatcher> yes{{MatchType::kEqual, "__name__", "http_requests_total"},
                                             {MatchType::kEqual, "zone", ""},
                                             {MatchType::kRegex, "job", "s.*"}};
  EXPECT_EQ(flush(About(Signal::kMetrics, {}, {}, {}, no)), 0u);
  EXPECT_EQ(flush(About(Signal::kMetrics, {}, {}, {}, no2)), 0u);
  EXPECT_EQ(flush(About(Signal::kMetrics, {}, {}, {}, yes)), 1u);
}

TEST(WritePath, MergesReadersAndFlushesTenTimesASecond) {
  const TestFolder folder;
  FakeTables tables;
  WritePathOptions options = OptionsFor(folder);
  options.cut_interval = 1h;
  auto path = OpenPath(options, tables);
  const auto start = std::chrono::steady_clock::now();
  std::atomic<uint64_t> next = 1;
  std::atomic<int> reads = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      while (std::chrono::steady_clock::now() - start < 550ms) {
        const uint64_t number = next++;
        ASSERT_TRUE(Write(*path, Spans(number)));
        const std::vector<model::TraceId> id{wal::TestTraceId(number)};
        ASSERT_TRUE(path->FlushFor(About(Signal::kSpans, id), {}));
        EXPECT_TRUE(tables.Rows("spans").contains(number));
        ++reads;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(tables.blocks().size(), 8u);
  EXPECT_GT(reads, 16);
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, next - 1));
}

TEST(WritePath, RefusesWhatItHasNoRoomFor) {
  const TestFolder folder;
  FakeTables tables;
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  tables.behave = [&](const std::string&, bool&) {
    gate.wait();
    return base::Status();
  };
  WritePathOptions options = OptionsFor(folder);
  options.cut_interval = 1ms;
  options.pending_bytes = 100'000;
  options.table_pending_bytes = 60'000;
  auto path = OpenPath(options, tables);
  uint64_t kept = 0;
  base::Result<Written> result;
  while ((result = Write(*path, Spans(kept + 1)))) ++kept;
  EXPECT_EQ(result.error().code, Code::kResourceExhausted);
  EXPECT_GT(result.error().retry_after, 0ms);
  EXPECT_GT(kept, 20u);
  EXPECT_LE(path->stats().tables[0].pending_bytes, 60'000u);
  // Other signals are not held up by this one.
  WriteEntry logs;
  logs.rows.logs = wal::TestLogs(1, 1);
  EXPECT_TRUE(Write(*path, std::move(logs)));
  EXPECT_EQ(path->stats().refused_full, 1u);
  go.set_value();
  EXPECT_TRUE(Eventually([&] { return tables.Rows("spans").size() == kept; }));
  EXPECT_TRUE(Eventually([&] { return Write(*path, Spans(kept + 1)).has_value(); }));
  // A batch that is larger than the bound by itself is taken once nothing else waits.
  EXPECT_TRUE(Eventually([&] { return Write(*path, Spans(10'000, 3000)).has_value(); }));
}

TEST(WritePath, TriesAgainUnderTheSameToken) {
  const TestFolder folder;
  FakeTables tables;
  std::atomic<int> failures = 4;
  tables.behave = [&](const std::string&, bool& stored) -> base::Status {
    if (failures-- <= 0) return {};
    stored = failures % 2 == 0;  // some failed only after they had succeeded
    return base::Fail(failures % 2 == 0 ? Code::kUnavailable : Code::kInternal, "not now");
  };
  auto path = OpenPath(OptionsFor(folder), tables);
  ASSERT_TRUE(Write(*path, Spans(1, 5)));
  EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].insert_errors > 0; }));
  const auto flushed = path->FlushFor({}, {});
  EXPECT_TRUE(flushed || flushed.error().message.contains("not now"));
  EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].inserted_rows == 5; }));
  EXPECT_TRUE(path->FlushFor({}, {}));
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, 5));
  const auto tokens = tables.tokens_tried();
  EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), 1u);
  const auto agains = tables.agains();
  EXPECT_FALSE(agains.front());
  EXPECT_TRUE(agains.back());
  EXPECT_EQ(path->stats().tables[0].last_error, "");
}

TEST(WritePath, ReadersWaitWhereRowsDoNotGetInForAMoment) {
  const TestFolder folder;
  FakeTables tables;
  std::atomic<bool> down = true;
  tables.behave = [&](const std::string&, bool&) -> base::Status {
    if (down) return base::ResourceExhausted("disk full");
    return {};
  };
  WritePathOptions options = OptionsFor(folder);
  options.flush_patience = 1h;
  options.insert_pause = 1h;
  auto path = OpenPath(options, tables);
  EXPECT_TRUE(path->CheckReady());
  ASSERT_TRUE(Write(*path, Spans(1)));
  EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].insert_errors > 0; }));
  EXPECT_FALSE(path->CheckReady());
  std::thread recovery([&] {
    std::this_thread::sleep_for(50ms);
    down = false;
  });
  // Without a reader the next attempt would come after hours.
  EXPECT_TRUE(path->FlushFor({}, {}));
  recovery.join();
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, 1));
  EXPECT_TRUE(path->CheckReady());
  EXPECT_EQ(path->stats().stale_reads, 0u);
}

TEST(WritePath, ReadersHearOfAnInsertThatDoesNotGoOn) {
  const TestFolder folder;
  FakeTables tables;
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  tables.behave = [&](const std::string&, bool&) {
    gate.wait();
    return base::Status();
  };
  auto path = OpenPath(OptionsFor(folder), tables);
  ASSERT_TRUE(Write(*path, Spans(1)));
  tables.is_writable = false;
  const auto start = std::chrono::steady_clock::now();
  const auto flushed = path->FlushFor({}, {});
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, Code::kResourceExhausted);
  EXPECT_THAT(flushed.error().message, HasSubstr("no room"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms);
  EXPECT_EQ(path->stats().stale_reads, 1u);
  EXPECT_FALSE(path->CheckReady());
  // What has lasted is not waited for by each reader anew.
  const auto again = std::chrono::steady_clock::now();
  EXPECT_FALSE(path->FlushFor({}, {}));
  EXPECT_LT(std::chrono::steady_clock::now() - again, 150ms);
  // Nobody waits who asks for something else.
  EXPECT_TRUE(path->FlushFor(About(Signal::kLogs), {}));
  tables.is_writable = true;
  go.set_value();
  EXPECT_TRUE(path->FlushFor({}, {}));
  EXPECT_TRUE(path->CheckReady());
}

TEST(WritePath, SetsAsideRowsThatAreRefusedForGood) {
  const TestFolder folder;
  FakeTables tables;
  std::string poison;
  tables.behave = [&](const std::string& token, bool&) -> base::Status {
    if (poison.empty()) poison = token;
    if (token == poison) return base::InvalidArgument("no such column");
    return {};
  };
  WritePathOptions options = OptionsFor(folder);
  options.insert_attempts = 3;
  auto path = OpenPath(options, tables);
  ASSERT_TRUE(Write(*path, Spans(1, 5)));
  EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].rows_set_aside == 5; }));
  ASSERT_TRUE(Write(*path, Spans(6, 5)));
  EXPECT_TRUE(Eventually([&] { return tables.Rows("spans") == Numbers(6, 10); }));
  path->Close(Soon());
  size_t aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/wal")) {
    aside += entry.path().extension() == ".aside" ? 1 : 0;
  }
  EXPECT_EQ(aside, 1u);
}

TEST(WritePath, ReplaysAtTheSamePlaces) {
  const TestFolder folder;
  FakeTables tables;
  std::atomic<bool> stores = false;
  tables.behave = [&](const std::string&, bool& stored) -> base::Status {
    stored = stores;
    return base::Unavailable("down");
  };
  for (const bool stored_before_the_stop : {false, true}) {
    stores = stored_before_the_stop;
    WritePathOptions options = OptionsFor(folder);
    options.cut_rows = 10;
    const uint64_t first = stored_before_the_stop ? 1000 : 1;
    std::vector<std::string> before;
    {
      auto path = OpenPath(options, tables);
      ASSERT_TRUE(path);
      for (uint64_t n = 0; n < 30; ++n) ASSERT_TRUE(Write(*path, Spans(first + n)));
      EXPECT_TRUE(Eventually([&] { return path->stats().tables[0].insert_errors > 0; }));
      before = tables.tokens_tried();
    }
    auto behave = std::exchange(tables.behave, nullptr);
    // Cut otherwise now; what was cut before stays as it was.
    options.cut_rows = 100;
    {
      auto path = OpenPath(options, tables);
      EXPECT_TRUE(path->FlushFor({}, {}));
      path->Close(Soon());
    }
    const auto after = tables.tokens_tried();
    ASSERT_GT(after.size(), before.size() + 1);
    EXPECT_EQ(after[before.size()], before.back());
    EXPECT_TRUE(tables.agains()[before.size()]);
    EXPECT_FALSE(tables.agains()[before.size() + 1]);
    tables.behave = std::move(behave);
  }
  std::multiset<uint64_t> expected = Numbers(1, 30);
  expected.merge(Numbers(1000, 1029));
  EXPECT_EQ(tables.Rows("spans"), expected);
}

TEST(WritePath, StartsWhereTheTablesTakeNothing) {
  const TestFolder folder;
  FakeTables tables;
  std::atomic<bool> down = true;
  tables.behave = [&](const std::string&, bool&) -> base::Status {
    if (down) return base::ResourceExhausted("disk full");
    return {};
  };
  WritePathOptions options = OptionsFor(folder);
  options.pending_bytes = 100'000;
  options.table_pending_bytes = 100'000;
  options.cut_rows = 10;
  {
    auto path = OpenPath(options, tables);
    for (uint64_t n = 1; n <= 60; ++n) ASSERT_TRUE(Write(*path, Spans(n)));
  }
  // Less room than what the log holds: the replay waits for the tables.
  options.pending_bytes = 20'000;
  auto path = OpenPath(options, tables);
  const auto refused = Write(*path, Spans(100));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_TRUE(path->stats().replaying);
  const auto flushed = path->FlushFor({}, {});
  ASSERT_FALSE(flushed);
  EXPECT_THAT(flushed.error().message, HasSubstr("disk full"));
  down = false;
  EXPECT_TRUE(Eventually([&] { return Write(*path, Spans(61)).has_value(); }));
  EXPECT_TRUE(Eventually([&] { return tables.Rows("spans").size() == 61; }));
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, 61));
}

TEST(WritePath, TakesARepeatedBodyOnce) {
  const TestFolder folder;
  FakeTables tables;
  auto path = OpenPath(OptionsFor(folder), tables);
  WriteEntry entry = Spans(1, 3, {7, 7});
  entry.rejected = 2;
  auto first = Write(*path, std::move(entry));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->is_repetition);
  auto second = Write(*path, Spans(1, 3, {7, 7}));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->is_repetition);
  EXPECT_EQ(second->rejected, 2u);

  // Many at once, and again after a restart, with rows in their table and the segment gone.
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto result = Write(*path, Spans(10, 1, {8, 8}));
      ASSERT_TRUE(result);
      taken += result->is_repetition ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
  path->Close(Soon());
  path = OpenPath(OptionsFor(folder), tables);
  second = Write(*path, Spans(1, 3, {7, 7}));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->is_repetition);
  EXPECT_EQ(second->rejected, 2u);
  EXPECT_EQ(path->stats().repetitions, 1u);
  path->Close(Soon());
  EXPECT_EQ(tables.Rows("spans"), (std::multiset<uint64_t>{1, 2, 3, 10}));
}

TEST(WritePath, EndsInGoodTime) {
  const TestFolder folder;
  FakeTables tables;
  tables.behave = [](const std::string&, bool&) { return base::Unavailable("down"); };
  WritePathOptions options = OptionsFor(folder);
  options.cut_interval = 1h;
  auto path = OpenPath(options, tables);
  ASSERT_TRUE(Write(*path, Spans(1)));
  const auto start = std::chrono::steady_clock::now();
  path->Close(start + 60s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  const auto refused = Write(*path, Spans(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_FALSE(path->FlushFor({}, {}));
  path->Close(start);
  path.reset();

  tables.behave = nullptr;
  path = OpenPath(options, tables);
  ASSERT_TRUE(Write(*path, Spans(2)));
  model::RequestContext late;
  late.deadline = std::chrono::steady_clock::now();
  const auto missed = path->FlushFor({}, late);
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, Code::kDeadlineExceeded);
  path->Close(Soon());
  EXPECT_EQ(tables.Rows("spans"), Numbers(1, 2));
}

}  // namespace
}  // namespace clew::store
