// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "clew/base/file.h"
#include "clew/base/json_writer.h"
#include "clew/cli/api_client.h"
#include "clew/cli/command.h"
#include "clew/cli/demo_plan.h"
#include "clew/cli/demo_process.h"
#include "clew/cli/demo_shop.h"
#include "clew/cli/supervisor.h"
#include "clew/cli/terminal.h"
#include "clew/cli/why_text.h"

namespace clew::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kServerStartTime = 60s;
constexpr auto kServerStopTime = 15s;
// What is on its way when the visitors have gone: one export of spans, logs and metrics.
constexpr auto kSettleTime = 3s;
// A demo without end breaks something after this long, and asks a minute later.
constexpr auto kEndlessFault = 90s;
constexpr auto kEndlessAnswer = 60s;
constexpr double kFaultShare = 0.6;

struct DemoOptions {
  double for_seconds = 0;  // 0: until a signal
  bool no_fault = false;
  std::string fault;
  bool list_faults = false;
  std::string data_dir;
  std::string format;
};

// SIGINT, SIGTERM and SIGHUP as a descriptor. Made before the first thread.
class Interrupts {
 public:
  Interrupts() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    fd_.Reset(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  }
  int fd() const { return fd_.get(); }
  bool Seen() {
    signalfd_siginfo info;
    while (read(fd_.get(), &info, sizeof info) == sizeof info) seen_ = true;
    return seen_;
  }

 private:
  base::Fd fd_;
  bool seen_ = false;
};

// A folder of this demo alone; removed at the end unless it was asked for by name.
class WorkFolder {
 public:
  static base::Result<std::unique_ptr<WorkFolder>> Make(const std::string& wish) {
    auto folder = std::make_unique<WorkFolder>();
    std::error_code error;
    if (wish.empty()) {
      std::string path = (fs::temp_directory_path(error) / "clew-demo-XXXXXX").string();
      if (mkdtemp(path.data()) == nullptr) return base::ErrnoError("cannot make " + path, errno);
      folder->path_ = path;
      folder->remove_ = true;
    } else {
      folder->path_ = fs::absolute(wish, error).string();
      if (fs::exists(folder->path_, error) && !fs::is_empty(folder->path_, error)) {
        return base::InvalidArgument("--data-dir: expected a new or empty folder, got " + wish);
      }
    }
    for (const char* part : {"serve", "shop", "settings", "logs"}) {
      fs::create_directories(fs::path(folder->path_) / part, error);
      if (error) return base::Internal("cannot make " + folder->path_ + "/" + part + ": " + error.message());
    }
    return folder;
  }
  ~WorkFolder() {
    std::error_code error;
    if (remove_) fs::remove_all(path_, error);
  }
  std::string operator/(const char* part) const { return path_ + "/" + part; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool remove_ = false;
};

// Python with what the shop needs: the project's own environment, else the one on PATH.
base::Result<std::string> FindShopPython(const std::string& demo, const std::string& log) {
  const std::string own = (fs::path(demo).parent_path() / ".venv/bin/python").string();
  for (const std::string& python : {own, std::string("python3")}) {
    if (python == own && access(own.c_str(), X_OK) != 0) continue;
    ProcessOptions probe;
    probe.command = {python, "-c", "import flask, gunicorn, requests"};
    probe.environment = CurrentEnvironment();
    probe.log_file = log;
    auto process = ChildProcess::Start(probe);
    if (process && process->Wait(30s) && process->status() == 0) return python;
  }
  return base::NotFound("the shop needs flask, gunicorn and requests, which are neither in " + own +
                        " nor known to python3: run make build in the checkout");
}

class Demo {
 public:
  Demo(DemoOptions options, Interrupts& interrupts)
      : options_(std::move(options)),
        interrupts_(interrupts),
        json_(options_.format == "json"),
        out_(json_ ? stderr : stdout) {}

