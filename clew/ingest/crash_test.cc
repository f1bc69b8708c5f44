// SPDX-License-Identifier: Apache-2.0
// Kills a server's write path under load, with its real store, and holds what the tables have against what was sent.
// The server is this program once more, started with one test only; it tells over a pipe what it sends and what is
// acknowledged to it. What was sent and not acknowledged is sent again by the next one, as clients do: in the end
// everything stands there exactly once.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "clew/base/file.h"
#include "clew/base/log.h"
#include "clew/engine/engine.h"
#include "clew/ingest/ingest.h"
#include "clew/store/log_reader.h"
#include "clew/store/span_reader.h"
#include "clew/store/store.h"
#include "clew/store/store_state.h"
#include "clew/store/wal/test_batches.h"
#include "clew/store/wal/test_unsynced_files.h"
#include "clew/store/write_path.h"

extern char** environ;

namespace clew::ingest {
namespace {

using store::wal::TestFolder;
using namespace std::chrono_literals;

constexpr std::string_view kTenants[] = {"anonymous", "other"};

// The rows of request `number` are numbered from here on.
constexpr uint64_t kRowsApart = 100;
uint64_t FirstRow(uint64_t number) { return number * kRowsApart; }
size_t RowsOf(uint64_t number) { return 1 + number * 7919 % 20; }
enum class Kind : uint8_t { kSpans, kLogs, kSeries };
Kind KindOf(uint64_t number) { return static_cast<Kind>(number % 3); }
std::string_view TenantOf(uint64_t number) { return kTenants[number / 3 % 2]; }

// One server: store, write path, ingest.
struct Server {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::WritePath> path;
  std::unique_ptr<Ingest> ingest;

  // Small cuts where kills are to meet many.
  static base::Result<Server> Open(const std::string& folder, store::wal::Files& files, size_t cut_rows) {
    Server server;
    store::StoreOptions store_options;
    store_options.data_dir = folder;
    CLEW_ASSIGN_OR_RETURN(server.store, store::Store::Open(store_options));
    store::WritePathOptions options;
    options.log.folder = folder + "/wal";
    options.log.files = &files;
    options.log.segment_bytes = 256u << 10;
    options.cut_rows = cut_rows;
    options.cut_interval = 20ms;
    CLEW_ASSIGN_OR_RETURN(server.path, store::WritePath::Open(std::move(options), *server.store));
    server.ingest = std::make_unique<Ingest>(*server.path);
    return server;
  }

  void Send(uint64_t number, Done done) {
    model::RequestContext context;
    context.tenant = *model::TenantId::Parse(TenantOf(number));
    const base::Hash128 hash{number, 1};
    const uint64_t first = FirstRow(number);
    switch (KindOf(number)) {
      case Kind::kSpans:
        ingest->Write(context, *store::wal::TestSpans(first, RowsOf(number)), hash, std::move(done));
        break;
      case Kind::kLogs:
        ingest->Write(context, *store::wal::TestLogs(first, RowsOf(number)), hash, std::move(done));
        break;
      case Kind::kSeries:
        ingest->Write(context, *store::wal::TestSeries(first, RowsOf(number)), hash, std::move(done));
        break;
    }
  }

