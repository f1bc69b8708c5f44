// SPDX-License-Identifier: Apache-2.0
#include "tools/crash/served.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "clew/base/log.h"
#include "clew/base/thread_annotations.h"
#include "clew/ingest/test_server.h"
#include "clew/store/wal/test_unsynced_files.h"
#include "tools/crash/history.h"

namespace clew::crash {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSenders = 3;
constexpr size_t kRowsACut = 500;
// A client waits for answers before it sends more.
constexpr uint64_t kMostOpen = 300;

class Load {
 public:
  Load(ingest::TestServer& server, const ServeOptions& options, const History& history)
      : server_(server), pipe_(options.pipe), next_(history.next) {
    const base::MutexLock lock(mutex_);
    again_.assign(history.unanswered.begin(), history.unanswered.end());
  }

  void Run() {
    while (!stop_) {
      if (open_ < kMostOpen) Send(Take());
      std::this_thread::sleep_for(300us);
    }
  }
  void Stop() { stop_ = true; }

 private:
  uint64_t Take() {
    const base::MutexLock lock(mutex_);
    if (again_.empty()) return next_++;
    const uint64_t number = again_.front();
    again_.pop_front();
    return number;
  }

  void Send(uint64_t number) {
    Tell(number);
    ++open_;
    server_.Send(number, [this, number](const base::Result<ingest::Outcome>& outcome) {
      --open_;
      if (outcome) return Tell(number | kAcknowledged);
      const base::MutexLock lock(mutex_);
      again_.push_back(number);
    });
  }

  void Tell(uint64_t word) const {
    if (write(pipe_, &word, sizeof word) != sizeof word) _exit(3);
  }

  ingest::TestServer& server_;
  const int pipe_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> open_ = 0;
  base::Mutex mutex_;
  std::deque<uint64_t> again_ GUARDED_BY(mutex_);
  uint64_t next_ GUARDED_BY(mutex_);
};

}  // namespace

int Serve(const ServeOptions& options) {
  base::SetLogLevel(base::LogLevel::kError);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto history = History::Load(options.history);
  if (!history) {
    std::fprintf(stderr, "%s\n", history.error().message.c_str());
    return 4;
  }
  store::wal::UnsyncedFiles unsynced(options.unsynced_seed);
  auto server = ingest::TestServer::Open(
      options.folder, options.unsynced_seed != 0 ? unsynced : store::wal::Files::System(), kRowsACut);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 4;
  }
  if (write(options.pipe, &kReady, sizeof kReady) != sizeof kReady) return 3;
  Load load(*server, options, *history);
  std::vector<std::thread> senders;
  for (size_t i = 0; i < kSenders; ++i) senders.emplace_back([&] { load.Run(); });
  int signal = 0;
  sigwait(&signals, &signal);
  load.Stop();
  for (std::thread& sender : senders) sender.join();
  server->Close(2s);
  return 0;
}

}  // namespace clew::crash
