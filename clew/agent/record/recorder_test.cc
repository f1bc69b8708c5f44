// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "clew/agent/record/handover.h"
#include "clew/agent/record/record_test_support.h"

extern "C" pid_t _Fork(void);

namespace clew::agent::record {
namespace {

using testing::ClaimedRings;
using testing::DrainAll;
using testing::Drained;
using testing::DrainLogs;
using testing::RunChild;
using testing::SmallArena;
using testing::StartChild;
using testing::Wait;
using testing::WriteLog;

uint64_t ResidentBytes(const uint8_t* memory, size_t bytes) {
  std::vector<unsigned char> pages(bytes / kPageBytes);
  if (mincore(const_cast<uint8_t*>(memory), bytes, pages.data()) != 0) return UINT64_MAX;
  return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }) * kPageBytes;
}

TEST(Recorder, OffWithoutArena) {
  EXPECT_EQ(RunChild([] {
              unsetenv(kAttachVariable);
              return Attach() || ThisThread() != nullptr || IsRecording() || Epoch() != 0 || WriteLog(1, "x");
            }),
            0);
}

TEST(Recorder, RecordsComeOutAsWritten) {
  const Arena arena = SmallArena();
  ASSERT_TRUE(arena);
  const int written = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    for (uint64_t i = 0; i < 100; ++i) {
      if (!WriteLog(i, std::string(i * 7, 'x'))) return 2;
    }
    return 0;
  });
  ASSERT_EQ(written, 0);
  const Drained drained = DrainAll(arena);
  EXPECT_EQ(drained.records, 100u);
  EXPECT_EQ(drained.broken + drained.undecoded + drained.out_of_order, 0u);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(drained.logs[i].first, i);
  EXPECT_EQ(arena.view().header().attached.load(), 1u);
}

TEST(Recorder, FullRingDropsNewestAndCounts) {
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    uint64_t accepted = 0;
    for (uint64_t i = 0; i < 10'000; ++i) accepted += WriteLog(i, std::string(300, 'x'));
    return accepted > 500 && accepted < 10'000 ? 0 : 2;
  });
  ASSERT_EQ(status, 0);
  const RingSlot& slot = arena.view().ring(ClaimedRings(arena).at(0));
  const Drained drained = DrainAll(arena);
  EXPECT_EQ(drained.records + slot.dropped_records.load(), 10'000u);
  for (uint64_t i = 0; i < drained.logs.size(); ++i) EXPECT_EQ(drained.logs[i].first, i);
}

TEST(Recorder, WrapsUnderALiveDrainer) {
  const Arena arena = SmallArena();
  const pid_t child = StartChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    for (uint64_t i = 0; i < 50'000;) {
      if (WriteLog(i, std::string(i % 900, 'y'))) {
        ++i;
      } else {
        sched_yield();
      }
    }
    return 0;
  });
  Drained drained;
  int status = 0;
  while (true) {
    const bool ended = waitpid(child, &status, WNOHANG) == child;
    for (const uint32_t ring : ClaimedRings(arena)) {
      RingReader reader(arena.view(), ring);
      DrainLogs(reader, drained);
    }
    if (ended) break;
    std::this_thread::yield();
  }
  EXPECT_EQ(status, 0);
  EXPECT_EQ(drained.records, 50'000u);
  EXPECT_EQ(drained.broken + drained.undecoded + drained.out_of_order, 0u);
  for (uint64_t i = 0; i < drained.logs.size(); ++i) ASSERT_EQ(drained.logs[i].first, i);
}

