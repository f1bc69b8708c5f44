// SPDX-License-Identifier: Apache-2.0
#include "clew/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/store/wal/log.h"
#include "clew/store/wal/test_batches.h"
#include "clew/store/wal/test_unsynced_files.h"

namespace clew::store::wal {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// The system's files, with what can go wrong.
class FaultyFiles : public Files {
 public:
  // Bytes that still fit; the append that meets the end writes its part of them first, as a full disk does.
  std::atomic<int64_t> room = INT64_MAX;
  std::atomic<bool> sync_fails = false;
  std::atomic<bool> truncate_fails = false;
  Space space;

  base::Result<std::unique_ptr<LogFile>> Create(const std::string& path, uint64_t) override {
    if (room <= 0) return base::ResourceExhausted("full");
    CLEW_ASSIGN_OR_RETURN(auto file, System().Create(path, 0));
    return std::make_unique<File>(*this, std::move(file));
  }
  base::Status SyncFolder(const std::string& folder) override { return System().SyncFolder(folder); }
  base::Status Rename(const std::string& from, const std::string& to) override { return System().Rename(from, to); }
  base::Status Remove(const std::string& path) override { return System().Remove(path); }
  Space SpaceOf(const std::string&) override { return space; }

 private:
  class File : public LogFile {
   public:
    File(FaultyFiles& files, std::unique_ptr<LogFile> file) : files_(files), file_(std::move(file)) {}
    base::Status Append(std::span<const std::string_view> pieces) override {
      for (const std::string_view piece : pieces) {
        const int64_t fits = std::clamp<int64_t>(files_.room, 0, static_cast<int64_t>(piece.size()));
        const std::string_view part = piece.substr(0, static_cast<size_t>(fits));
        CLEW_RETURN_IF_ERROR(file_->Append({&part, 1}));
        files_.room -= fits;
        if (part.size() < piece.size()) return base::ResourceExhausted("full");
      }
      return {};
    }
    base::Status Truncate(uint64_t size) override {
      if (files_.truncate_fails) return base::Internal("cannot cut");
      return file_->Truncate(size);
    }
    base::Status Sync() override {
      if (files_.sync_fails) return base::Internal("EIO");
      return file_->Sync();
    }

   private:
    FaultyFiles& files_;
    std::unique_ptr<LogFile> file_;
  };
};

LogOptions OptionsFor(const TestFolder& folder, Files* files = &Files::System()) {
  LogOptions options;
  options.folder = folder.path() + "/wal";
  options.files = files;
  return options;
}

Log::RowsRecord Record(Rows rows, base::Hash128 hash = {}, const model::TenantId& tenant = {}) {
  Log::RowsRecord record;
  record.payload = EncodeRows(tenant, rows);
  record.tables = rows.tables();
  record.body_hash = hash;
  record.keep_alive = std::make_shared<Rows>(std::move(rows));
  return record;
}

base::Result<Position> Append(Log& log, Log::RowsRecord record) {
  std::promise<base::Result<Position>> done;
  log.Append(std::move(record), [&](base::Result<Position> position) { done.set_value(std::move(position)); });
  return done.get_future().get();
}
base::Result<Position> AppendSpans(Log& log, uint64_t first, size_t count = 1, base::Hash128 hash = {}) {
  return Append(log, Record({TestSpans(first, count), nullptr, nullptr}, hash));
}

std::unique_ptr<Log> OpenLog(LogOptions options) {
  auto log = Log::Open(std::move(options));
  if (!log) ADD_FAILURE() << log.error().message;
  return log ? *std::move(log) : nullptr;
}

uint64_t NumberOf(const model::SpanBatch& spans, size_t row) {
  uint64_t number = 0;
  std::memcpy(&number, spans.span_id[row].bytes.data(), sizeof number);
  return number;
}

// The numbers of all spans that the log would replay.
std::vector<uint64_t> SpansIn(const Log& log) {
  std::vector<uint64_t> numbers;
  Replay replay(log.recovered().segments, [&](Table table, uint64_t sequence) {
    return sequence > log.recovered().tables[IndexOf(table)].durable;
  });
  while (const auto record = replay.Next()) {
    const auto& spans = *record->rows.rows.spans;
    for (size_t row = 0; row < spans.size(); ++row) numbers.push_back(NumberOf(spans, row));
  }
  return numbers;
}

size_t CountFiles(const TestFolder& folder, std::string_view ending) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder.path() + "/wal")) {
    count += entry.path().string().ends_with(ending) ? 1 : 0;
  }
  return count;
}
std::string OnlyFile(const TestFolder& folder, std::string_view ending) {
  for (const auto& entry : fs::directory_iterator(folder.path() + "/wal")) {
    if (entry.path().string().ends_with(ending)) return entry.path().string();
  }
  return "";
}

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

