// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "clew/base/file.h"
#include "clew/cli/demo_plan.h"
#include "clew/cli/demo_process.h"
#include "clew/cli/supervisor.h"

namespace clew::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class DemoTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "clew-demo-test-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(base::WriteFileAtomically(folder_ + "/" + name, text));
  }

  ProcessOptions Shell(const std::string& script, bool read_output = false) const {
    ProcessOptions options;
    options.command = {"sh", "-c", script};
    options.environment = CurrentEnvironment();
    options.log_file = folder_ + "/log";
    options.read_output = read_output;
    return options;
  }

  std::string folder_;
};

constexpr std::string_view kShop = R"({
  "ports": {"a": 0, "b": 0, "b2": 0},
  "environment": {"A_URL": "http://127.0.0.1:{port:a}", "DATA": "{data}"},
  "folder": "{demo}/shop",
  "prepare": [["{python}", "seed.py"]],
  "helpers": [{"name": "h", "command": ["{python}", "{settings}/h.json"]}],
  "server": ["serve", "127.0.0.1:{port:INSTANCE}", "SERVICE:app"],
  "services": [{"name": "a", "version": "1", "health": "/up"},
               {"name": "b", "version": "2", "health": "/up", "environment": {"X": "{data}/x"}},
               {"name": "b2", "service": "b", "version": "2", "health": "/up"}],
  "traffic": ["visit", "{port:b}"]})";
constexpr std::string_view kFaults = R"([
  {"name": "slow", "service": "a", "kind": "latency", "text": "t", "switch": {"run": ["{python}", "{demo}/x"]}},
  {"name": "slow", "service": "b", "kind": "latency", "text": "u", "switch": {"settings": {"b": {"n": 1.5}}}}])";

TEST_F(DemoTest, PlanIsFilledIn) {
  Write("shop.json", kShop);
  Write("faults.json", kFaults);
  const auto plan = ReadDemoPlan({.demo = folder_, .python = "py", .data = "/d", .settings = "/s"}, true);
  ASSERT_TRUE(plan) << plan.error().message;
  const std::string a = std::to_string(plan->ports.at("a"));
  const std::string b = std::to_string(plan->ports.at("b"));
  EXPECT_NE(a, b);
  EXPECT_EQ(plan->folder, folder_ + "/shop");
  EXPECT_THAT(plan->environment, ElementsAre(Pair("A_URL", "http://127.0.0.1:" + a), Pair("DATA", "/d")));
  EXPECT_THAT(plan->prepare, ElementsAre(ElementsAre("py", "seed.py")));
  EXPECT_THAT(plan->helpers.at(0).command, ElementsAre("py", "/s/h.json"));
  EXPECT_THAT(plan->services.at(1).command, ElementsAre("serve", "127.0.0.1:" + b, "b:app"));
  EXPECT_THAT(plan->services.at(1).environment, ElementsAre(Pair("X", "/d/x")));
  const std::string second = std::to_string(plan->ports.at("b2"));
  EXPECT_THAT(plan->services.at(2).command, ElementsAre("serve", "127.0.0.1:" + second, "b:app"));
  EXPECT_EQ(plan->services.at(1).service, "b");
  EXPECT_EQ(plan->services.at(2).service, "b");
  EXPECT_THAT(plan->traffic, ElementsAre("visit", b));
  EXPECT_EQ(plan->faults.at(0).action["run"].AsArray().at(1).AsString(), folder_ + "/x");
  EXPECT_EQ(plan->faults.at(1).action["settings"]["b"]["n"].AsDouble(), 1.5);
}

TEST_F(DemoTest, BrokenFilesAreNamed) {
  Write("shop.json", "{");
  EXPECT_THAT(ReadDemoPlan({.demo = folder_}, true).error().message, HasSubstr("shop.json"));
  Write("shop.json", kShop);
  Write("faults.json", "[]");
  EXPECT_THAT(ReadDemoPlan({.demo = folder_}, true).error().message, HasSubstr("faults.json"));
  Write("shop.json", R"({"services": [{"name": "lost"}], "traffic": ["x"]})");
  EXPECT_THAT(ReadDemoPlan({.demo = folder_}, true).error().message, HasSubstr("lost has no port"));
}