// Both ends in one process, where ThreadSanitizer sees them.
TEST(Recorder, WriterAndReaderThreadsDoNotRace) {
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    std::atomic<bool> ended = false;
    Drained drained;
    std::thread drainer([&] {
      for (bool last = false; !last;) {
        last = ended.load();
        for (const uint32_t ring : ClaimedRings(arena)) {
          RingReader reader(arena.view(), ring);
          DrainLogs(reader, drained);
        }
        // Long enough now and then for the ring to be empty and rewound.
        std::this_thread::sleep_for(std::chrono::microseconds(drained.records % 3 * 100));
      }
    });
    uint64_t written = 0;
    for (uint64_t i = 0; i < 20'000; ++i) {
      written += WriteLog(i, std::string(i % 500, 'r'));
      if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    ended = true;
    drainer.join();
    return drained.broken + drained.undecoded + drained.out_of_order == 0 && drained.records == written ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

TEST(Recorder, QuietThreadKeepsFewPages) {
  const Arena arena = SmallArena(4, 1 << 20);
  int to_child[2], to_parent[2];
  ASSERT_EQ(pipe(to_child) + pipe(to_parent), 0);
  const pid_t child = StartChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    char token = 0;
    for (uint64_t i = 0; i < 500; ++i) {
      for (int j = 0; j < 10; ++j) WriteLog(i, std::string(400, 'z'));
      if (write(to_parent[1], "x", 1) != 1 || read(to_child[0], &token, 1) != 1) return 2;
    }
    return 0;
  });
  Drained drained;
  char token = 0;
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(read(to_parent[0], &token, 1), 1);
    for (const uint32_t ring : ClaimedRings(arena)) {
      RingReader reader(arena.view(), ring);
      DrainLogs(reader, drained);
    }
    ASSERT_EQ(write(to_child[1], "x", 1), 1);
  }
  EXPECT_EQ(Wait(child), 0);
  EXPECT_EQ(drained.records, 5000u);
  EXPECT_EQ(drained.broken, 0u);
  const uint32_t ring = ClaimedRings(arena).at(0);
  EXPECT_LE(ResidentBytes(arena.view().ring_bytes(ring), 1 << 20), 64u * 1024);
  arena.FreeRing(ring);
  EXPECT_EQ(ResidentBytes(arena.view().ring_bytes(ring), 1 << 20), 0u);
  EXPECT_TRUE(ClaimedRings(arena).empty());
}

TEST(Recorder, EncodingTwiceInOneThreadIsRefused) {
  const Arena arena = SmallArena();
  EXPECT_EQ(RunChild([&] {
              if (!AttachDescriptor(arena.fd())) return 1;
              ThreadWriter* writer = ThisThread();
              const Encoder outer = writer->Begin();
              if (outer.room() == 0) return 2;
              // A callback that logs in the middle of encoding.
              Encoder inner = writer->Begin();
              inner.Put(1);
              writer->Abandon(inner);
              if (!inner.overflowed() || WriteLog(1, "nested") || writer->Begin().room() != 0) return 3;
              writer->Abandon(outer);
              return WriteLog(2, "after") ? 0 : 4;
            }),
            0);
}

// Children made by fork, _Fork and a bare clone system call; the forking thread has recorded, or never did.
enum class ForkKind { kFork, kBareFork, kClone };

pid_t MakeChild(ForkKind kind) {
  switch (kind) {
    case ForkKind::kFork: return fork();
    case ForkKind::kBareFork: return _Fork();
    case ForkKind::kClone: return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  }
  return -1;
}

class ForkMatrix : public ::testing::TestWithParam<std::tuple<ForkKind, bool>> {};

