// SPDX-License-Identifier: Apache-2.0
// What the engine does when there is no room, and when the disk fails: nothing that was stored goes away.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <thread>

#include "clew/base/log.h"
#include "clew/engine/chdb_engine.h"
#include "clew/engine/test_small_disk.h"

namespace clew::engine {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr uint64_t kDiskBytes = 600u << 20;
constexpr size_t kRows = 20'000;

std::string DataFolder() { return std::getenv("CLEW_TEST_DISK") + std::string("/data"); }

// Numbered rows that no codec makes smaller, about 2 MB a block.
EncodedBlock RandomRows(uint64_t first) {
  std::mt19937_64 random(first);
  FixedColumn<uint64_t> numbers;
  StringColumn texts;
  for (size_t i = 0; i < kRows; ++i) {
    numbers.Add(first + i);
    std::string text(100, '\0');
    for (char& c : text) c = static_cast<char>(random());
    texts.Add(text);
  }
  BlockWriter writer(kRows);
  writer.Add("n", "UInt64", numbers);
  writer.Add("t", "String", texts);
  return std::move(writer).Finish();
}

constexpr std::string_view kCreate =
    "CREATE TABLE IF NOT EXISTS t (n UInt64, t String CODEC(NONE)) ENGINE = MergeTree ORDER BY n "
    "SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, "
    "min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1";

base::Result<uint64_t> Number(Engine& engine, std::string_view sql) {
  uint64_t number = 0;
  CLEW_RETURN_IF_ERROR(engine.Query(sql, {}, {}, [&](const Block& block) -> base::Status {
    number = block[0].At<uint64_t>(0);
    return {};
  }));
  return number;
}

std::unique_ptr<Engine> OpenSmall(uint64_t keep_free_bytes) {
  auto engine = OpenChdb({.data_dir = DataFolder(), .keep_free_bytes = keep_free_bytes});
  if (!engine) {
    ADD_FAILURE() << engine.error().message;
    return nullptr;
  }
  EXPECT_TRUE((*engine)->Execute(kCreate, {}, {}));
  return *std::move(engine);
}

// Writes into another table, and empties it now and then, until `is_done`.
void WriteOther(Engine& engine, const std::function<bool()>& is_done) {
  (void)engine.Execute(
      "CREATE TABLE IF NOT EXISTS other (n UInt64, t String CODEC(NONE)) ENGINE = MergeTree ORDER BY n", {}, {});
  const EncodedBlock rows = RandomRows(0);
  for (int i = 1; !is_done(); ++i) {
    (void)engine.Insert("other", rows, "", {});
    if (i % 20 == 0) (void)engine.Execute("TRUNCATE TABLE other", {}, {});
  }
}

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "clew-disk-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  int Run(const std::string& test) {
    return RunDisabledTest("FullDiskChild.DISABLED_" + test, {{"CLEW_TEST_DISK", folder_}}, folder_ + ".log");
  }
  std::string Said() {
    std::ifstream file(folder_ + ".log");
    std::stringstream text;
    text << file.rdbuf();
    std::filesystem::remove(folder_ + ".log");
    return text.str();
  }

  std::string folder_;
};

// Runs in a process with a disk of its own.
TEST(FullDiskChild, DISABLED_FillsUpAgainAndAgain) {
  const std::string folder = std::getenv("CLEW_TEST_DISK");
  const base::Status entered = EnterSmallDisk(folder, kDiskBytes);
  ASSERT_TRUE(entered) << entered.error().message;
  base::SetLogLevel(base::LogLevel::kOff);
  // Nothing but the guard protects the tables.
  const auto engine = OpenSmall(1);
  ASSERT_NE(engine, nullptr);
  std::atomic<bool> done = false;
  std::atomic<uint64_t> stored = 0;
  std::atomic<int> waits = 0;
  std::thread filler([&] {
    std::mt19937 random(7);
    DiskFiller disk(folder);
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
      disk.Fill(random() % (1u << 20));
      // What had begun meets the end of the room soon; what had not is refused.
      std::this_thread::sleep_for(20ms);
      if (!engine->Writable()) {
        ++waits;
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 200));
      }
      disk.Free();
    }
  });
  std::thread reader([&] {
    while (!done) {
      const uint64_t before = stored;
      const auto rows = Number(*engine, "SELECT count() FROM t");
      ASSERT_TRUE(rows) << rows.error().message;
      EXPECT_GE(*rows, before);
      std::this_thread::sleep_for(2ms);
    }
  });
  std::thread merger([&] {
    while (!done) {
      (void)engine->Execute("OPTIMIZE TABLE t FINAL", {}, {});
      std::this_thread::sleep_for(20ms);
    }
  });
  constexpr uint64_t kBlocks = 30;
  for (uint64_t block = 0; block < kBlocks; ++block) {
    const EncodedBlock rows = RandomRows(block * kRows);
    while (!engine->Insert("t", rows, "block-" + std::to_string(block), {})) std::this_thread::sleep_for(20ms);
    stored += kRows;
  }
  // Writing goes on until the disk has filled up in the middle of it.
  const auto latest = steady_clock::now() + 120s;
  WriteOther(*engine, [&] { return waits > 0 || steady_clock::now() > latest; });
  done = true;
  for (std::thread* thread : {&filler, &reader, &merger}) thread->join();
  EXPECT_GT(waits, 0);
  for (int i = 0; !engine->Writable() && i < 1000; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(engine->Writable());
  EXPECT_EQ(*Number(*engine, "SELECT count() FROM t"), kBlocks * kRows);
  EXPECT_EQ(*Number(*engine, "SELECT uniqExact(n) FROM t"), kBlocks * kRows);
  EXPECT_TRUE(engine->Execute("OPTIMIZE TABLE t FINAL", {}, {}));
  EXPECT_EQ(*Number(*engine, "SELECT uniqExact(n) FROM t"), kBlocks * kRows);
}