std::vector<uint64_t> Numbers(uint64_t first, uint64_t last) {
  std::vector<uint64_t> numbers;
  for (uint64_t n = first; n <= last; ++n) numbers.push_back(n);
  return numbers;
}

TEST(Log, KeepsWhatWasAcknowledgedInOrder) {
  const TestFolder folder;
  {
    auto log = OpenLog(OptionsFor(folder));
    for (uint64_t n = 1; n <= 20; ++n) {
      const auto position = AppendSpans(*log, n);
      ASSERT_TRUE(position);
      EXPECT_EQ(position->sequence, n);
    }
    auto held = Log::Open(OptionsFor(folder));
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, base::Code::kFailedPrecondition);
  }
  auto log = OpenLog(OptionsFor(folder));
  EXPECT_EQ(SpansIn(*log), Numbers(1, 20));
  EXPECT_EQ(log->recovered().missing_records, 0u);
  EXPECT_EQ(log->recovered().damaged_bytes, 0u);
  EXPECT_EQ(AppendSpans(*log, 21)->sequence, 21u);
}

TEST(Log, SyncsForManyCallersAtOnce) {
  const TestFolder folder;
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  {
    auto log = OpenLog(OptionsFor(folder));
    std::atomic<int> kept = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) kept += AppendSpans(*log, 1 + t * kEach + i) ? 1 : 0;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(kept, kThreads * kEach);
    EXPECT_LT(log->stats().syncs, uint64_t{kThreads * kEach});
    EXPECT_EQ(log->stats().appended_records, uint64_t{kThreads * kEach});
  }
  auto log = OpenLog(OptionsFor(folder));
  auto numbers = SpansIn(*log);
  std::ranges::sort(numbers);
  EXPECT_EQ(numbers, Numbers(1, kThreads * kEach));
}

TEST(Log, RemembersCutsUntilTheyAreDone) {
  const TestFolder folder;
  uint64_t epoch = 0;
  {
    auto log = OpenLog(OptionsFor(folder));
    epoch = log->epoch();
    for (uint64_t n = 1; n <= 6; ++n) ASSERT_TRUE(AppendSpans(*log, n));
    ASSERT_TRUE(log->AppendCut({epoch, 1, 2, 2, Table::kSpans, {}}));  // a cut takes two numbers: it stands twice
    log->AppendDone({epoch, 1, 2, 2, Table::kSpans, {}});
    ASSERT_TRUE(log->AppendCut({epoch, 3, 4, 2, Table::kSpans, {}}));
  }
  {
    auto log = OpenLog(OptionsFor(folder));
    EXPECT_NE(log->epoch(), epoch);
    const auto& state = log->recovered().tables[IndexOf(Table::kSpans)];
    EXPECT_EQ(state.durable, 2u);
    ASSERT_TRUE(state.open_cut);
    EXPECT_EQ(state.open_cut->Token(), CutPayload({epoch, 3, 4, 2, Table::kSpans, {}}).Token());
    EXPECT_EQ(SpansIn(*log), Numbers(3, 6));
    EXPECT_FALSE(log->recovered().tables[IndexOf(Table::kLogs)].open_cut);
    log->AppendDone(*state.open_cut);
    ASSERT_TRUE(log->AppendCut({log->epoch(), 5, 6, 2, Table::kSpans, {}}));
  }
  {
    // Whoever logs a later cut has the earlier one in its table.
    auto log = OpenLog(OptionsFor(folder));
    EXPECT_EQ(log->recovered().tables[IndexOf(Table::kSpans)].durable, 4u);
    EXPECT_EQ(SpansIn(*log), Numbers(5, 6));
  }
}

