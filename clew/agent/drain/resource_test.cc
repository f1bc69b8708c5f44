// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "clew/agent/drain/process_watch.h"
#include "clew/agent/drain/sender.h"
#include "clew/agent/drain/uuid.h"
#include "clew/base/bytes.h"

namespace clew::agent::drain {
namespace {

constexpr const char* kId = "9c1f0e2b4d5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e";

TEST(Uuid, Sha1MatchesItsStandard) {
  EXPECT_EQ(base::ToHex(Sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(base::ToHex(Sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(base::ToHex(Sha1(std::string(1'000, 'a'))), "291e9a6c66994949b57ba5e650361e98fc36b1ba");
}

TEST(Uuid, HasVersionAndVariant) {
  const std::string named = InstanceUuid("x");
  EXPECT_EQ(named, InstanceUuid("x"));
  EXPECT_NE(named, InstanceUuid("y"));
  EXPECT_THAT(named, testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_THAT(RandomUuid(),
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(RandomUuid(), RandomUuid());
}

TEST(Resource, InstanceStaysOverARestartAndDiffersByPort) {
  Config config;
  config.service_name = "shop";
  const Host host{"h", "0123", ""};
  const auto instance = [&](const Host& of, const char* page) {
    return std::string(FindValue(ServiceResource(config, of, "gunicorn", page), "service.instance.id"));
  };
  EXPECT_EQ(instance(host, "127.0.0.1:9464"), instance(host, "127.0.0.1:9464"));
  EXPECT_NE(instance(host, "127.0.0.1:9464"), instance(host, "127.0.0.1:9465"));
  EXPECT_NE(instance(host, ""), instance(host, ""));
  EXPECT_NE(instance({"h", "", ""}, "127.0.0.1:9464"), instance({"h", "", ""}, "127.0.0.1:9464"));
  EXPECT_NE(instance({"h", "0123", kId}, "127.0.0.1:9464"), instance(host, "127.0.0.1:9464"));
}

TEST(Resource, VariablesGoBeforeWhatIsDetected) {
  Config config;
  config.resource_attributes = {{"service.name", "from-attributes"},
                                {"host.name", "other"},
                                {"service.instance.id", "me"},
                                {"service.version", "1.2"}};
  auto resource = ServiceResource(config, {"h", "0123", kId}, "/venv/bin/gunicorn", "127.0.0.1:9464");
  EXPECT_EQ(FindValue(resource, "service.name"), "from-attributes");
  EXPECT_EQ(FindValue(resource, "host.name"), "other");
  EXPECT_EQ(FindValue(resource, "service.instance.id"), "me");
  EXPECT_EQ(FindValue(resource, "service.version"), "1.2");
  EXPECT_EQ(FindValue(resource, "container.id"), kId);
  EXPECT_EQ(FindValue(resource, "telemetry.sdk.language"), "python");
  EXPECT_EQ(FindValue(resource, "telemetry.sdk.name"), "clew");
  EXPECT_EQ(FindValue(resource, "os.type"), "linux");
  EXPECT_TRUE(std::ranges::is_sorted(resource));
  config.service_name = "from-name";
  resource = ServiceResource(config, {}, "/venv/bin/gunicorn", "");
  EXPECT_EQ(FindValue(resource, "service.name"), "from-name");
  EXPECT_EQ(FindValue(ServiceResource({}, {}, "/venv/bin/gunicorn", ""), "service.name"), "unknown_service:gunicorn");
}

TEST(Resource, ContainerIdFromBothCgroupVersions) {
  const std::string id = kId;
  EXPECT_EQ(ContainerIdOf("12:pids:/docker/" + id + "\n", ""), id);
  EXPECT_EQ(ContainerIdOf("0::/system.slice/docker-" + id + ".scope\n", ""), id);
  EXPECT_EQ(ContainerIdOf("1:cpu:/kubepods/besteffort/pod1/cri-containerd-" + id + ".scope\n", ""), id);
  EXPECT_EQ(ContainerIdOf("0::/\n", "1 2 0:3 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw\n"), id);
  EXPECT_EQ(ContainerIdOf("0::/user.slice\n", "1 2 0:3 / / rw\n"), "");
  EXPECT_EQ(ContainerIdOf("0::/x/" + id + "ab\n", ""), "");
}

TEST(ProcessWatch, KnowsHowAProcessEndedWithoutBeingItsParent) {
  // A grandchild, so that somebody else reaps it.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t middle = fork();
  if (middle == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      pause();
      _exit(0);
    }
    [[maybe_unused]] auto written = write(ends[1], &grandchild, sizeof grandchild);
    int status = 0;
    waitpid(grandchild, &status, 0);
    _exit(0);
  }
  pid_t grandchild = 0;
  ASSERT_EQ(read(ends[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  const auto stat = ProcessStat::Of(grandchild);
  ASSERT_TRUE(stat);
  EXPECT_GT(stat->start_ticks, 0u);
  EXPECT_GE(stat->threads, 1u);  // a sanitizer adds one
  EXPECT_GT(stat->resident_bytes, 0u);
  EXPECT_EQ(WatchedProcess::Open(grandchild, stat->start_ticks + 1), nullptr);
  const auto watch = WatchedProcess::Open(grandchild, stat->start_ticks);
  ASSERT_NE(watch, nullptr);
  EXPECT_FALSE(watch->HasEnded());
  kill(grandchild, SIGKILL);
  waitpid(middle, nullptr, 0);
  EXPECT_TRUE(watch->HasEnded());
  const auto status = watch->ExitStatus();
  // Kernels before 6.15 do not tell once it is reaped.
  EXPECT_EQ(DescribeEnd(status.value_or(SIGKILL)), "signal 9 (SIGKILL)");
  EXPECT_EQ(WatchedProcess::Open(grandchild, stat->start_ticks), nullptr);
  close(ends[0]);
  close(ends[1]);
}

TEST(ProcessWatch, TellsEndsInWords) {
  EXPECT_EQ(DescribeEnd(768), "exit status 3");
  EXPECT_EQ(DescribeEnd(11), "signal 11 (SIGSEGV)");
  EXPECT_EQ(DescribeEnd(std::nullopt), "status unknown");
}

TEST(ProcessWatch, NamesInStatMayHoldAnything) {
  const std::string tail =
      " S 1 2 3 4 5 6 7 8 9 10 300 200 13 14 15 16 7 18 4242 20 21 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
      "0 "
      "0 0 0 0 0 0 0 0 0 0 9\n";
  const auto stat = ProcessStat::Parse("77 (a) b (c)" + tail);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->threads, 7u);
  EXPECT_EQ(stat->start_ticks, 4242u);
  EXPECT_DOUBLE_EQ(stat->user_seconds, 300.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  EXPECT_FALSE(ProcessStat::Parse(""));
  EXPECT_FALSE(ProcessStat::Parse("77 (a"));
  EXPECT_FALSE(ProcessStat::Parse("77 (a) S 1 2"));
}

TEST(RetryAfter, SecondsAndDates) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24);
  EXPECT_EQ(ParseRetryAfter("2", now), 2s);
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", now), 300s);
  EXPECT_EQ(ParseRetryAfter("Tue, 24 Nov 2026 00:00:07 GMT", now), 7s);
  EXPECT_EQ(ParseRetryAfter("Mon, 23 Nov 2026 00:00:07 GMT", now), 0s);
  for (const char* wrong : {"", "-1", "soon", "1.5x"}) EXPECT_EQ(ParseRetryAfter(wrong, now), 0s) << wrong;
  for (int status : {429, 502, 503, 504, 507}) EXPECT_TRUE(IsRetryableStatus(status));
  for (int status : {200, 400, 401, 413, 500, 501}) EXPECT_FALSE(IsRetryableStatus(status));
}

TEST(Printable, BoundsAndCleansForeignText) {
  EXPECT_EQ(Printable("a\nb\x1b[31m\xff"), "a b [31m\xEF\xBF\xBD");
  EXPECT_EQ(Printable("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace clew::agent::drain
