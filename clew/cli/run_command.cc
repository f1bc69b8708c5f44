// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clew/agent/drain/agent_report.h"
#include "clew/agent/drain/config.h"
#include "clew/agent/drain/drainer.h"
#include "clew/agent/drain/resource.h"
#include "clew/agent/drain/runtime_folder.h"
#include "clew/agent/record/handover.h"
#include "clew/base/file.h"
#include "clew/cli/command.h"
#include "clew/cli/config_file.h"
#include "clew/cli/privacy_watch.h"
#include "clew/cli/run_interpreter.h"
#include "clew/cli/supervisor.h"
#include "clew/privacy/shared_redactor.h"

namespace clew::cli {
namespace {

namespace drain = agent::drain;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{250};
// A service that has not taken the agent in by then is spoken of.
constexpr std::chrono::seconds kAttachPatience{5};
// Descendants that end right after the command (helpers of servers) are not.
constexpr std::chrono::milliseconds kStayPatience{1'000};
// From the service's end to ours, at most, with a margin below the promised two seconds.
constexpr std::chrono::milliseconds kExitTime{1'500};

struct RunOptions {
  drain::CommandLine command_line;
  std::string config;
  bool list_pythons = false;
  std::vector<std::string> command;
};

// All that `clew run` says, one line at a time, on standard error. Rather says nothing than waits for a reader.
void Say(const std::string& text) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
  (void)base::WriteAll(STDERR_FILENO, "clew run: " + text + "\n");
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string result;
  for (const std::string& name : names) {
    if (!result.empty()) result += ", ";
    result += name;
  }
  return result;
}

// Where the signals go, told once for those that go the same way.
std::string DescribeExporters(const drain::Config& config) {
  std::vector<std::pair<std::string, std::string>> ways;  // what, how
  for (drain::Signal signal : drain::kSignals) {
    const drain::SignalConfig& settings = config.of(signal);
    std::string how;
    if (settings.otlp) {
      std::string url = drain::DisplayUrl(settings.endpoint);
      const std::string tail = "/v1/" + std::string(drain::SignalName(signal));
      if (url.ends_with(tail)) url.resize(url.size() - tail.size());
      how = fmt::format("otlp {} to {}", drain::ProtocolName(settings.protocol), url);
    }
    if (settings.console) how += how.empty() ? "console" : " and console";
    if (how.empty()) how = "nowhere";
    const auto same = std::ranges::find_if(ways, [&](const auto& way) { return way.second == how; });
    if (same == ways.end()) {
      ways.emplace_back(drain::SignalName(signal), how);
    } else {
      same->first += ", " + std::string(drain::SignalName(signal));
    }
  }
  if (ways.size() == 1) return ways.front().second;
  std::string text;
  for (const auto& [what, how] : ways) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} {}", what, how);
  }
  return text;
}

std::string StartLine(const drain::Config& config, const drain::Drainer& drainer) {
  const std::string_view service = drain::FindValue(drainer.resource(), "service.name");
  // Two services without a name would be shown as one.
  const std::string_view hint = service.starts_with("unknown_service:") ? " (--service names it)" : "";
  std::string line = fmt::format("service {}{}, {}", service, hint, DescribeExporters(config));
  line += drainer.page_address().empty() ? ", no metrics page"
                                         : fmt::format(", metrics on http://{}/metrics", drainer.page_address());
  if (!config.honoured.empty()) line += "; honoured: " + JoinNames(config.honoured);
  if (!config.not_honoured.empty()) {
    line += "; not honoured: ";
    bool first = true;
    for (const auto& [name, reason] : config.not_honoured) {
      line += fmt::format("{}{} ({})", first ? "" : ", ", name, reason);
      first = false;
    }
  }
  return line;
}

int ExecPlainly(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return ReportError(base::ErrnoError("cannot start " + command.front(), errno).error());
}

int ListPythons() {
  auto folder = FindPythonFolder();
  if (!folder) return ReportError(folder.error());
  const std::vector<PythonExtension> extensions = ListExtensions(*folder);
  for (const PythonExtension& one : extensions) fmt::print("{} {}\n", one.version, one.file);
  if (extensions.empty()) return ReportError({base::Code::kNotFound, "no extension in " + *folder, {}});
  return 0;
}

// Why a command is better run without the agent, known before it starts; empty where nothing speaks against it.
std::string ReasonToLeaveAlone(const std::string& program, std::string_view path,
                               const std::vector<PythonExtension>& extensions) {
  const Interpreter interpreter = FindInterpreter(program, path);
  if (interpreter.kind == Interpreter::Kind::kPyPy) {
    return fmt::format("{} is a PyPy; there are extensions for CPython {} only", interpreter.file,
                       JoinVersions(extensions));
  }
  if (interpreter.kind != Interpreter::Kind::kCPython) return {};
  for (const PythonExtension& one : extensions) {
    if (one.version == interpreter.version) return {};
  }
  return fmt::format("{} is CPython {}; there are extensions for {} only", interpreter.file, interpreter.version,
                     JoinVersions(extensions));
}

// One service from start to end.
class Run {
 public:
  Run(RunOptions options, drain::Config config, std::string python_folder, std::vector<PythonExtension> extensions)
      : options_(std::move(options)),
        config_(std::move(config)),
        python_folder_(std::move(python_folder)),
        extensions_(std::move(extensions)) {}

