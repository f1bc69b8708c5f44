// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/supervisor.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace clew::cli {
namespace {

// Siginfo codes of signals that another process sent on purpose. What the kernel made itself (a terminal's Ctrl-C, a
// child's end) has reached the service already or is none of its business.
bool SentByProcess(const signalfd_siginfo& info) {
  return info.ssi_code == SI_USER || info.ssi_code == SI_QUEUE || info.ssi_code == SI_TKILL;
}

std::vector<int> OpenDescriptors() {
  std::vector<int> result;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return result;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc()) continue;
    if (fd >= 3 && fd != dirfd(folder)) result.push_back(fd);
  }
  closedir(folder);
  std::ranges::sort(result);
  return result;
}

// Writes the digits of `value` and a NUL; usable between fork and exec.
void WriteDecimal(char* out, pid_t value) {
  std::array<char, 12> digits;
  size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (count > 0) *out++ = digits[--count];
  *out = '\0';
}

// The state letter and parent of a process, or 0 where it is gone.
struct ProcessState {
  char state = 0;
  pid_t parent = -1;
};
ProcessState StateOf(pid_t pid) {
  ProcessState result;
  auto stat = base::ReadFile("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat) return result;
  // The name in parentheses may hold anything, so count from the last one.
  const size_t end = stat->rfind(')');
  if (end == std::string::npos || end + 4 >= stat->size()) return result;
  result.state = (*stat)[end + 2];
  std::from_chars(stat->data() + end + 4, stat->data() + stat->size(), result.parent);
  return result;
}

// Whether an unreaped child runs. One whose /proc entry is hidden from us (another user, hidepid) counts as running.
bool IsRunning(pid_t child) {
  const char state = StateOf(child).state;
  return state != 'Z' && state != 'X';
}

// Living children of this process in the order in which the kernel has them. Orphans come to the main thread, which is
// also the one that forks.
std::vector<pid_t> LivingChildren(pid_t self) {
  std::vector<pid_t> result;
  const std::string id = std::to_string(self);
  auto list = base::ReadFile("/proc/self/task/" + id + "/children", 1 << 20);
  if (list) {
    const char* at = list->data();
    const char* const end = at + list->size();
    while (at < end) {
      pid_t pid = 0;
      auto [next, error] = std::from_chars(at, end, pid);
      if (error != std::errc()) break;
      if (IsRunning(pid)) result.push_back(pid);
      at = next;
      while (at < end && *at == ' ') ++at;
    }
    return result;
  }
  // A kernel without CONFIG_PROC_CHILDREN.
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return result;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    if (StateOf(pid).parent == self && IsRunning(pid)) result.push_back(pid);
  }
  closedir(folder);
  std::ranges::sort(result);
  return result;
}

}  // namespace

std::vector<std::string> CurrentEnvironment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) result.emplace_back(*entry);
  return result;
}

void SetVariable(std::vector<std::string>& environment, const std::string& name, const char* value) {
  const std::string prefix = name + "=";
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(prefix); });
  if (value != nullptr) environment.push_back(prefix + value);
}

base::Result<std::unique_ptr<Supervisor>> Supervisor::Create() {
  std::unique_ptr<Supervisor> supervisor(new Supervisor());
  Inheritance& inheritance = supervisor->inheritance_;
  inheritance.descriptors = OpenDescriptors();
  struct sigaction child_action{};
  sigaction(SIGCHLD, nullptr, &child_action);
  inheritance.ignores_child_signal = child_action.sa_handler == SIG_IGN;
  if (inheritance.ignores_child_signal) {
    // Ignored, it would make the kernel throw our children's statuses away.
    signal(SIGCHLD, SIG_DFL);
  }
  // Every signal: SIGTTIN and SIGTTOU too, which gunicorn takes for its worker count and which would stop us.
  sigset_t all;
  sigfillset(&all);
  if (const int error = pthread_sigmask(SIG_SETMASK, &all, &inheritance.signal_mask); error != 0) {
    return base::ErrnoError("blocking signals", error);
  }
  supervisor->signal_fd_ = base::Fd(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!supervisor->signal_fd_) return base::ErrnoError("signalfd", errno);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return base::ErrnoError("becoming child subreaper", errno);
  supervisor->self_ = getpid();
  return supervisor;
}

base::Status Supervisor::Start(const std::vector<std::string>& command, std::vector<std::string> environment) {
  auto value_of = [&](std::string_view name) -> std::string {
    for (const std::string& entry : environment) {
      if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
        return entry.substr(name.size() + 1);
      }
    }
    return {};
  };
  if (const std::string address = value_of("NOTIFY_SOCKET"); !address.empty()) {
    if (auto relay = NotifyRelay::Create(address)) {
      notify_ = std::move(*relay);
      SetVariable(environment, "NOTIFY_SOCKET", notify_->address().c_str());
    }
  }
  // Variables that name us name the service instead; its pid is known only after the fork.
  const std::string own_pid = std::to_string(self_);
  for (const char* name : {"LISTEN_PID", "WATCHDOG_PID"}) {
    if (value_of(name) == own_pid) SetVariable(environment, name, "0000000000");
  }
  SetVariable(environment, "LISTEN_PIDFDID", nullptr);

  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (std::string& entry : environment) variables.push_back(entry.data());
  variables.push_back(nullptr);

  // Closed by a successful exec; otherwise it brings errno. It is gone before the service runs.
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return base::ErrnoError("pipe", errno);
  base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return base::ErrnoError("starting a process", errno);
  if (pid == 0) RunChild(arguments.data(), variables.data(), write_end.get());
  write_end.Reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(read_end.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error)) {
    waitpid(pid, nullptr, 0);
    return base::ErrnoError("cannot start " + command.front(), error);
  }
  command_pid_ = pid;
  target_ = pid;
  // They are the service's; held open here they would outlive it.
  for (int fd : inheritance_.descriptors) close(fd);
  return {};
}

