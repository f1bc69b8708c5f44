// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/demo_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace clew::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll{20};

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: only calls that are safe after a fork of a process with threads.
[[noreturn]] void RunChild(const ProcessOptions& options, char* const* argv, char* const* environment, int input,
                           int output, int log, pid_t parent, int error_fd) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  if ((options.folder.empty() || chdir(options.folder.c_str()) == 0) && dup2(input, 0) == 0 && dup2(output, 1) == 1 &&
      dup2(log, 2) == 2) {
    execvpe(argv[0], argv, environment);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(error_fd, &error, sizeof error);
  _exit(127);
}

// The children of this process, all threads' together.
std::vector<pid_t> Children() {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const auto text = base::ReadFile(task.path().string() + "/children");
    if (!text) continue;
    const char* at = text->data();
    const char* const end = at + text->size();
    while (at < end) {
      pid_t pid = 0;
      const auto [next, failed] = std::from_chars(at, end, pid);
      if (failed == std::errc()) children.push_back(pid);
      at = failed == std::errc() ? next : at + 1;
    }
  }
  return children;
}

}  // namespace

base::Result<ChildProcess> ChildProcess::Start(const ProcessOptions& options) {
  const base::Fd input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const base::Fd log(open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return base::ErrnoError("cannot write " + options.log_file, errno);
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return base::ErrnoError("cannot make a pipe", errno);
  const base::Fd error_read(pipe_fds[0]);
  base::Fd error_write(pipe_fds[1]);
  base::Fd output_read, output_write;
  if (options.read_output) {
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) return base::ErrnoError("cannot make a pipe", errno);
    output_read.Reset(pipe_fds[0]);
    output_write.Reset(pipe_fds[1]);
  }
  const std::vector<char*> argv = Pointers(options.command);
  const std::vector<char*> environment = Pointers(options.environment);
  const pid_t parent = getpid();

  ChildProcess child;
  child.pid_ = fork();
  if (child.pid_ < 0) return base::ErrnoError("cannot start " + options.command.front(), errno);
  if (child.pid_ == 0) {
    RunChild(options, argv.data(), environment.data(), input.get(), output_write ? output_write.get() : log.get(),
             log.get(), parent, error_write.get());
  }
  error_write.Reset();
  child.output_ = std::move(output_read);
  int error = 0;
  if (read(error_read.get(), &error, sizeof error) == sizeof error) {
    waitpid(child.pid_, nullptr, 0);
    return base::ErrnoError("cannot start " + options.command.front(), error);
  }
  return child;
}

bool ChildProcess::Running() {
  if (pid_ < 0 || status_) return false;
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == pid_) status_ = status;
  if (ended < 0) status_ = 0;  // reaped elsewhere
  return !status_;
}

void ChildProcess::Signal(int signal) const {
  if (pid_ > 0 && !status_) kill(pid_, signal);
}

bool ChildProcess::Wait(std::chrono::milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  while (Running()) {
    if (SteadyClock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

void ChildProcess::WaitOrKill(SteadyClock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
  if (Wait(left)) return;
  kill(-pid_, SIGKILL);
  Wait(std::chrono::seconds(2));
}

void ChildProcess::End(std::chrono::milliseconds timeout) {
  Signal(SIGTERM);
  WaitOrKill(SteadyClock::now() + timeout);
}

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void EndAllDescendants(std::chrono::milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  while (SteadyClock::now() < deadline) {
    const std::vector<pid_t> children = Children();
    if (children.empty()) return;
    for (const pid_t pid : children) kill(pid, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::this_thread::sleep_for(kPoll);
  }
}

std::string LastLines(const std::string& path, size_t lines) {
  auto text = base::ReadFile(path);
  if (!text) return {};
  while (text->ends_with('\n')) text->pop_back();
  size_t at = text->size();
  for (; lines > 0 && at != std::string::npos && at > 0; --lines) at = text->rfind('\n', at - 1);
  return at == std::string::npos || at == 0 ? *text : text->substr(at + 1);
}

}  // namespace clew::cli