TEST_P(ForkMatrix, ChildTakesItsOwnRingAndIds) {
  const auto [kind, parent_recorded] = GetParam();
  const Arena arena = SmallArena();
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    uint8_t before[8] = {};
    if (parent_recorded) {
      WriteLog(1, "parent");
      ThisThread()->ids().SpanId(before);
    }
    const pid_t child = MakeChild(kind);
    if (child == 0) _exit(WriteLog(2, "child") ? 0 : 1);
    int child_status = 0;
    if (waitpid(child, &child_status, 0) != child || child_status != 0) return 2;
    return WriteLog(3, "parent again") ? 0 : 3;
  });
  ASSERT_EQ(status, 0);
  const auto rings = ClaimedRings(arena);
  ASSERT_EQ(rings.size(), 2u);
  for (const uint32_t ring : rings) {
    RingReader reader(arena.view(), ring);
    Drained drained;
    DrainLogs(reader, drained);
    ASSERT_FALSE(drained.logs.empty());
    for (const auto& [number, pid] : drained.logs) {
      EXPECT_EQ(OwnerPid(arena.view().ring(ring).owner.load()), pid);
      EXPECT_EQ(number == 2, drained.logs.size() == 1 && drained.logs[0].first == 2);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllForks, ForkMatrix,
                         ::testing::Combine(::testing::Values(ForkKind::kFork, ForkKind::kBareFork, ForkKind::kClone),
                                            ::testing::Bool()));

TEST(Recorder, ThousandChildrenHaveDistinctIds) {
  const Arena arena = SmallArena(64);
  std::set<std::string> ids;
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t parent = StartChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    WriteLog(1, "warm");
    for (int i = 0; i < 1000; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        uint8_t ids_of_child[4][16];
        for (auto& id : ids_of_child) ThisThread()->ids().TraceId(id);
        _exit(write(pipes[1], ids_of_child, sizeof ids_of_child) == sizeof ids_of_child ? 0 : 1);
      }
      if (Wait(child) != 0) return 2;
      // What the drainer does once a process is dead.
      for (const uint32_t ring : ClaimedRings(arena)) {
        if (OwnerPid(arena.view().ring(ring).owner.load()) == static_cast<uint32_t>(child)) arena.FreeRing(ring);
      }
      for (uint32_t worker = 0; worker < arena.view().shape().worker_count; ++worker) {
        if (OwnerPid(arena.view().worker(worker).owner.load()) == static_cast<uint32_t>(child)) {
          arena.FreeWorker(worker);
        }
      }
    }
    return 0;
  });
  close(pipes[1]);
  char id[16];
  while (read(pipes[0], id, sizeof id) == sizeof id) ids.insert(std::string(id, sizeof id));
  close(pipes[0]);
  EXPECT_EQ(Wait(parent), 0);
  EXPECT_EQ(ids.size(), 4000u);
  EXPECT_EQ(arena.view().header().ring_claims_failed.load(), 0u);
}

TEST(Recorder, ThreadChurnReusesRings) {
  const Arena arena = SmallArena(8);
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    for (int i = 0; i < 2000; ++i) {
      bool written = false;
      std::thread([&] { written = WriteLog(static_cast<uint64_t>(i), "t"); }).join();
      if (!written) return 2;
    }
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(DrainAll(arena).records, 2000u);
  EXPECT_EQ(ClaimedRings(arena).size(), 1u);
}

TEST(Recorder, ManyThreadsEachTheirRing) {
  const Arena arena = SmallArena(16);
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([t] {
        for (uint64_t i = 0; i < 200; ++i) WriteLog(t * 1000 + i, "x");
      });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  EXPECT_EQ(status, 0);
  const Drained drained = DrainAll(arena);
  EXPECT_EQ(drained.records, 1600u);
  EXPECT_EQ(drained.broken + drained.out_of_order, 0u);
}

TEST(Recorder, NoFreeRingDropsAndCounts) {
  const Arena arena = SmallArena(1);
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd())) return 1;
    WriteLog(1, "first");
    bool second = true;
    std::thread([&] { second = WriteLog(2, "none left"); }).join();
    return second ? 2 : 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(arena.view().header().records_without_ring.load(), 1u);
  EXPECT_GE(arena.view().header().ring_claims_failed.load(), 1u);
}

TEST(Recorder, ClosedArenaTurnsWritersOff) {
  const Arena arena = SmallArena();
  EXPECT_EQ(RunChild([&] {
              if (!AttachDescriptor(arena.fd()) || !WriteLog(1, "x")) return 1;
              arena.view().header().closed.store(1);
              if (IsRecording()) return 2;
              return WriteLog(2, "y") ? 3 : 0;
            }),
            0);
}