  // Returns the exit status, or does not return where the service ended by a signal.
  int Do() {
    auto supervisor = Supervisor::Create();
    if (!supervisor) return ReportError(supervisor.error());
    supervisor_ = std::move(*supervisor);
    std::vector<std::string> environment = CurrentEnvironment();
    StartDrainer(environment);
    const base::Status started = supervisor_->Start(options_.command, std::move(environment));
    if (!started) {
      StopDrainer();
      return ReportError(started.error());
    }
    start_ = SteadyClock::now();
    int status = supervisor_->Run(kTick, [this] { Tick(); });
    SayIfNothingAttached("");
    AwaitHolders();
    const bool clean = StopDrainer();
    if (WIFEXITED(status) && clean) return WEXITSTATUS(status);
    if (WIFEXITED(status)) {
      // Something still hangs on a receiver: it ends with the process.
      std::fflush(nullptr);
      _exit(WEXITSTATUS(status));
    }
    Supervisor::EndAs(status);
  }

 private:
  void StartDrainer(std::vector<std::string>& environment) {
    drain::DrainerOptions options;
    options.command = options_.command;
    options.say = Say;
    const std::string config_file = ConfigPath(options_.config);
    auto policy = ReadPrivacyPolicy(config_file);
    if (!policy) {
      // What the rules would have kept back must not leave; the service runs on.
      Say("nothing is recorded: " + policy.error().message);
      return;
    }
    std::string warning;
    auto redactor = privacy::MakeSharedRedactor(*policy, warning);
    if (!redactor) {
      // The rules hold, with a key that nobody else knows.
      warning = redactor.error().message;
      privacy::Redactor::Options own;
      own.policy = *std::move(policy);
      redactor = std::make_shared<privacy::Redactor>(std::move(own));
    }
    if (!warning.empty()) Say(warning);
    privacy_watch_.emplace(config_file, *redactor, [](bool, const std::string& text) { Say(text); });
    options.redactor = *std::move(redactor);
    if (auto folder = drain::OpenRuntimeFolder()) {
      options.runtime_folder = *folder;
    } else {
      Say("clew status will not find this run: " + folder.error().message);
    }
    auto drainer = drain::Drainer::Start(config_, std::move(options));
    if (!drainer) {
      Say("nothing is recorded: " + drainer.error().message);
      return;
    }
    drainer_ = std::move(*drainer);
    SetVariable(environment, agent::record::kAttachVariable, drainer_->attach_value().c_str());
    const char* path = std::getenv("PYTHONPATH");
    const std::string prefixed =
        path == nullptr || path[0] == '\0' ? python_folder_ : fmt::format("{}:{}", python_folder_, path);
    SetVariable(environment, "PYTHONPATH", prefixed.c_str());
    Say(StartLine(config_, *drainer_));
  }

  void Tick() {
    const auto now = SteadyClock::now();
    if (privacy_watch_) privacy_watch_->Look();
    if (now - start_ >= kAttachPatience) SayIfNothingAttached(" so far");
    if (!supervisor_->command_ended()) return;
    if (!command_end_) command_end_ = now;
    if (told_staying_ || now - *command_end_ < kStayPatience || supervisor_->target() < 0) return;
    told_staying_ = true;
    Say(fmt::format("the command has ended and left process {} running; recording goes on until that ends",
                    supervisor_->target()));
  }

  void SayIfNothingAttached(std::string_view when) {
    if (!drainer_ || told_nothing_attached_) return;
    const drain::DrainerStats stats = drainer_->stats();
    const bool seen = stats.processes + stats.ended_processes > 0;
    // Those that have just taken the arena may not have been seen yet; those of another pid namespace never will be.
    if (seen || (stats.attached > 0 && stats.foreign_namespace == 0)) return;
    told_nothing_attached_ = true;
    std::string reason;
    if (stats.foreign_namespace > 0) {
      reason = "its processes are in another pid namespace";
    } else if (supervisor_->target() > 0) {
      reason = WhyNothingAttached(supervisor_->target(), python_folder_, extensions_);
    } else {
      reason = ReasonFromCommandLine();
    }
    Say(fmt::format("nothing was recorded{}: {}", when, reason));
  }

