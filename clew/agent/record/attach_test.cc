// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "clew/agent/record/handover.h"
#include "clew/agent/record/record_test_support.h"

namespace clew::agent::record {
namespace {

using testing::ClaimedRings;
using testing::RunChild;
using testing::SmallArena;
using testing::WriteLog;

// Answers connections while it lives.
class ServingThread {
 public:
  explicit ServingThread(const HandoverServer& server)
      : thread_([this, &server] {
          while (!stop_) {
            server.Serve();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}
  ~ServingThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

int AttachWith(const std::string& value) {
  return RunChild([&] {
    setenv(kAttachVariable, value.c_str(), 1);
    return Attach() && WriteLog(1, "x") ? 0 : 1;
  });
}

// Leaves out the ways whose key is named.
std::string Without(std::string value, const std::string& key) {
  const size_t at = value.find(key + "=");
  if (at == std::string::npos) return value;
  return value.erase(at, value.find(';', at) + 1 - at);
}

std::string TemporaryPath(const std::string& name) {
  return (std::filesystem::temp_directory_path() / (name + std::to_string(getpid()))).string();
}

TEST(Handover, EveryWayWorks) {
  const Arena arena = SmallArena();
  const std::string path = TemporaryPath("clew-test-socket-");
  {
    const HandoverServer server = HandoverServer::Listen(arena, path);
    ASSERT_GE(server.abstract_fd(), 0);
    ASSERT_GE(server.path_fd(), 0);
    const ServingThread serving(server);
    const std::string value = server.AttachValue(-1);
    EXPECT_EQ(AttachWith(value), 0);
    EXPECT_EQ(AttachWith(Without(value, "abstract")), 0);
    EXPECT_EQ(AttachWith(Without(value, "path")), 0);
    // The first two are not there: the third is taken.
    EXPECT_EQ(AttachWith("abstract=clew-nobody;path=/nonexistent/socket;fd=" + std::to_string(arena.fd()) +
                         value.substr(value.find(";token="))),
              0);
    EXPECT_EQ(ClaimedRings(arena).size(), 4u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Handover, WrongTokenGetsNothing) {
  const Arena arena = SmallArena();
  const HandoverServer server = HandoverServer::Listen(arena, "");
  const ServingThread serving(server);
  std::string value = server.AttachValue(-1);
  value.back() = value.back() == '0' ? '1' : '0';
  EXPECT_EQ(AttachWith(value), 1);
  EXPECT_EQ(AttachWith(value.substr(0, value.size() - 1)), 1);
  EXPECT_EQ(AttachWith("abstract=;token="), 1);
  EXPECT_EQ(AttachWith(""), 1);
}

TEST(Handover, StuckServerCostsAtMostTheTimeout) {
  const Arena arena = SmallArena();
  const HandoverServer server = HandoverServer::Listen(arena, "");  // listens, never answers
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(AttachWith(server.AttachValue(-1)), 1);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, std::chrono::milliseconds(kHandoverTimeoutMillis - 5));
  EXPECT_LT(took, std::chrono::milliseconds(kHandoverTimeoutMillis + 400));
}

TEST(Handover, WhatIsNoArenaIsRefused) {
  const std::string token = ";token=0123456789abcdef0123456789abcdef";
  const std::string path = TemporaryPath("clew-test-file-");
  std::ofstream(path) << std::string(8192, 'x');
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(AttachWith("fd=" + std::to_string(file) + token), 1);
  close(file);
  std::filesystem::remove(path);
  EXPECT_EQ(AttachWith("fd=999" + token), 1);
  EXPECT_EQ(AttachWith("fd=x9" + token), 1);

  // A memfd with the header of an arena, but not sealed, or of another size.
  const Arena arena = SmallArena();
  ArenaHeader& header = arena.view().header();
  const int open_memory = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(ftruncate(open_memory, static_cast<off_t>(header.total_bytes)), 0);
  ASSERT_EQ(pwrite(open_memory, &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_EQ(AttachWith("fd=" + std::to_string(open_memory) + token), 1);
  ASSERT_EQ(fcntl(open_memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  EXPECT_EQ(AttachWith("fd=" + std::to_string(open_memory) + token), 0);
  ++header.shape.ring_count;
  ASSERT_EQ(pwrite(open_memory, &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_EQ(AttachWith("fd=" + std::to_string(open_memory) + token), 1);
  --header.shape.ring_count;
  ++header.version;
  ASSERT_EQ(pwrite(open_memory, &header, sizeof header, 0), static_cast<ssize_t>(sizeof header));
  EXPECT_EQ(AttachWith("fd=" + std::to_string(open_memory) + token), 1);
  close(open_memory);
}

TEST(Handover, AnotherPidNamespaceRecordsNothing) {
  const Arena arena = SmallArena();
  ++arena.view().header().pid_namespace;
  EXPECT_EQ(RunChild([&] { return AttachDescriptor(arena.fd()) ? 1 : 0; }), 0);
  EXPECT_EQ(arena.view().header().namespace_refused.load(), 1u);
  EXPECT_TRUE(ClaimedRings(arena).empty());
}

// Run by the test below in the image that takes this one's place.
TEST(Handover, DISABLED_SecondImage) { ASSERT_TRUE(Attach() && WriteLog(2, "second image")); }

TEST(Handover, ExecAbandonsTheOldImagesSlots) {
  const Arena arena = SmallArena();
  const int inherited = dup(arena.fd());
  const int status = RunChild([&] {
    if (!AttachDescriptor(arena.fd()) || !WriteLog(1, "first image")) return 1;
    const std::string value = "fd=" + std::to_string(inherited) + ";token=0123456789abcdef0123456789abcdef";
    setenv(kAttachVariable, value.c_str(), 1);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    execl("/proc/self/exe", "test", "--gtest_filter=Handover.DISABLED_SecondImage", "--gtest_also_run_disabled_tests",
          nullptr);
    return 2;
  });
  close(inherited);
  ASSERT_EQ(status, 0);
  const auto rings = ClaimedRings(arena);
  ASSERT_EQ(rings.size(), 2u);
  EXPECT_EQ(arena.view().ring(rings[0]).owner.load(), arena.view().ring(rings[1]).owner.load());
  int abandoned = 0;
  for (const uint32_t ring : rings) {
    testing::Drained drained;
    RingReader reader(arena.view(), ring);
    testing::DrainLogs(reader, drained);
    ASSERT_EQ(drained.logs.size(), 1u);
    const bool old = arena.view().ring(ring).state.load() == kSlotAbandoned;
    EXPECT_EQ(drained.logs[0].first, old ? 1u : 2u);
    abandoned += old;
  }
  EXPECT_EQ(abandoned, 1);
}

}  // namespace
}  // namespace clew::agent::record