TEST_F(FullDisk, LosesNothingAndReadsGoOn) { EXPECT_EQ(Run("FillsUpAgainAndAgain"), 0) << Said(); }

TEST(FullDiskChild, DISABLED_RefusesBefore) {
  const std::string folder = std::getenv("CLEW_TEST_DISK");
  const base::Status entered = EnterSmallDisk(folder, kDiskBytes);
  ASSERT_TRUE(entered) << entered.error().message;
  const auto engine = OpenSmall(64u << 20);
  ASSERT_NE(engine, nullptr);
  DiskFiller disk(folder);
  disk.Fill(60u << 20);
  const base::Status status = engine->Insert("t", RandomRows(0), "", {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kResourceExhausted) << status.error().message;
  EXPECT_TRUE(engine->Writable());
  EXPECT_EQ(*Number(*engine, "SELECT count() FROM t"), 0u);
  disk.Free();
  EXPECT_TRUE(engine->Insert("t", RandomRows(0), "", {}));
}

TEST_F(FullDisk, RefusesWhileThereIsStillRoom) { EXPECT_EQ(Run("RefusesBefore"), 0) << Said(); }

TEST(FullDiskChild, DISABLED_StopsWhileFull) {
  const auto engine = OpenSmall(1);
  ASSERT_NE(engine, nullptr);
  ASSERT_TRUE(engine->Insert("t", RandomRows(0), "", {}));
  DiskFiller disk(std::getenv("CLEW_TEST_DISK"));
  std::thread insert([&] { WriteOther(*engine, [] { return false; }); });
  // Until it fills up in the middle of an insert: one that has not begun is refused.
  while (engine->Writable()) {
    std::this_thread::sleep_for(10ms);
    disk.Fill(0);
    std::this_thread::sleep_for(20ms);
    if (engine->Writable()) disk.Free();
  }
  engine->EndWaitingWritesAt(steady_clock::now() + 100ms);
  insert.join();
  _exit(2);
}

TEST(FullDiskChild, DISABLED_StopsAndOpensAgain) {
  const std::string folder = std::getenv("CLEW_TEST_DISK");
  const base::Status entered = EnterSmallDisk(folder, kDiskBytes);
  ASSERT_TRUE(entered) << entered.error().message;
  ASSERT_EQ(RunDisabledTest("FullDiskChild.DISABLED_StopsWhileFull", {}), 0);
  DiskFiller disk(folder);
  // Still full.
  EXPECT_LT(disk.FreeBytes(), 1u << 20);
  {
    const auto engine = OpenSmall(1);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(*Number(*engine, "SELECT count() FROM t"), kRows);
    EXPECT_EQ(*Number(*engine, "SELECT count() FROM other") % kRows, 0u);
  }
  disk.Free();
  const auto engine = OpenSmall(1);
  ASSERT_NE(engine, nullptr);
  EXPECT_TRUE(engine->Insert("t", RandomRows(kRows), "", {}));
  EXPECT_EQ(*Number(*engine, "SELECT uniqExact(n) FROM t"), 2 * kRows);
}

TEST_F(FullDisk, LetsTheProcessEnd) { EXPECT_EQ(Run("StopsAndOpensAgain"), 0) << Said(); }

TEST(FullDiskChild, DISABLED_WritesFail) {
  std::filesystem::create_directories(std::getenv("CLEW_TEST_DISK"));
  const auto engine = OpenSmall(1);
  ASSERT_NE(engine, nullptr);
  // EFBIG stands for every failure that does not pass.
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{512u << 10, 512u << 10};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  (void)engine->Execute("INSERT INTO t SELECT number, randomString(100) FROM numbers(20000)", {}, {});
  _exit(0);
}

TEST_F(FullDisk, AWriteThatFailsEndsTheProcess) {
  EXPECT_EQ(Run("WritesFail"), 1);
  const std::string said = Said();
  EXPECT_NE(said.find("storage engine: a write of " + folder_), std::string::npos) << said;
  EXPECT_NE(said.find("Nothing acknowledged is lost"), std::string::npos) << said;
}

}  // namespace
}  // namespace clew::engine