TEST(Log, DeletesSegmentsWhoseRowsAreDurableAndKeepsTheirHashes) {
  const TestFolder folder;
  LogOptions options = OptionsFor(folder);
  options.segment_bytes = 4096;
  {
    auto log = OpenLog(options);
    for (uint64_t n = 1; n <= 40; ++n) ASSERT_TRUE(AppendSpans(*log, n, 1, {n, n}));
    const size_t before = CountFiles(folder, ".wal");
    EXPECT_GT(before, 5u);
    ASSERT_TRUE(Append(*log, Record({TestSpans(41, 1), TestLogs(41, 1), nullptr})));
    log->MarkDurable(Table::kSpans, 20);
    EXPECT_TRUE(Eventually([&] { return CountFiles(folder, ".wal") < before; }));
    const size_t half = CountFiles(folder, ".wal");
    EXPECT_GT(half, 2u);
    // The last segment has log records too.
    log->MarkDurable(Table::kSpans, 41);
    EXPECT_TRUE(Eventually([&] { return log->stats().segments == 1; }));
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
    EXPECT_GT(CountFiles(folder, ".hashes"), 0u);
  }
  {
    auto log = OpenLog(options);
    std::set<uint64_t> hashes;
    for (const HashEntry& entry : log->recovered().hashes) hashes.insert(entry.hash.low);
    EXPECT_EQ(hashes.size(), 40u);
    EXPECT_EQ(log->recovered().missing_records, 0u);
    log->MarkDurable(Table::kSpans, 41);
    log->MarkDurable(Table::kLogs, 41);
    EXPECT_TRUE(Eventually([&] { return CountFiles(folder, ".wal") == 0; }));
  }
  options.hash_lifetime = 0s;
  auto log = OpenLog(options);
  ASSERT_TRUE(AppendSpans(*log, 1));
  EXPECT_TRUE(Eventually([&] { return CountFiles(folder, ".hashes") == 0; }));
}