// A writer killed at any moment: all that it had published is there, nothing torn, its open span too.
TEST(Recorder, HundredKillsLoseNothing) {
  const Arena arena = SmallArena(4, 1 << 20);
  auto* committed = static_cast<std::atomic<uint64_t>*>(
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(committed, MAP_FAILED);
  std::mt19937 random(7);
  uint64_t total = 0;
  for (int round = 0; round < 100; ++round) {
    committed->store(0);
    const pid_t child = StartChild([&] {
      if (!AttachDescriptor(arena.fd())) return 1;
      for (uint64_t i = 0;; ++i) {
        ThreadWriter* writer = ThisThread();
        uint8_t id[8];
        std::memcpy(id, &i, sizeof id);
        uint8_t buffer[256];
        Encoder open(buffer, sizeof buffer);
        testing::EncodeSpan(open, id, "GET");
        const OpenSpan span = writer->Open(open.View());
        if (WriteLog(i, std::string(i % 700, 'k'))) {
          committed->store(i + 1, std::memory_order_relaxed);
          ThreadWriter::Close(span);
        } else {
          ThreadWriter::Close(span);
          --i;
          usleep(100);
        }
      }
    });
    while (committed->load() == 0) std::this_thread::yield();
    Drained drained;
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 4000);
    while (std::chrono::steady_clock::now() < until) {
      for (const uint32_t ring : ClaimedRings(arena)) {
        RingReader reader(arena.view(), ring);
        DrainLogs(reader, drained);
      }
    }
    kill(child, SIGKILL);
    EXPECT_EQ(Wait(child), -SIGKILL);
    int open_spans = 0;
    for (const uint32_t ring : ClaimedRings(arena)) {
      RingReader reader(arena.view(), ring);
      DrainLogs(reader, drained);
      for (uint32_t i = 0; i < arena.view().shape().span_slots; ++i) {
        const OpenSpanSlot& span = arena.view().open_spans(ring)[i];
        if (span.state.load(std::memory_order_acquire) == kSpanFree) continue;
        ++open_spans;
        EXPECT_TRUE(DecodeSpan({reinterpret_cast<const char*>(span.payload), span.payload_bytes}));
      }
      arena.FreeRing(ring);
    }
    for (uint32_t worker = 0; worker < arena.view().shape().worker_count; ++worker) {
      if (arena.view().worker(worker).owner.load() != 0) arena.FreeWorker(worker);
    }
    EXPECT_LE(open_spans, 1);
    EXPECT_EQ(drained.broken + drained.undecoded + drained.out_of_order, 0u);
    ASSERT_GE(drained.records, committed->load());
    ASSERT_LE(drained.records, committed->load() + 1);
    for (uint64_t i = 0; i < drained.logs.size(); ++i) ASSERT_EQ(drained.logs[i].first, i);
    total += drained.records;
  }
  EXPECT_GT(total, 1000u);
  munmap(committed, kPageBytes);
}

TEST(Recorder, OpenSpansSurviveTheirProcess) {
  const Arena arena = SmallArena();
  EXPECT_EQ(RunChild([&] {
              if (!AttachDescriptor(arena.fd())) return 1;
              uint8_t buffer[600];
              for (uint8_t i = 1; i <= 20; ++i) {  // four more than there are slots
                Encoder encoder(buffer, sizeof buffer);
                const uint8_t id[8] = {i};
                testing::EncodeSpan(encoder, id, "GET /slow");
                const OpenSpan span = ThisThread()->Open(encoder.View());
                if ((span.slot == nullptr) != (i > 16)) return 2;
                if (i == 3) ThreadWriter::Close(span);
                if (i == 3 && ThisThread()->Open(encoder.View()).slot == nullptr) return 3;
              }
              kill(getpid(), SIGKILL);
              return 0;
            }),
            -SIGKILL);
  std::set<int> ids;
  const uint32_t ring = ClaimedRings(arena).at(0);
  for (uint32_t i = 0; i < 16; ++i) {
    const OpenSpanSlot& slot = arena.view().open_spans(ring)[i];
    ASSERT_EQ(slot.state.load(), kSpanOpen);
    const auto span = DecodeSpan({reinterpret_cast<const char*>(slot.payload), slot.payload_bytes});
    ASSERT_TRUE(span);
    EXPECT_EQ(span->name, "GET /slow");
    EXPECT_EQ(span->fixed.end, 0);
    ids.insert(span->fixed.span_id[0]);
  }
  EXPECT_EQ(ids.size(), 16u);
}

}  // namespace
}  // namespace clew::agent::record
