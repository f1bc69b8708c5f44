// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/chdb_engine.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace clew::engine {
namespace {

using std::chrono::steady_clock;

class ChdbEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "clew-engine-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    auto engine = OpenChdb({.data_dir = folder_});
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = *std::move(engine);
  }
  base::Status Run(std::string_view sql) { return engine_->Execute(sql, {}, {}); }
  // The first column of a query as text, for numbers cast to String in SQL.
  base::Result<std::vector<std::string>> Texts(std::string_view sql, const Parameters& parameters = {},
                                               const QueryOptions& options = {}) {
    std::vector<std::string> texts;
    CLEW_RETURN_IF_ERROR(engine_->Query(sql, parameters, options, [&](const Block& block) -> base::Status {
      for (size_t row = 0; row < block.rows; ++row) texts.emplace_back(block[0].Text(row));
      return {};
    }));
    return texts;
  }
  std::string Text(std::string_view sql, const Parameters& parameters = {}) {
    const auto texts = Texts(sql, parameters);
    if (!texts) return "error: " + texts.error().message;
    return texts->size() == 1 ? texts->front() : "rows: " + std::to_string(texts->size());
  }

  std::string folder_;
  std::unique_ptr<Engine> engine_;
};

EncodedBlock Numbers(uint64_t first, size_t count) {
  FixedColumn<uint64_t> numbers;
  StringColumn texts;
  for (size_t i = 0; i < count; ++i) {
    numbers.Add(first + i);
    texts.Add(std::string("a\0'\n\\\xFF", 6));
  }
  BlockWriter writer(count);
  writer.Add("n", "UInt64", numbers);
  writer.Add("t", "String", texts);
  return std::move(writer).Finish();
}

constexpr std::string_view kCreate =
    "CREATE TABLE t (t String, n UInt64, extra UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY n "
    "SETTINGS non_replicated_deduplication_window = 100";

TEST_F(ChdbEngineTest, InsertsOnceATokenAndReadsBack) {
  Open();
  ASSERT_TRUE(Run(kCreate));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 100'000), "cut-1", {}));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 100'000), "cut-1", {}));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 100'000), "cut-2", {}));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 10), "", {}));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 10), "", {}));
  EXPECT_EQ(Text("SELECT toString(count()) FROM t"), "200020");
  EXPECT_EQ(Text("SELECT toString(countIf(hex(t) = '6100270A5CFF' AND extra = 7)) FROM t"), "200020");
  // One INSERT is one part.
  EXPECT_EQ(Text("SELECT toString(countIf(rows = 100000 AND level = 0)) FROM system.parts WHERE table = 't'"), "2");
  EXPECT_EQ(engine_->Insert("t", Numbers(0, 1), "a'b", {}).error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(engine_->Insert("missing", Numbers(0, 1), "", {}).error().code, base::Code::kNotFound);
}

TEST_F(ChdbEngineTest, KeepsTokensAndRowsOverReopening) {
  Open();
  ASSERT_TRUE(Run(kCreate));
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 10), "cut-1", {}));
  engine_->Close();
  EXPECT_EQ(engine_->Query("SELECT 1", {}, {}, [](const Block&) -> base::Status { return {}; }).error().code,
            base::Code::kUnavailable);
  engine_.reset();
  Open();
  ASSERT_TRUE(engine_->Insert("t", Numbers(0, 10), "cut-1", {}));
  EXPECT_EQ(Text("SELECT toString(count()) FROM t"), "10");
}

