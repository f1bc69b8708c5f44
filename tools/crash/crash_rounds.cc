// SPDX-License-Identifier: Apache-2.0
// Kills a server under load again and again, and looks whether the tables hold what was acknowledged, once. The server
// is this program once more. On a small disk of its own it is also filled up; what a crash may do to the log (a torn
// end, a flipped bit, loss of what was not synced) is done to it between two servers.
#include <fcntl.h>
#include <fmt/format.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "clew/engine/test_small_disk.h"
#include "tools/crash/damage.h"
#include "tools/crash/history.h"
#include "tools/crash/served.h"

extern char** environ;

namespace clew::crash {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kDiskBytes = 512u << 20;
// Then what is there is looked at, and a new folder begun: what a look costs grows with the folder.
constexpr int kRoundsAFolder = 20;
constexpr int kPipeOfChild = 100;
constexpr std::chrono::seconds kLongestStart{60};

constexpr const char* kHelp =
    "usage: clew_crash_test [--rounds N] [--seed N] [--folder DIR]\n"
    "  --rounds N    servers to start and kill (default 20)\n"
    "  --seed N      what is done, when and to what (default: drawn, and printed)\n"
    "  --folder DIR  work on the disk of DIR, which is then not filled up (default: a file system in memory)\n";

// What happens to one server.
struct Plan {
  std::chrono::microseconds run{0};
  bool early = false;      // counted from its start, not from when it is up
  bool terminate = false;  // SIGTERM instead of SIGKILL
  uint64_t unsynced_seed = 0;
  int fills = 0;
  bool start_full = false;
  bool tear = false;
  bool flip = false;
  uint64_t seed = 0;  // of everything else that is drawn