  // For a service that is gone already.
  std::string ReasonFromCommandLine() const {
    const char* path = std::getenv("PATH");
    auto program = FindProgram(options_.command.front(), path == nullptr ? "" : path);
    const Interpreter interpreter = program ? FindInterpreter(*program, path == nullptr ? "" : path) : Interpreter();
    if (interpreter.kind == Interpreter::Kind::kOther) {
      return fmt::format("{} started no Python that took the agent in", options_.command.front());
    }
    std::vector<std::string> arguments = options_.command;
    if (!interpreter.options.empty()) {
      arguments = interpreter.options;
      arguments.insert(arguments.begin(), interpreter.file);
    }
    const std::string blocker = InjectionBlocker(arguments);
    if (!blocker.empty()) return fmt::format("Python was started with {}, which keeps injected code out", blocker);
    return "it ended before it took the agent in";
  }

  // Processes that got hold of the arena without being descendants: what they write is read as long as they live, or
  // until a signal says that it is enough.
  void AwaitHolders() {
    bool told = false;
    for (const auto start = SteadyClock::now(); drainer_ && drainer_->holders() > 0;) {
      if (!told && SteadyClock::now() - start > kStayPatience) {
        told = true;
        Say(fmt::format("the service has ended; recording goes on for {} processes outside of it",
                        drainer_->holders()));
      }
      if (!supervisor_->Sleep(std::chrono::milliseconds(20))) return;
    }
  }

  // True where everything has ended in time.
  bool StopDrainer() {
    if (!drainer_) return true;
    drainer_->BeginStop(SteadyClock::now() + kExitTime);
    if (!supervisor_->WaitFor(drainer_->done_fd(), kExitTime + std::chrono::milliseconds(100)) ||
        !drainer_->FinishStop()) {
      // Threads still use it.
      (void)drainer_.release();
      return false;
    }
    drainer_.reset();
    return true;
  }

  const RunOptions options_;
  const drain::Config config_;
  const std::string python_folder_;
  const std::vector<PythonExtension> extensions_;
  std::unique_ptr<Supervisor> supervisor_;
  std::optional<PrivacyWatch> privacy_watch_;
  std::unique_ptr<drain::Drainer> drainer_;
  SteadyClock::time_point start_;
  std::optional<SteadyClock::time_point> command_end_;
  bool told_staying_ = false;
  bool told_nothing_attached_ = false;
};

int RunService(RunOptions options) {
  if (options.list_pythons) return ListPythons();
  if (options.command.empty()) {
    return ReportError(
        {base::Code::kInvalidArgument, "clew run expects a command, as in: clew run -- gunicorn shop:app", {}});
  }
  auto config = drain::ParseConfig(drain::ParseEnvironment(CurrentEnvironment()), options.command_line);
  if (!config) return ReportError(config.error());
  const char* path = std::getenv("PATH");
  auto program = FindProgram(options.command.front(), path == nullptr ? "/usr/local/bin:/bin:/usr/bin" : path);
  if (!program) return ReportError({base::Code::kNotFound, program.error().message, {}});
  if (config->disabled) return ExecPlainly(options.command);

  auto folder = FindPythonFolder();
  if (!folder) {
    Say("nothing is recorded: " + folder.error().message);
    return ExecPlainly(options.command);
  }
  std::vector<PythonExtension> extensions = ListExtensions(*folder);
  const std::string reason = ReasonToLeaveAlone(*program, path == nullptr ? "" : path, extensions);
  if (!reason.empty()) {
    Say("nothing is recorded: " + reason);
    return ExecPlainly(options.command);
  }
  return Run(std::move(options), *std::move(config), *std::move(folder), std::move(extensions)).Do();
}

}  // namespace

void AddRunCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a Python service instrumented, with no change to its code");
  command->footer(
      "Examples:\n"
      "  clew run -- gunicorn --workers 4 shop:app\n"
      "  clew run --service shop --endpoint http://collector:4318 -- flask --app shop run\n"
      "Exit status and signals are the service's own. OTEL_* variables are honoured, or named in the first line as "
      "not.\n"
      "CLEW_DISABLED=1 leaves everything off.");
  drain::CommandLine& line = options->command_line;
  command->add_option("--service", line.service, "Name of the service (OTEL_SERVICE_NAME)");
  command->add_option("--endpoint", line.endpoint,
                      "Where OTLP goes (OTEL_EXPORTER_OTLP_ENDPOINT; default http://127.0.0.1:4318)");
  command->add_option("--prometheus", line.prometheus,
                      "HOST:PORT of the metrics page, or none (default: the first free port from 127.0.0.1:9464)");
  AddConfigOption(*command, options->config);
  command->add_flag("--pythons", options->list_pythons, "List the CPython versions that can be instrumented");
  command->add_option("command", options->command, "The command, behind --")->option_text("CMD…");
  command->callback([options, &exit_code] { exit_code = RunService(*options); });
}

}  // namespace clew::cli