  // The exit status. Whatever happens, no child is left.
  int Run() {
    AdoptOrphans();
    const base::Status status = Story();
    traffic_.End(5s);
    shop_.reset();
    server_.End(kServerStopTime);
    EndAllDescendants(5s);
    if (!status && status.error().code == base::Code::kCancelled) return 130;
    return status ? 0 : ReportError(status.error());
  }

 private:
  template <typename... Args>
  void Say(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(out_, format, std::forward<Args>(args)...);
    std::fputc('\n', out_);
    std::fflush(out_);
  }

  bool Interrupted() { return interrupts_.Seen(); }

  base::Status Story() {
    CLEW_ASSIGN_OR_RETURN(places_.demo, FindDemoFolder());
    if (!options_.no_fault) {
      CLEW_ASSIGN_OR_RETURN(const auto faults, ReadDemoFaults(places_.demo));
      CLEW_RETURN_IF_ERROR(FindDemoFault(faults, FaultWish()));
    }
    CLEW_ASSIGN_OR_RETURN(work_, WorkFolder::Make(options_.data_dir));
    places_.data = *work_ / "shop";
    places_.settings = *work_ / "settings";
    CLEW_ASSIGN_OR_RETURN(places_.python, FindShopPython(places_.demo, *work_ / "logs/prepare.log"));
    Say("data and logs in {}", work_->path());
    usual_ports_ = ClaimUsualPorts();
    CLEW_RETURN_IF_ERROR(StartServer());
    CLEW_RETURN_IF_ERROR(StartShop());
    CLEW_RETURN_IF_ERROR(WatchTraffic());
    traffic_.Signal(SIGTERM);
    if (options_.for_seconds > 0) {
      Say("the visitors leave; asking what happened");
      Pause(kSettleTime);
    }
    return Answer();
  }

  std::string FaultWish() const { return options_.fault.empty() ? "bad-deploy" : options_.fault; }

  base::Status StartServer() {
    std::error_code error;
    clew_ = fs::read_symlink("/proc/self/exe", error).string();
    ProcessOptions process;
    process.command = {clew_, "serve", "--data-dir", *work_ / "serve"};
    for (const auto& [option, preferred] :
         {std::pair{"--listen", 7070}, {"--otlp-http", 4318}, {"--otlp-grpc", 4317}}) {
      uint16_t port = 0;
      if (usual_ports_) {
        CLEW_ASSIGN_OR_RETURN(port, FreePort(static_cast<uint16_t>(preferred)));
      }
      process.command.insert(process.command.end(), {option, fmt::format("127.0.0.1:{}", port)});
    }
    process.environment = CurrentEnvironment();
    process.log_file = *work_ / "logs/serve.log";
    process.read_output = true;
    CLEW_ASSIGN_OR_RETURN(server_, ChildProcess::Start(process));
    std::string text;
    const auto deadline = SteadyClock::now() + kServerStartTime;
    while (server_url_.empty() || otlp_url_.empty() || !text.contains("listening otlp-grpc ")) {
      if (Interrupted()) return base::Fail(base::Code::kCancelled, "interrupted");
      if (!server_.Running() || SteadyClock::now() > deadline) {
        return base::Unavailable("clew serve does not start: " + LastLines(process.log_file, 1));
      }
      ReadSome(server_.output_fd(), text);
      server_url_ = AddressIn(text, "listening http ");
      otlp_url_ = AddressIn(text, "listening otlp-http ");
    }
    Say("server: {} (OTLP at {})", server_url_, otlp_url_);
    return {};
  }

  // The address behind `prefix` once its whole line is there, as a URL.
  static std::string AddressIn(const std::string& text, std::string_view prefix) {
    const size_t at = text.find(prefix);
    const size_t end = at == std::string::npos ? at : text.find('\n', at);
    if (end == std::string::npos) return {};
    return "http://" + text.substr(at + prefix.size(), end - at - prefix.size());
  }