  std::string Text() const {
    std::string text = fmt::format("{} {} ms after {}", terminate ? "SIGTERM" : "SIGKILL", run.count() / 1000,
                                   early ? "the start" : "it is up");
    if (unsynced_seed != 0) text += ", what is not synced is lost";
    if (start_full) text += ", starts on a full disk";
    if (fills > 0) text += fmt::format(", {} fills", fills);
    if (tear) text += ", torn end";
    if (flip) text += ", flipped bit";
    return text;
  }
};

Plan DrawPlan(std::mt19937_64& random, bool may_fill, bool is_first) {
  const auto one_in = [&](uint64_t n) { return random() % n == 0; };
  Plan plan;
  plan.early = one_in(5);
  plan.run = std::chrono::microseconds(20'000 + random() % (plan.early ? 600'000 : 400'000));
  plan.terminate = one_in(8);
  if (may_fill && one_in(2)) {
    plan.fills = 1 + static_cast<int>(random() % 4);
    plan.start_full = !is_first && one_in(4);
  } else if (one_in(2)) {
    plan.unsynced_seed = 1 + random() % 1'000'000;
  }
  plan.tear = one_in(3);
  plan.flip = one_in(3);
  plan.seed = random();
  return plan;
}

// This program with other arguments; `pipe` becomes its descriptor kPipeOfChild where it is not -1.
pid_t Spawn(std::vector<std::string> arguments, int pipe, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (pipe >= 0) posix_spawn_file_actions_adddup2(&actions, pipe, kPipeOfChild);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  arguments.insert(arguments.begin(), "clew_crash_test");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  if (posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ) != 0) child = -1;
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

void PrintTail(const std::string& log) {
  const auto text = base::ReadFile(log);
  if (text) std::fprintf(stderr, "%s\n", text->substr(text->size() > 3000 ? text->size() - 3000 : 0).c_str());
}

class Rounds {
 public:
  Rounds(std::string control, std::string disk, bool may_fill)
      : log_(control + "/log"),
        history_path_(control + "/history"),
        disk_(std::move(disk)),
        data_(disk_ + "/data"),
        may_fill_(may_fill),
        filler_(disk_) {}

  bool Run(int rounds, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int round = 0; round < rounds; ++round) {
      const bool is_first = round % kRoundsAFolder == 0;
      if (is_first) Begin();
      const Plan plan = DrawPlan(random, may_fill_, is_first);
      std::printf("round %d: %s", round + 1, plan.Text().c_str());
      std::fflush(stdout);
      const uint64_t before = acknowledged_;
      if (!OneRound(plan)) return false;
      std::printf("; %llu acknowledged\n", static_cast<unsigned long long>(acknowledged_ - before));
      const bool is_last = round + 1 == rounds || (round + 1) % kRoundsAFolder == 0;
      if (is_last && !Look()) return false;
    }
    std::printf("%d rounds, %llu requests acknowledged, none lost, none doubled\n", rounds,
                static_cast<unsigned long long>(acknowledged_));
    return true;
  }

 private:
  void Begin() {
    std::filesystem::remove_all(data_);
    std::filesystem::create_directories(data_);
    history_ = {};
    flipped_cuts_.clear();
    been_up_ = false;
  }

  bool OneRound(const Plan& plan) {
    if (!history_.Save(history_path_)) return false;
    std::mt19937_64 random(plan.seed);
    if (plan.start_full && been_up_) filler_.Fill(random() % (1u << 20));
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    const pid_t child =
        Spawn({"--serve", data_, "--history", history_path_, "--unsynced", std::to_string(plan.unsynced_seed)}, ends[1],
              log_);
    close(ends[1]);
    if (child < 0) return false;
    done_ = false;
    up_ = false;
    std::thread end([&] { EndServer(child, plan); });
    std::thread fill([&] { FillNowAndThen(plan, random()); });
    Listen(ends[0]);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    done_ = true;
    end.join();
    fill.join();
    filler_.Free();
    if (!EndedAsTold(status, plan) || too_slow_) {
      std::fprintf(stderr, "\n%s (wait status %d):\n",
                   too_slow_ ? "the server did not come up" : "the server ended by itself", status);
      PrintTail(log_);
      return false;
    }
    if (plan.tear) TearTheEnd(data_ + "/wal", random);
    if (plan.flip) FlipABit(data_ + "/wal", random, history_, flipped_cuts_);
    return true;
  }

  static bool EndedAsTold(int status, const Plan& plan) {
    if (!plan.terminate) return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    // In its first moments it does not listen yet.
    if (plan.early && WIFSIGNALED(status)) return WTERMSIG(status) == SIGTERM;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  void EndServer(pid_t child, const Plan& plan) {
    const auto start = std::chrono::steady_clock::now();
    while (!plan.early && !up_ && !done_ && std::chrono::steady_clock::now() - start < kLongestStart) {
      std::this_thread::sleep_for(200us);
    }
    too_slow_ = !plan.early && !up_ && !done_;
    if (!too_slow_) std::this_thread::sleep_for(plan.run);
    kill(child, plan.terminate && !too_slow_ ? SIGTERM : SIGKILL);
  }

  void FillNowAndThen(const Plan& plan, uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto pause = [&](uint64_t most_ms) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(random() % most_ms);
      while (!done_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    };
    // Without room no server can make its tables: it says so and ends.
    while (!been_up_ && !done_) std::this_thread::sleep_for(1ms);
    if (plan.start_full) {
      pause(300);
      filler_.Free();
    }
    for (int i = 0; i < plan.fills && !done_; ++i) {
      pause(150);
      filler_.Fill(random() % 3 == 0 ? 0 : random() % (2u << 20));
      pause(250);
      // Some servers end while it is full.
      if (i + 1 < plan.fills || random() % 2 == 0) filler_.Free();
    }
  }

  void Listen(int pipe) {
    uint64_t word = 0;
    while (read(pipe, &word, sizeof word) == sizeof word) {
      if (word == kReady) {
        up_ = been_up_ = true;
      } else if ((word & kAcknowledged) != 0) {
        history_.NoteAcknowledged(word & ~kAcknowledged);
        ++acknowledged_;
      } else {
        history_.NoteSent(word);
      }
    }
  }

  bool Look() {
    if (!history_.Save(history_path_)) return false;
    const pid_t child = Spawn({"--verify", data_, "--history", history_path_}, -1, log_);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    std::fprintf(stderr, "the tables do not hold what they should (wait status %d):\n", status);
    PrintTail(log_);
    return false;
  }

  const std::string log_;
  const std::string history_path_;
  const std::string disk_;
  const std::string data_;
  const bool may_fill_;
  engine::DiskFiller filler_;
  History history_;
  std::set<std::string> flipped_cuts_;
  uint64_t acknowledged_ = 0;
  std::atomic<bool> done_ = false;
  std::atomic<bool> up_ = false;
  std::atomic<bool> been_up_ = false;  // some server on this folder
  std::atomic<bool> too_slow_ = false;
};

struct Arguments {
  int rounds = 20;
  uint64_t seed = std::random_device{}();
  std::string folder;
  std::string serve;
  std::string verify;
  std::string history;
  uint64_t unsynced_seed = 0;
};

std::optional<Arguments> Read(int argc, char** argv) {
  static constexpr option kOptions[] = {
      {"rounds", required_argument, nullptr, 'r'},   {"seed", required_argument, nullptr, 's'},
      {"folder", required_argument, nullptr, 'f'},   {"serve", required_argument, nullptr, 'S'},
      {"verify", required_argument, nullptr, 'V'},   {"history", required_argument, nullptr, 'H'},
      {"unsynced", required_argument, nullptr, 'U'}, {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  int found = 0;
  while ((found = getopt_long(argc, argv, "", kOptions, nullptr)) != -1) {
    switch (found) {
      case 'r': arguments.rounds = std::atoi(optarg); break;
      case 's': arguments.seed = std::strtoull(optarg, nullptr, 10); break;
      case 'f': arguments.folder = optarg; break;
      case 'S': arguments.serve = optarg; break;
      case 'V': arguments.verify = optarg; break;
      case 'H': arguments.history = optarg; break;
      case 'U': arguments.unsynced_seed = std::strtoull(optarg, nullptr, 10); break;
      default: return std::nullopt;
    }
  }
  if (optind != argc || arguments.rounds < 1) return std::nullopt;
  return arguments;
}

int Drive(const Arguments& arguments) {
  std::string control = (std::filesystem::temp_directory_path() / "clew-crash-XXXXXX").string();
  if (mkdtemp(control.data()) == nullptr) {
    std::fprintf(stderr, "cannot make a folder below %s\n", std::filesystem::temp_directory_path().c_str());
    return 1;
  }
  const bool may_fill = arguments.folder.empty();
  const std::string disk = may_fill ? control + "/disk" : arguments.folder;
  std::filesystem::create_directories(disk);
  if (may_fill) {
    if (const base::Status entered = engine::EnterSmallDisk(disk, kDiskBytes); !entered) {
      std::fprintf(stderr, "%s\n", entered.error().message.c_str());
      return 1;
    }
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(arguments.seed));
  const bool good = Rounds(control, disk, may_fill).Run(arguments.rounds, arguments.seed);
  if (!good) std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(arguments.seed));
  std::error_code ignored;
  std::filesystem::remove_all(disk + "/data", ignored);
  if (may_fill) umount2(disk.c_str(), MNT_DETACH);
  std::filesystem::remove_all(control, ignored);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace clew::crash

int main(int argc, char** argv) {
  using namespace clew::crash;
  const auto arguments = Read(argc, argv);
  if (!arguments) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  if (!arguments->serve.empty()) {
    return Serve({arguments->serve, arguments->history, kPipeOfChild, arguments->unsynced_seed});
  }
  if (!arguments->verify.empty()) return Verify(arguments->verify, arguments->history);
  return Drive(*arguments);
}