TEST_F(ChdbEngineTest, BindsParameters) {
  Open();
  const std::string evil = "'; DROP TABLE t; --\t\n\r\\N\\x \xF0\x9F\x98\x80";
  EXPECT_EQ(Text("SELECT {v:String}", Parameters().Text("v", evil)), evil);
  EXPECT_EQ(Text("SELECT {v:String}", Parameters().Text("v", "\\N")), "\\N");
  EXPECT_EQ(Text("SELECT {v:String}", Parameters().Text("v", std::string("a\0b", 3))), std::string("a\0b", 3));
  EXPECT_EQ(Text("SELECT {v:String}", Parameters().Text("v", "")), "");
  const std::vector<std::string> list = {evil, "", "b"};
  EXPECT_EQ(*Texts("SELECT arrayJoin({v:Array(String)})", Parameters().Texts("v", list)), list);
  EXPECT_EQ(Text("SELECT toString({v:UInt64})", Parameters().Uint("v", UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(Text("SELECT toString({v:Int64})", Parameters().Int("v", INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(Text("SELECT toString(arraySum({v:Array(UInt64)}))", Parameters().Uints("v", std::vector<uint64_t>{1, 2})),
            "3");
  EXPECT_EQ(Text("SELECT toString({v:Float64})", Parameters().Float("v", 0.1)), "0.1");
  EXPECT_EQ(Texts("SELECT {v:UInt8}", Parameters().Text("v", "abc")).error().code, base::Code::kInvalidArgument);
}

TEST_F(ChdbEngineTest, DecodesEveryTypeTheEngineWrites) {
  Open();
  size_t rows = 0;
  const auto status = engine_->Query(
      "SELECT toUInt8(1), toUInt16(2), toUInt32(3), toUInt64(4), toInt8(-1), toInt16(-2), toInt32(-3), toInt64(-4), "
      "0.5, "
      "true, toDate('1970-01-02'), toDateTime(5, 'UTC'), fromUnixTimestamp64Nano(toInt64(6), 'UTC'), 'text', "
      "toFixedString('ab', 4), toLowCardinality('low'), toNullable(toUInt64(number)), "
      "[toLowCardinality('x'), 'y'], map('k', [1, 2]), (1, 'two'), CAST(map('a', 'b'), 'Map(LowCardinality(String), "
      "String)'), CAST([], 'Array(LowCardinality(String))'), if(number > 1, NULL, number) FROM numbers(3)",
      {}, {}, [&](const Block& block) -> base::Status {
        rows += block.rows;
        EXPECT_EQ(block[0].At<uint8_t>(0), 1);
        EXPECT_EQ(block[7].At<int64_t>(0), -4);
        EXPECT_EQ(block[10].At<uint16_t>(0), 1);
        EXPECT_EQ(block[12].At<int64_t>(0), 6);
        EXPECT_EQ(block[13].Text(0), "text");
        EXPECT_EQ(block[14].Text(0), std::string_view("ab\0\0", 4));
        EXPECT_EQ(block[15].Text(0), "low");
        EXPECT_EQ(block[17].element().Text(block[17].Elements(2).first + 1), "y");
        EXPECT_EQ(block[18].element(0).Text(0), "k");
        EXPECT_EQ(block[19].element(1).Text(0), "two");
        EXPECT_EQ(block[20].element(1).Text(0), "b");
        EXPECT_EQ(block[21].element().size(), 0u);
        EXPECT_TRUE(block[22].IsNull(2));
        EXPECT_FALSE(block[22].IsNull(1));
        EXPECT_EQ(block[22].element().At<uint64_t>(1), 1u);
        return {};
      });
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(rows, 3u);
}

TEST_F(ChdbEngineTest, StopsWhereTheReaderStops) {
  Open();
  int blocks = 0;
  const auto status =
      engine_->Query("SELECT number FROM numbers(100000000000)", {}, {}, [&](const Block&) -> base::Status {
        if (++blocks < 3) return {};
        return base::Fail(base::Code::kAborted, "enough");
      });
  EXPECT_EQ(status.error().code, base::Code::kAborted);
  EXPECT_EQ(Text("SELECT 'still there'"), "still there");
}

TEST_F(ChdbEngineTest, EndsAtTheDeadline) {
  Open();
  QueryOptions options;
  const auto start = steady_clock::now();
  options.deadline = start + std::chrono::milliseconds(200);
  // One that gives no block until it is done, one that gives blocks without end.
  EXPECT_EQ(
      Texts("SELECT toString(count()) FROM numbers(1000000000000) WHERE number % 7 = 3", {}, options).error().code,
      base::Code::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  options.deadline = steady_clock::now() + std::chrono::milliseconds(200);
  EXPECT_EQ(engine_
                ->Query("SELECT number FROM numbers(1000000000000)", {}, options,
                        [](const Block&) -> base::Status { return {}; })
                .error()
                .code,
            base::Code::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(ChdbEngineTest, EndsWhenTheClientIsGone) {
  Open();
  std::atomic<bool> gone = false;
  QueryOptions options;
  options.cancelled = [&] { return gone.load(); };
  std::thread leave([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    gone = true;
  });
  const auto start = steady_clock::now();
  EXPECT_EQ(
      Texts("SELECT toString(count()) FROM numbers(1000000000000) WHERE number % 7 = 3", {}, options).error().code,
      base::Code::kCancelled);
  leave.join();
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(ChdbEngineTest, EndsAnInsertOfASelect) {
  Open();
  ASSERT_TRUE(Run(kCreate));
  QueryOptions options;
  options.deadline = steady_clock::now() + std::chrono::milliseconds(200);
  const auto start = steady_clock::now();
  EXPECT_EQ(engine_->Execute("INSERT INTO t (n) SELECT sum(number % 7) FROM numbers(1000000000000)", {}, options)
                .error()
                .code,
            base::Code::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  options = {};
  options.cancelled = [&] { return steady_clock::now() > start + std::chrono::milliseconds(400); };
  EXPECT_EQ(engine_->Execute("INSERT INTO t (n) SELECT sum(number % 7) FROM numbers(1000000000000)", {}, options)
                .error()
                .code,
            base::Code::kCancelled);
  EXPECT_EQ(Text("SELECT toString(count()) FROM t"), "0");
}

TEST_F(ChdbEngineTest, CloseEndsWhatRuns) {
  Open();
  std::thread reader([&] {
    EXPECT_EQ(Texts("SELECT toString(count()) FROM numbers(1000000000000) WHERE number % 7 = 3").error().code,
              base::Code::kUnavailable);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  engine_->Close();
  reader.join();
}

TEST_F(ChdbEngineTest, BoundsMemory) {
  Open();
  QueryOptions options;
  options.memory_bytes = 20 << 20;
  EXPECT_EQ(Texts("SELECT toString(length(groupArray(number))) FROM numbers(100000000)", {}, options).error().code,
            base::Code::kResourceExhausted);
  EXPECT_EQ(Text("SELECT 'still there'"), "still there");
}

TEST_F(ChdbEngineTest, SaysWhatIsWrongWithAQuery) {
  Open();
  EXPECT_EQ(Texts("SELECT toString(match('a', {r:String}))", Parameters().Text("r", "(")).error().code,
            base::Code::kInvalidArgument);
  EXPECT_EQ(Texts("SELECT x FROM nowhere").error().code, base::Code::kNotFound);
  EXPECT_EQ(Texts("SELEKT").error().code, base::Code::kInternal);
  // An error half-way through the rows.
  EXPECT_EQ(Texts("SELECT toString(throwIf(number = 500000)) FROM numbers(1000000)").error().code,
            base::Code::kInternal);
  EXPECT_EQ(Text("SELECT 'still there'"), "still there");
}

TEST_F(ChdbEngineTest, ManyThreadsAtOnce) {
  Open();
  ASSERT_TRUE(Run(kCreate));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 12; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        if (thread % 3 == 0) {
          EXPECT_TRUE(engine_->Insert("t", Numbers(0, 1000), "", {}));
        } else {
          EXPECT_EQ(Text("SELECT toString(sum(number)) FROM numbers(100000)"), "4999950000");
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Text("SELECT toString(count()) FROM t"), "20000");
}

TEST_F(ChdbEngineTest, OneAProcess) {
  Open();
  auto second = OpenChdb({.data_dir = folder_ + "/other"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::kFailedPrecondition);
  EXPECT_EQ(Text("SELECT 'still there'"), "still there");
}

// Runs `body` in a forked child, before the engine is loaded there; the exit status is what it returns.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

TEST_F(ChdbEngineTest, OneProcessAFolder) {
  Open();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  // A child has the parent's "open already" flag, so it is executed anew: the shell stands in for another holder.
  const std::string held = folder_ + "/held";
  std::filesystem::create_directories(held);
  const std::string command = "exec 9>>" + held + "/clew.lock; flock -n 9 || exit 3; echo $$ > " + held +
                              "/clew.lock; echo ready; read x; exit 0";
  int input[2];
  ASSERT_EQ(pipe(input), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ready[1], 1);
    dup2(input[0], 0);
    close(input[1]);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  char buffer[8];
  ASSERT_GT(read(ready[0], buffer, sizeof buffer), 0);
  engine_.reset();
  auto second = OpenChdb({.data_dir = held});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("in use by process " + std::to_string(child)), std::string::npos)
      << second.error().message;
  close(input[1]);
  close(input[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // Free again once the holder has ended.
  EXPECT_TRUE(OpenChdb({.data_dir = held}));
}

TEST_F(ChdbEngineTest, SaysThatAFolderCannotBeWritten) {
  const std::string file = folder_ + "/file";
  std::ofstream(file) << "x";
  EXPECT_EQ(OpenChdb({.data_dir = file}).error().code, base::Code::kFailedPrecondition);
  EXPECT_EQ(OpenChdb({.data_dir = file + "/below"}).error().code, base::Code::kFailedPrecondition);
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all | std::filesystem::perms::others_exec);
  EXPECT_EQ(InChild([&] {
              if (geteuid() == 0 && seteuid(65534) != 0) return 100;
              auto engine = OpenChdb({.data_dir = folder_ + "/new"});
              return engine ? 0 : static_cast<int>(engine.error().code);
            }),
            static_cast<int>(base::Code::kPermissionDenied));
}

TEST_F(ChdbEngineTest, SaysThatTheLibraryIsMissing) {
  // In a child, where nothing is loaded yet whatever ran before.
  EXPECT_EQ(InChild([&] {
              execl("/proc/self/exe", "clew_engine_test", "--gtest_also_run_disabled_tests",
                    "--gtest_filter=ChdbEngineTest.DISABLED_MissingLibrary", nullptr);
              return 127;
            }),
            0);
}

TEST_F(ChdbEngineTest, DISABLED_MissingLibrary) {
  auto engine = OpenChdb({.data_dir = folder_, .library_path = "/nonexistent/libchdb.so"});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, base::Code::kFailedPrecondition);
  EXPECT_NE(engine.error().message.find("make build"), std::string::npos);
}

TEST_F(ChdbEngineTest, LeavesSignalsAlone) {
  EXPECT_EQ(InChild([&] {
              execl("/proc/self/exe", "clew_engine_test", "--gtest_also_run_disabled_tests",
                    "--gtest_filter=ChdbEngineTest.DISABLED_Signals", nullptr);
              return 127;
            }),
            0);
}

TEST_F(ChdbEngineTest, DISABLED_Signals) {
  struct sigaction before[32];
  for (int number = 1; number < 32; ++number) sigaction(number, nullptr, &before[number]);
  Open();
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGPIPE), 0);
  for (int number = 1; number < 32; ++number) {
    struct sigaction after;
    sigaction(number, nullptr, &after);
    EXPECT_EQ(before[number].sa_handler, after.sa_handler) << number;
  }
  engine_.reset();
  for (int number = 1; number < 32; ++number) {
    struct sigaction after;
    sigaction(number, nullptr, &after);
    EXPECT_EQ(before[number].sa_handler, after.sa_handler) << number;
  }
}

}  // namespace
}  // namespace clew::engine