TEST(Log, GivesUpAnIdleSegment) {
  const TestFolder folder;
  LogOptions options = OptionsFor(folder);
  options.idle = 50ms;
  auto log = OpenLog(options);
  ASSERT_TRUE(AppendSpans(*log, 1, 20'000));
  EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
  log->MarkDurable(Table::kSpans, 1);
  EXPECT_TRUE(Eventually([&] { return CountFiles(folder, ".wal") == 0; }));
  EXPECT_TRUE(Eventually([&] { return log->stats().bytes == 0; }));
  ASSERT_TRUE(AppendSpans(*log, 2));
  EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
}

TEST(Log, LeavesNothingTornOnAFullDisk) {
  const TestFolder folder;
  FaultyFiles files;
  for (const bool truncate_fails : {false, true}) {
    auto log = OpenLog(OptionsFor(folder, &files));
    const uint64_t base = truncate_fails ? 100 : 0;
    ASSERT_TRUE(AppendSpans(*log, base + 1));
    files.truncate_fails = truncate_fails;
    files.room = 700;
    const auto refused = AppendSpans(*log, base + 2, 50);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
    EXPECT_GT(refused.error().retry_after, 0ms);
    EXPECT_FALSE(AppendSpans(*log, base + 2, 50));
    files.room = INT64_MAX;
    files.truncate_fails = false;
    ASSERT_TRUE(Eventually([&] { return AppendSpans(*log, base + 2).has_value(); }));
    ASSERT_TRUE(AppendSpans(*log, base + 3));
    EXPECT_GE(log->stats().refused_records, 2u);
  }
  auto log = OpenLog(OptionsFor(folder));
  EXPECT_EQ(SpansIn(*log), (std::vector<uint64_t>{1, 2, 3, 101, 102, 103}));
  EXPECT_EQ(log->recovered().missing_records, 0u);
}

TEST(Log, CutsStillFitIntoAFullLog) {
  const TestFolder folder;
  FaultyFiles files;
  LogOptions options = OptionsFor(folder, &files);
  options.segment_bytes = 4096;
  options.limit_bytes = 8192;
  auto log = OpenLog(options);
  uint64_t kept = 0;
  while (AppendSpans(*log, kept + 1)) ++kept;
  EXPECT_GT(kept, 5u);
  const auto refused = AppendSpans(*log, kept + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
  // Nor can a new segment be made; what was reserved takes the cut.
  files.room = 0;
  const auto no_room = log->AppendCut({log->epoch(), 1, kept, kept, Table::kSpans, {}});
  EXPECT_FALSE(no_room);
  files.room = 400;
  ASSERT_TRUE(log->AppendCut({log->epoch(), 1, kept, kept, Table::kSpans, {}}));
  files.room = INT64_MAX;
  log->MarkDurable(Table::kSpans, kept);
  EXPECT_TRUE(Eventually([&] { return AppendSpans(*log, kept + 1).has_value(); }));
}

TEST(Log, LeavesRoomForTheTables) {
  const TestFolder folder;
  FaultyFiles files;
  files.space = {1 << 20, 1 << 30};
  LogOptions options = OptionsFor(folder, &files);
  options.segment_bytes = 4096;
  options.reserve_bytes = 1 << 20;
  auto log = OpenLog(options);
  const auto refused = AppendSpans(*log, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
  files.space = {2 << 20, 1 << 30};
  EXPECT_TRUE(Eventually([&] { return AppendSpans(*log, 1).has_value(); }));
  EXPECT_EQ(log->stats().last_error, "");
  // Never more than a quarter of a small disk.
  files.space = {1 << 19, 1 << 20};
  for (uint64_t n = 2; n <= 20; ++n) ASSERT_TRUE(AppendSpans(*log, n));
}

// A real limit of the system, met by real writes.
TEST(Log, GoesOnAfterAFileSizeLimit) {
  const TestFolder folder;
  signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  LogOptions options = OptionsFor(folder);
  options.segment_bytes = 1 << 20;
  auto log = OpenLog(options);
  ASSERT_TRUE(AppendSpans(*log, 1));
  rlimit limit = old_limit;
  limit.rlim_cur = 8192;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  uint64_t kept = 1;
  base::Result<Position> position;
  while ((position = AppendSpans(*log, kept + 1))) ++kept;
  EXPECT_EQ(position.error().code, base::Code::kResourceExhausted) << position.error().message;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ASSERT_TRUE(AppendSpans(*log, kept + 1));
  log.reset();
  log = OpenLog(options);
  EXPECT_EQ(SpansIn(*log), Numbers(1, kept + 1));
  EXPECT_EQ(log->recovered().damaged_bytes, 0u);
}

TEST(Log, AcknowledgesNothingAfterAFailedSync) {
  const TestFolder folder;
  FaultyFiles files;
  auto log = OpenLog(OptionsFor(folder, &files));
  ASSERT_TRUE(AppendSpans(*log, 1));
  files.sync_fails = true;
  const auto failed = AppendSpans(*log, 2);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, base::Code::kUnavailable);
  files.sync_fails = false;
  EXPECT_FALSE(AppendSpans(*log, 3));
  EXPECT_FALSE(log->AppendCut({log->epoch(), 1, 1, 1, Table::kSpans, {}}));
  EXPECT_TRUE(log->stats().failed);
  log.reset();
  log = OpenLog(OptionsFor(folder));
  // What was acknowledged is there; more may be.
  EXPECT_THAT(SpansIn(*log), ::testing::Contains(1));
  ASSERT_TRUE(AppendSpans(*log, 4));
}

TEST(Log, ReadsOnAfterDamageAndSaysWhatIsMissing) {
  const TestFolder folder;
  {
    auto log = OpenLog(OptionsFor(folder));
    for (uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(AppendSpans(*log, n));
  }
  const std::string path = OnlyFile(folder, ".wal");
  std::string bytes = *base::ReadFile(path);
  const size_t record = (bytes.size() - kSegmentHeaderBytes) / 10;
  bytes[kSegmentHeaderBytes + 3 * record + 20] ^= 4;                       // the header of 4
  bytes[kSegmentHeaderBytes + 6 * record + kRecordHeaderBytes + 30] ^= 4;  // the payload of 7
  bytes.resize(bytes.size() - 20);                                         // the end of 10
  bytes += "garbage";
  ASSERT_TRUE(base::WriteFileAtomically(path, bytes));
  auto log = OpenLog(OptionsFor(folder));
  EXPECT_EQ(SpansIn(*log), (std::vector<uint64_t>{1, 2, 3, 5, 6, 8, 9}));
  EXPECT_EQ(log->recovered().missing_records, 1u);
  EXPECT_GT(log->recovered().damaged_bytes, 0u);
  Replay replay(log->recovered().segments, [](Table, uint64_t) { return true; });
  while (replay.Next()) {
  }
  ASSERT_EQ(replay.damaged().size(), 1u);
  EXPECT_EQ(replay.damaged()[0].sequence, 7u);
  // Numbers go on behind everything that was seen, and the damaged segment is never written to again.
  ASSERT_TRUE(AppendSpans(*log, 11));
  EXPECT_EQ(CountFiles(folder, ".wal"), 2u);
}

TEST(Log, KeepsAsideWhatCannotGoIn) {
  const TestFolder folder;
  {
    auto log = OpenLog(OptionsFor(folder));
    for (uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(AppendSpans(*log, n));
    log->SetAside({log->epoch(), 2, 2, 1, Table::kSpans, {}});
  }
  EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
  auto log = OpenLog(OptionsFor(folder));
  log->MarkDurable(Table::kSpans, 3);
  EXPECT_TRUE(Eventually([&] { return CountFiles(folder, ".wal.aside") == 1; }));
  EXPECT_EQ(CountFiles(folder, ".wal"), 0u);
  log.reset();
  log = OpenLog(OptionsFor(folder));
  EXPECT_TRUE(log->recovered().segments.empty());
}

TEST(Log, NamesAFolderThatCannotBeUsed) {
  const TestFolder folder;
  ASSERT_TRUE(base::WriteFileAtomically(folder.path() + "/file", "x"));
  LogOptions options;
  options.folder = folder.path() + "/file/wal";
  const auto log = Log::Open(options);
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().message, ::testing::HasSubstr(options.folder));
}

// A child that is killed at a random moment, with everything that was not synced lost: the numbers that it acknowledged
// over a pipe are all there.
TEST(Log, LosesNothingAcknowledgedWithoutWhatWasNotSynced) {
  std::mt19937_64 random(std::random_device{}());
  const TestFolder folder;
  uint64_t next = 1;
  std::set<uint64_t> acknowledged;
  for (int round = 0; round < 10; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    const uint64_t seed = random();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      base::SetLogLevel(base::LogLevel::kOff);
      UnsyncedFiles files(seed);
      LogOptions options = OptionsFor(folder, &files);
      options.segment_bytes = 64 << 10;
      auto log = Log::Open(options);
      if (!log) _exit(1);
      for (uint64_t n = next;; ++n) {
        (*log)->Append(Record({TestSpans(n, 1), nullptr, nullptr}), [n, fd = pipe_ends[1]](auto position) {
          if (position && write(fd, &n, sizeof n) != sizeof n) _exit(1);
        });
        if (n % 8 == 0) std::this_thread::sleep_for(1ms);
      }
    }
    close(pipe_ends[1]);
    uint64_t number = 0;
    const uint64_t kill_after = next + 20 + random() % 300;
    while (read(pipe_ends[0], &number, sizeof number) == sizeof number) {
      acknowledged.insert(number);
      if (number == kill_after) kill(child, SIGKILL);
    }
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    next = *acknowledged.rbegin() + 1'000'000;
  }
  auto log = OpenLog(OptionsFor(folder));
  const auto numbers = SpansIn(*log);
  const std::set<uint64_t> found(numbers.begin(), numbers.end());
  for (const uint64_t number : acknowledged) EXPECT_TRUE(found.contains(number)) << number;
  EXPECT_EQ(found.size(), numbers.size()) << "records stand twice";
}

TEST(Log, EmptyLeavesNoSegmentThatHeldWhatWasThere) {
  const TestFolder folder;
  const auto log = OpenLog(OptionsFor(folder));
  const auto soon = [] { return std::chrono::steady_clock::now() + 10s; };
  // Nothing there is nothing to wait for.
  EXPECT_TRUE(log->Empty(soon()));
  const auto first = AppendSpans(*log, 1, 3);
  ASSERT_TRUE(first);
  // Not in its table yet: it stays.
  const base::Status early = log->Empty(std::chrono::steady_clock::now() + 50ms);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, base::Code::kDeadlineExceeded);
  EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
  log->MarkDurable(Table::kSpans, first->sequence);
  EXPECT_TRUE(log->Empty(soon()));
  EXPECT_EQ(CountFiles(folder, ".wal"), 0u);
  EXPECT_EQ(log->stats().oldest_sequence, 0u);
  // What comes later begins another one, which is not waited for.
  ASSERT_TRUE(AppendSpans(*log, 10));
  EXPECT_EQ(CountFiles(folder, ".wal"), 1u);
  log->Close();
  EXPECT_FALSE(log->Empty(soon()));
}

}  // namespace
}  // namespace clew::store::wal