  // Waits a little for bytes, or for a signal.
  void ReadSome(int fd, std::string& text) {
    pollfd ready[] = {{fd, POLLIN, 0}, {interrupts_.fd(), POLLIN, 0}};
    if (poll(ready, 2, 100) <= 0 || (ready[0].revents & (POLLIN | POLLHUP)) == 0) return;
    char buffer[4096];
    const ssize_t size = read(fd, buffer, sizeof buffer);
    if (size > 0) text.append(buffer, static_cast<size_t>(size));
    if (size == 0) poll(nullptr, 0, 50);  // the writer has closed; its end is seen elsewhere
  }

  void Pause(std::chrono::milliseconds time) {
    const auto until = SteadyClock::now() + time;
    while (SteadyClock::now() < until && !Interrupted()) poll(nullptr, 0, 50);
  }

  base::Status StartShop() {
    CLEW_ASSIGN_OR_RETURN(DemoPlan plan, ReadDemoPlan(places_, static_cast<bool>(usual_ports_)));
    std::string names;
    for (const DemoService& service : plan.services) names += (names.empty() ? "" : ", ") + service.name;
    Say("starting the shop: {}", names);
    shop_ = std::make_unique<DemoShop>(DemoShop::Options{.plan = std::move(plan),
                                                         .places = places_,
                                                         .logs = *work_ / "logs",
                                                         .clew = clew_,
                                                         .otlp_endpoint = otlp_url_,
                                                         .interrupted = [this] { return Interrupted(); }});
    CLEW_RETURN_IF_ERROR(shop_->Start());
    for (const DemoService& service : shop_->plan().services) {
      const std::string page = shop_->MetricsPage(service.name);
      Say("  {:<10} {}{}{}", service.name, shop_->Url(service.name), page.empty() ? "" : "   metrics ", page);
    }
    return {};
  }

  std::chrono::milliseconds FaultTime() const {
    if (options_.for_seconds <= 0) return kEndlessFault;
    return std::chrono::milliseconds(static_cast<int64_t>(options_.for_seconds * 1000 * kFaultShare));
  }

  // The time with visitors: reports as they come, the fault, and for a demo without end an answer in between.
  base::Status WatchTraffic() {
    CLEW_ASSIGN_OR_RETURN(traffic_, shop_->StartTraffic());
    const auto start = SteadyClock::now();
    const auto end = start + std::chrono::milliseconds(static_cast<int64_t>(options_.for_seconds * 1000));
    if (options_.for_seconds > 0) {
      Say("visitors come for {:g} s", options_.for_seconds);
    } else {
      Say("visitors come until Ctrl-C");
    }
    bool broken = options_.no_fault;
    bool answered = false;
    std::string lines;
    while (!Interrupted() && (options_.for_seconds <= 0 || SteadyClock::now() < end)) {
      const auto now = SteadyClock::now() - start;
      if (!broken && now >= FaultTime()) {
        CLEW_RETURN_IF_ERROR(Break());
        broken = true;
      }
      if (options_.for_seconds <= 0 && !answered && !json_ && now >= kEndlessFault + kEndlessAnswer) {
        CLEW_RETURN_IF_ERROR(Answer());
        answered = true;
      }
      ReadSome(traffic_.output_fd(), lines);
      SayReports(lines, std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - start));
      CLEW_RETURN_IF_ERROR(CheckProcesses());
    }
    return {};
  }

  base::Status CheckProcesses() {
    for (const std::string& name : shop_->TakeEnded()) {
      Say("service {} has ended by itself: {}", name, LastLines(*work_ / "logs/" + name + ".log", 1));
    }
    if (!traffic_.Running()) {
      return base::Internal("the visitors are gone: " + LastLines(*work_ / "logs/traffic.log", 1));
    }
    if (!server_.Running()) {
      return base::Unavailable("clew serve has ended: " + LastLines(*work_ / "logs/serve.log", 1));
    }
    return {};
  }