TEST_F(DemoTest, FaultIsFoundByNameAndService) {
  Write("faults.json", kFaults);
  const auto faults = ReadDemoFaults(folder_);
  ASSERT_TRUE(faults);
  EXPECT_EQ(FindDemoFault(*faults, "slow")->service, "a");
  EXPECT_EQ(FindDemoFault(*faults, "slow:b")->service, "b");
  for (const char* wish : {"", "fast", "slow:c", ":a"}) {
    const auto found = FindDemoFault(*faults, wish);
    ASSERT_FALSE(found) << wish;
    EXPECT_EQ(found.error().code, base::Code::kInvalidArgument);
    EXPECT_THAT(found.error().message, HasSubstr("slow:a, slow:b"));
  }
}

TEST(DemoPort, TakenPortMovesOn) {
  const base::Fd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  ASSERT_EQ(getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const uint16_t port = ntohs(address.sin_port);
  const auto found = FreePort(port);
  ASSERT_TRUE(found);
  EXPECT_NE(*found, port);
  EXPECT_EQ(FreePort(*found), *found);
}

TEST(DemoPort, OnlyOneHasTheUsualOnes) {
  base::Fd first = ClaimUsualPorts();
  if (!first) return;  // a demo runs on this machine right now, which is the same claim
  EXPECT_FALSE(ClaimUsualPorts());
  first.Reset();
  EXPECT_TRUE(ClaimUsualPorts());
}

TEST_F(DemoTest, ChildWritesLogAndOutput) {
  auto child = ChildProcess::Start(Shell("echo out; echo one >&2; echo two >&2", true));
  ASSERT_TRUE(child) << child.error().message;
  ASSERT_TRUE(child->Wait(10s));
  EXPECT_EQ(child->status(), 0);
  char buffer[16] = {};
  EXPECT_EQ(read(child->output_fd(), buffer, sizeof buffer), 4);
  EXPECT_STREQ(buffer, "out\n");
  EXPECT_EQ(LastLines(folder_ + "/log", 1), "two");
  EXPECT_EQ(LastLines(folder_ + "/log", 5), "one\ntwo");
}

TEST_F(DemoTest, ProgramThatIsNotThere) {
  ProcessOptions options = Shell("");
  options.command = {"/nowhere/program"};
  const auto child = ChildProcess::Start(options);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, base::Code::kNotFound);
  EXPECT_THAT(child.error().message, HasSubstr("/nowhere/program"));
}

TEST_F(DemoTest, ChildThatDoesNotListenIsKilledWithItsGroup) {
  auto child = ChildProcess::Start(Shell("trap '' TERM; echo ready; sleep 60 & wait; sleep 60", true));
  ASSERT_TRUE(child);
  char buffer[16];
  ASSERT_GT(read(child->output_fd(), buffer, sizeof buffer), 0);
  child->End(100ms);
  ASSERT_TRUE(child->status());
  EXPECT_EQ(WTERMSIG(*child->status()), SIGKILL);
}

TEST_F(DemoTest, OrphansAreFoundAndEnded) {
  AdoptOrphans();
  auto child = ChildProcess::Start(Shell("setsid sh -c 'echo $$; sleep 60' & sleep 0.3", true));
  ASSERT_TRUE(child);
  char buffer[32] = {};
  ASSERT_GT(read(child->output_fd(), buffer, sizeof buffer - 1), 0);
  const pid_t orphan = std::atoi(buffer);
  ASSERT_TRUE(child->Wait(10s));
  EXPECT_EQ(kill(orphan, 0), 0);
  EndAllDescendants(5s);
  EXPECT_EQ(kill(orphan, 0), -1);
}

}  // namespace
}  // namespace clew::cli