void Supervisor::RunChild(char* const* argv, char** environment, int error_fd) const {
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (std::strcmp(*entry, "LISTEN_PID=0000000000") == 0) WriteDecimal(*entry + 11, getpid());
    if (std::strcmp(*entry, "WATCHDOG_PID=0000000000") == 0) WriteDecimal(*entry + 13, getpid());
  }
  KeepOnlyInherited();
  if (inheritance_.ignores_child_signal) signal(SIGCHLD, SIG_IGN);
  sigprocmask(SIG_SETMASK, &inheritance_.signal_mask, nullptr);
  execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(error_fd, &error, sizeof error);
  _exit(127);
}

void Supervisor::KeepOnlyInherited() const {
  // Whatever we or a library opened since the start is closed by the exec.
  unsigned first = 3;
  for (int fd : inheritance_.descriptors) {
    const unsigned kept = static_cast<unsigned>(fd);
    if (kept > first) close_range(first, kept - 1, CLOSE_RANGE_CLOEXEC);
    first = kept + 1;
  }
  close_range(first, ~0u, CLOSE_RANGE_CLOEXEC);
}

int Supervisor::Run(std::chrono::milliseconds tick, const std::function<void()>& on_tick) {
  auto next_tick = std::chrono::steady_clock::now() + tick;
  while (Reap()) {
    if (target_ < 0) ChooseSuccessor();
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_tick) {
      next_tick = now + tick;
      if (on_tick) on_tick();
    }
    std::array<pollfd, 2> waits{{{signal_fd_.get(), POLLIN, 0}, {notify_ ? notify_->fd() : -1, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - std::chrono::steady_clock::now());
    poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(0, left.count())));
    if (waits[1].revents != 0) notify_->Forward();
    if (waits[0].revents != 0) ReadSignals();
  }
  if (notify_) notify_->Forward();
  return status_;
}

bool Supervisor::WaitFor(int event_fd, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> waits{{{event_fd, POLLIN, 0}, {signal_fd_.get(), POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
    if (waits[0].revents != 0) return true;
    if (AskedToEnd()) return false;
  }
}

bool Supervisor::Sleep(std::chrono::milliseconds time) {
  pollfd wait{signal_fd_.get(), POLLIN, 0};
  poll(&wait, 1, static_cast<int>(time.count()));
  return !AskedToEnd();
}

bool Supervisor::AskedToEnd() {
  signalfd_siginfo info{};
  while (read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGINT || number == SIGTERM || number == SIGQUIT || number == SIGHUP) return true;
  }
  return false;
}

bool Supervisor::Reap() {
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED);
    if (pid == 0) return true;
    if (pid < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (WIFSTOPPED(status)) {
      if (pid == target_) StopWithTarget();
      continue;
    }
    if (pid == command_pid_) command_ended_ = true;
    if (pid != target_) continue;
    // A successor's success does not undo the command's failure: a forgotten background process ends with 0 as well.
    if (pid == command_pid_ || status != 0) status_ = status;
    target_ = -1;
  }
}

void Supervisor::ChooseSuccessor() {
  const std::vector<pid_t> children = LivingChildren(self_);
  if (!children.empty()) target_ = children.front();
}

void Supervisor::ReadSignals() {
  signalfd_siginfo info{};
  while (read(signal_fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) Handle(info);
  skip_continue_ = false;
}

void Supervisor::Handle(const signalfd_siginfo& info) {
  const int number = static_cast<int>(info.ssi_signo);
  if (number == SIGCONT && std::exchange(skip_continue_, false)) return;
  if (info.ssi_code == SI_KERNEL) {
    // The terminal's keys went to the whole foreground group. A service that has left the group (a daemon that we
    // stayed for) did not get them, and Ctrl-C must still end what the person sees running.
    if (!TargetIsElsewhere()) return;
    if (number == SIGTSTP) {
      raise(SIGSTOP);
      return;
    }
    if (number != SIGINT && number != SIGQUIT) return;
  } else if (!SentByProcess(info) || info.ssi_pid == static_cast<uint32_t>(self_)) {
    return;
  }
  // It may have ended a moment ago; what comes after it gets the signal.
  if (target_ < 0 || !IsRunning(target_)) {
    Reap();
    if (target_ < 0) ChooseSuccessor();
  }
  if (target_ < 0) return;
  if (info.ssi_code == SI_QUEUE) {
    sigval value{};
    value.sival_ptr = reinterpret_cast<void*>(info.ssi_ptr);
    sigqueue(target_, number, value);
  } else {
    kill(target_, number);
  }
}

bool Supervisor::TargetIsElsewhere() const { return target_ > 0 && getpgid(target_) != getpgrp(); }

void Supervisor::StopWithTarget() {
  raise(SIGSTOP);
  // Somebody woke us (fg, bg, kill -CONT). If they sent it to us alone, the service has to hear of it.
  if (target_ > 0) kill(target_, SIGCONT);
  skip_continue_ = true;
}

void Supervisor::EndAs(int wait_status) {
  if (WIFEXITED(wait_status)) std::exit(WEXITSTATUS(wait_status));
  std::fflush(nullptr);
  const int number = WTERMSIG(wait_status);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // Where cores go to a program, the limit is not asked.
  prctl(PR_SET_DUMPABLE, 0);
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  kill(getpid(), number);
  // PID 1 of a namespace has no default actions.
  _exit(128 + number);
}

}  // namespace clew::cli