  void SayReports(std::string& lines, std::chrono::seconds since) {
    for (size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n')) {
      const auto report = base::ParseJson(std::string_view(lines).substr(0, end));
      lines.erase(0, end + 1);
      if (!report) continue;
      Say("{:>5} s  {:>4} requests, {} failed, median {:.0f} ms, 95th percentile {:.0f} ms", since.count(),
          (*report)["requests"].AsInt(), (*report)["failed"].AsInt(), (*report)["p50_ms"].AsDouble(),
          (*report)["p95_ms"].AsDouble());
    }
  }

  base::Status Break() {
    CLEW_ASSIGN_OR_RETURN(const DemoFault fault, FindDemoFault(shop_->plan().faults, FaultWish()));
    Say("fault {} at {} ({}): {}", fault.name, fault.service, fault.kind, fault.text);
    return shop_->Break(fault);
  }

  base::Status Answer() {
    ServerOptions server;
    server.server = server_url_;
    CLEW_ASSIGN_OR_RETURN(ApiClient client, ApiClient::Make(server));
    CLEW_ASSIGN_OR_RETURN(const std::string body, client.Get("/api/clew/why", {}));
    if (json_) {
      fmt::print("{}\n", body);
    } else {
      CLEW_ASSIGN_OR_RETURN(const base::JsonValue diagnosis, base::ParseJson(body));
      fmt::print("\n{}", DrawDiagnosis(diagnosis, Terminal::OfStandardOutput()));
    }
    std::fflush(stdout);
    return {};
  }

  const DemoOptions options_;
  Interrupts& interrupts_;
  const bool json_;
  std::FILE* const out_;
  std::unique_ptr<WorkFolder> work_;
  DemoPlaces places_;
  // Held by one demo at a time; others take free ports, since asking for one and binding it are two steps.
  base::Fd usual_ports_;
  std::string clew_;
  std::string server_url_;
  std::string otlp_url_;
  ChildProcess server_;
  std::unique_ptr<DemoShop> shop_;
  ChildProcess traffic_;
};

int ListFaults(bool json) {
  const auto demo = FindDemoFolder();
  if (!demo) return ReportError(demo.error());
  const auto faults = ReadDemoFaults(*demo);
  if (!faults) return ReportError(faults.error());
  base::JsonWriter list;
  list.BeginArray();
  for (const DemoFault& fault : *faults) {
    if (!json) fmt::print("{:<28} {:<11} {}\n", fault.name + ":" + fault.service, fault.kind, fault.text);
    list.BeginObject().Field("name", fault.name).Field("service", fault.service);
    list.Field("kind", fault.kind).Field("text", fault.text).EndObject();
  }
  list.EndArray();
  if (json) fmt::print("{}\n", list.View());
  return 0;
}

int Run(const DemoOptions& options) {
  if (options.list_faults) return ListFaults(options.format == "json");
  if (options.no_fault && !options.fault.empty()) {
    return ReportError({base::Code::kInvalidArgument, "expected either --no-fault or --fault, got both", {}});
  }
  Interrupts interrupts;
  return Demo(options, interrupts).Run();
}

}  // namespace

void AddDemoCommand(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand("demo", "Run a small shop of Flask services, break it, say what broke");
  command->footer(
      "Examples:\n"
      "  clew demo --for 60                           one fault, one answer\n"
      "  clew demo --fault slow-query                 until Ctrl-C, with the page to look at\n"
      "  clew demo --list-faults\n"
      "Addresses are the usual ones where they are free. Nothing is left behind.");
  command->add_option("--for", options->for_seconds, "Seconds from the first visitor to the answer (default: no end)")
      ->check(CLI::Range(1.0, 1e6));
  command->add_flag("--no-fault", options->no_fault, "Break nothing");
  command->add_option("--fault", options->fault, "What to break: NAME or NAME:SERVICE of --list-faults");
  command->add_flag("--list-faults", options->list_faults, "Say what can be broken, and where the truth lies");
  command->add_option("--data-dir", options->data_dir, "A new folder for all data and logs, kept at the end");
  AddFormatOption(*command, options->format);
  command->callback([options, &exit_code] { exit_code = Run(*options); });
}

}  // namespace clew::cli