  void Close() {
    if (ingest) ingest->Close();
    if (path) path->Close(std::chrono::steady_clock::now() + 30s);
    ingest.reset();
    path.reset();
    store.reset();
  }
};

// What the child tells: a number as it is sent, and again with the high bit once it is acknowledged.
constexpr uint64_t kAcknowledged = uint64_t{1} << 63;

void Tell(int fd, uint64_t word) {
  if (write(fd, &word, sizeof word) != sizeof word) _exit(3);
}

uint64_t FromEnvironment(const char* name) { return std::stoull(std::getenv(name)); }

// Runs in the child only.
TEST(CrashChild, DISABLED_Serves) {
  base::SetLogLevel(base::LogLevel::kError);
  const std::string folder = std::getenv("CLEW_CRASH_FOLDER");
  const int fd = static_cast<int>(FromEnvironment("CLEW_CRASH_FD"));
  const uint64_t seed = FromEnvironment("CLEW_CRASH_SEED");
  // A seed: what was not synced is lost at the kill.
  store::wal::UnsyncedFiles unsynced(seed);
  auto server = Server::Open(folder, seed != 0 ? unsynced : store::wal::Files::System(), 500);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    _exit(4);
  }
  Tell(fd, 0);  // ready
  const auto send = [&](uint64_t number) {
    Tell(fd, number);
    server->Send(number, [fd, number](const base::Result<Outcome>& outcome) {
      if (outcome) Tell(fd, number | kAcknowledged);
    });
  };
  std::ifstream again(folder + "/again");
  for (uint64_t number = 0; again >> number;) send(number);
  std::atomic<uint64_t> next = FromEnvironment("CLEW_CRASH_FIRST");
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (true) {
        send(next++);
        std::this_thread::sleep_for(300us);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

class CrashTest : public testing::Test {
 protected:
  // Starts a server, lets it run for `run` from when it is ready (or, if `early`, from its start), kills it.
  void Round(uint64_t seed, std::chrono::microseconds run, bool early) {
    std::ofstream again(folder_.path() + "/again");
    for (const uint64_t number : unanswered_) again << number << '\n';
    again.close();
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = Spawn(ends[1], seed);
    close(ends[1]);
    if (early) KillAfter(child, run);
    bool ready = false;
    uint64_t word = 0;
    std::thread killer;
    while (read(ends[0], &word, sizeof word) == sizeof word) {
      if (word == 0) {
        ready = true;
        if (!early) killer = std::thread([=] { KillAfter(child, run); });
      } else if ((word & kAcknowledged) != 0) {
        unanswered_.erase(word & ~kAcknowledged);
        acknowledged_.insert(word & ~kAcknowledged);
      } else {
        sent_.insert(word);
        if (!acknowledged_.contains(word)) unanswered_.insert(word);
        next_ = std::max(next_, word + 1);
      }
    }
    close(ends[0]);
    if (killer.joinable()) killer.join();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the server ended by itself: " << status;
    EXPECT_TRUE(ready || early);
  }

  // What stands in the tables, over a server that sends the rest again.
  void ExpectEverythingOnce() {
    auto server = Server::Open(folder_.path(), store::wal::Files::System(), 100'000);
    ASSERT_TRUE(server) << server.error().message;
    std::atomic<size_t> answered = 0;
    for (const uint64_t number : unanswered_) {
      server->Send(number, [&](const base::Result<Outcome>& outcome) { answered += outcome ? 1 : 0; });
    }
    while (answered < unanswered_.size()) std::this_thread::sleep_for(1ms);
    std::map<std::string, std::multiset<uint64_t>> found;
    for (const std::string_view name : kTenants) ReadAll(*server->store, name, found);
    std::map<std::string, std::multiset<uint64_t>> expected;
    for (const uint64_t number : sent_) {
      static constexpr const char* kNames[] = {"spans", "logs", "samples"};
      auto& rows = expected[std::string(TenantOf(number)) + " " + kNames[number % 3]];
      for (uint64_t row = 0; row < RowsOf(number); ++row) rows.insert(FirstRow(number) + row);
    }
    for (const auto& [table, rows] : expected) {
      std::vector<uint64_t> lost;
      std::vector<uint64_t> more;
      std::ranges::set_difference(rows, found[table], std::back_inserter(lost));
      std::ranges::set_difference(found[table], rows, std::back_inserter(more));
      EXPECT_TRUE(lost.empty()) << table << " lost " << lost.size() << " rows, the first " << lost[0];
      EXPECT_TRUE(more.empty()) << table << " has " << more.size() << " rows doubled, the first " << more[0];
    }
    server->Close();
  }

  // A write that the kill cut off, as a disk may show it.
  void TearTheEnd(std::mt19937_64& random) {
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/wal")) {
      if (entry.path().extension() == ".wal") newest = std::max(newest, entry.path().string());
    }
    if (newest.empty()) return;
    const std::string bytes = *base::ReadFile(newest);
    std::ofstream out(newest, std::ios::binary | std::ios::app);
    // Zeros, noise, or the beginning of a real record with a bit flipped.
    std::string tail(1 + random() % 500, '\0');
    const uint64_t how = random() % 3;
    if (how == 1) std::ranges::generate(tail, [&] { return static_cast<char>(random()); });
    if (how == 2 && bytes.size() > 64) tail = bytes.substr(64, tail.size());
    if (how == 2) tail[random() % tail.size()] ^= 8;
    out << tail;
  }

  TestFolder folder_;
  std::set<uint64_t> sent_;
  std::set<uint64_t> acknowledged_;
  std::set<uint64_t> unanswered_;
  uint64_t next_ = 1;

 private:
  pid_t Spawn(int fd, uint64_t seed) {
    // Without O_CLOEXEC in the child only.
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int kChildFd = 100;
    posix_spawn_file_actions_adddup2(&actions, fd, kChildFd);
    std::vector<std::string> environment{
        "CLEW_CRASH_FOLDER=" + folder_.path(), "CLEW_CRASH_SEED=" + std::to_string(seed),
        "CLEW_CRASH_FD=" + std::to_string(kChildFd), "CLEW_CRASH_FIRST=" + std::to_string(next_)};
    std::vector<char*> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::string program = "/proc/self/exe";
    std::string filter = "--gtest_filter=CrashChild.DISABLED_Serves";
    std::string disabled = "--gtest_also_run_disabled_tests";
    char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, variables.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }

  static void KillAfter(pid_t child, std::chrono::microseconds run) {
    std::this_thread::sleep_for(run);
    kill(child, SIGKILL);
  }

  static void ReadAll(store::Store& store, std::string_view tenant,
                      std::map<std::string, std::multiset<uint64_t>>& found) {
    model::RequestContext context;
    context.tenant = *model::TenantId::Parse(tenant);
    context.deadline = std::chrono::steady_clock::now() + 200s;
    const std::string name(tenant);
    auto& spans = found[name + " spans"];
    auto status = store::SpanReader(store, context).Scan({}, [&](const model::SpanBatch& batch) -> base::Status {
      for (size_t row = 0; row < batch.size(); ++row) {
        uint64_t number = 0;
        std::memcpy(&number, batch.span_id[row].bytes.data(), sizeof number);
        spans.insert(number);
      }
      return {};
    });
    ASSERT_TRUE(status) << status.error().message;
    auto& logs = found[name + " logs"];
    store::LogQuery query;
    query.limit = 0;
    status = store::LogReader(store, context).Scan(query, [&](const model::LogBatch& batch) -> base::Status {
      for (const uint64_t time : batch.time) logs.insert(time - 1'700'000'000'000'000'000);
      return {};
    });
    ASSERT_TRUE(status) << status.error().message;
    // Readers give a sample once however often it stands there, so the table itself is asked.
    auto& samples = found[name + " samples"];
    status = store.state().Flush(
        {.signal = store::Signal::kMetrics, .range = {}, .trace_ids = {}, .service = {}, .matchers = {}}, context);
    ASSERT_TRUE(status) << status.error().message;
    engine::Parameters parameters;
    parameters.Text("tenant", tenant);
    status = store.state().engine().Query("SELECT value FROM samples WHERE tenant = {tenant:String}", parameters, {},
                                          [&](const engine::Block& block) -> base::Status {
                                            for (const double value : block[0].Values<double>()) {
                                              samples.insert(static_cast<uint64_t>(value));
                                            }
                                            return {};
                                          });
    ASSERT_TRUE(status) << status.error().message;
  }
};

TEST_F(CrashTest, TenKillsLoseAndDoubleNothing) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 10; ++round) {
    Round(0, std::chrono::microseconds(50'000 + random() % 400'000), false);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(acknowledged_.size(), 100u);
  ExpectEverythingOnce();
}

TEST_F(CrashTest, NorDoKillsThatLoseWhatWasNotSynced) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 10; ++round) {
    // Some die while they start and replay.
    const bool early = round % 4 == 3;
    Round(1 + random() % 1'000'000, std::chrono::microseconds(50'000 + random() % 400'000), early);
    if (HasFatalFailure()) return;
    TearTheEnd(random);
  }
  EXPECT_GT(acknowledged_.size(), 100u);
  ExpectEverythingOnce();
}

TEST_F(CrashTest, EveryReadSeesWhatWasAcknowledgedBefore) {
  auto server = Server::Open(folder_.path(), store::wal::Files::System(), 100'000);
  ASSERT_TRUE(server) << server.error().message;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 10; ++i) {
        const uint64_t number = 6 * (1 + t * 100 + i);  // spans of the first tenant
        std::promise<base::Result<Outcome>> done;
        server->Send(number, [&](base::Result<Outcome> outcome) { done.set_value(std::move(outcome)); });
        ASSERT_TRUE(done.get_future().get());
        const model::RequestContext context;
        const auto trace = store::SpanReader(*server->store, context).Trace(store::wal::TestTraceId(FirstRow(number)));
        ASSERT_TRUE(trace) << trace.error().message;
        EXPECT_EQ(trace->size(), 1u);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  server->Close();
}

}  // namespace
}  // namespace clew::ingest
