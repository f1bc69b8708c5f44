// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/demo_shop.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "clew/base/file.h"
#include "clew/base/json_writer.h"
#include "clew/cli/supervisor.h"
#include "clew/net/http_client.h"

namespace clew::cli {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kStartTime = 120s;  // of all services together, on a slow machine
constexpr auto kStopTime = 8s;
constexpr auto kPoll = 100ms;

void WriteValue(base::JsonWriter& json, const base::JsonValue& value) {
  if (value.is_object()) {
    json.BeginObject();
    for (const auto& [key, one] : value.AsObject()) WriteValue(json.Key(key), one);
    json.EndObject();
  } else if (value.is_array()) {
    json.BeginArray();
    for (const base::JsonValue& one : value.AsArray()) WriteValue(json, one);
    json.EndArray();
  } else if (value.is_string()) {
    json.String(value.AsString());
  } else if (value.is_bool()) {
    json.Bool(value.AsBool());
  } else if (value.is_int()) {
    json.Int(value.AsInt());
  } else if (value.is_number()) {
    json.Double(value.AsDouble());
  } else {
    json.Null();
  }
}

std::vector<std::string> Words(const base::JsonValue& list) {
  std::vector<std::string> words;
  for (const base::JsonValue& word : list.AsArray()) words.emplace_back(word.AsString());
  return words;
}

}  // namespace

base::Result<ChildProcess> DemoShop::Launch(const std::string& name, std::vector<std::string> command, bool read_output,
                                            const std::vector<std::pair<std::string, std::string>>& more) {
  ProcessOptions process;
  process.command = std::move(command);
  process.environment = CurrentEnvironment();
  // What the person who starts the demo has set for services of their own is not meant for the shop.
  std::erase_if(process.environment, [](const std::string& variable) {
    return variable.starts_with("OTEL_") || variable.starts_with("CLEW_") || variable.starts_with("PYTHON");
  });
  SetVariable(process.environment, "PYTHONUNBUFFERED", "1");
  for (const auto& [key, value] : options_.plan.environment) SetVariable(process.environment, key, value.c_str());
  for (const auto& [key, value] : more) SetVariable(process.environment, key, value.c_str());
  process.folder = options_.plan.folder;
  process.log_file = LogFile(name);
  process.read_output = read_output;
  return ChildProcess::Start(process);
}

base::Status DemoShop::RunToEnd(const std::string& name, const std::vector<std::string>& command) {
  CLEW_ASSIGN_OR_RETURN(ChildProcess process, Launch(name, command, false, {}));
  if (!process.Wait(60s) || process.status() != 0) {
    process.End(0s);
    return base::Internal(fmt::format("{} did not work: {}", command.back(), LastLines(LogFile(name), 1)));
  }
  return {};
}

base::Status DemoShop::Prepare() {
  for (const auto& command : options_.plan.prepare) CLEW_RETURN_IF_ERROR(RunToEnd("prepare", command));
  return {};
}

base::Status DemoShop::StartService(const DemoService& service,
                                    const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> command{options_.clew,          "run", "--service", service.service, "--endpoint",
                                   options_.otlp_endpoint, "--"};
  command.insert(command.end(), service.command.begin(), service.command.end());
  auto environment = service.environment;
  environment.emplace_back("OTEL_RESOURCE_ATTRIBUTES",
                           "service.version=" + service.version + ",deployment.environment.name=demo");
  // Twice as often as by default, so that a short demo sees enough of them.
  environment.emplace_back("OTEL_METRIC_EXPORT_INTERVAL", "5000");
  environment.insert(environment.end(), more.begin(), more.end());
  CLEW_ASSIGN_OR_RETURN(services_[service.name], Launch(service.name, std::move(command), false, environment));
  return {};
}

base::Status DemoShop::WaitFor(const DemoService& service) {
  net::HttpClient client;
  net::ClientRequest request;
  request.url = Url(service.name) + service.health;
  const auto deadline = SteadyClock::now() + kStartTime;
  for (;;) {
    const auto answer = client.Send(request, 2s);
    if (answer && answer->status == 200) return {};
    if (options_.interrupted()) return base::Fail(base::Code::kCancelled, "interrupted");
    if (!services_[service.name].Running() || SteadyClock::now() > deadline) {
      return base::Unavailable(
          fmt::format("service {} does not start: {}", service.name, LastLines(LogFile(service.name), 1)));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

base::Status DemoShop::Start() {
  CLEW_RETURN_IF_ERROR(Prepare());
  for (const DemoService& helper : options_.plan.helpers) {
    CLEW_ASSIGN_OR_RETURN(ChildProcess process, Launch(helper.name, helper.command, false, helper.environment));
    helpers_.push_back(std::move(process));
  }
  for (const DemoService& service : options_.plan.services) CLEW_RETURN_IF_ERROR(StartService(service, {}));
  for (const DemoService& service : options_.plan.services) CLEW_RETURN_IF_ERROR(WaitFor(service));
  return {};
}

base::Result<ChildProcess> DemoShop::StartTraffic() { return Launch("traffic", options_.plan.traffic, true, {}); }

base::Status DemoShop::Restart(const std::string& name, const base::JsonValue& change) {
  const auto service = std::ranges::find(options_.plan.services, name, &DemoService::name);
  if (service == options_.plan.services.end()) return base::InvalidArgument("no service " + name + " to restart");
  services_[name].End(kStopTime);
  if (!change["version"].is_null()) service->version = change["version"].AsString();
  std::vector<std::pair<std::string, std::string>> more;
  for (const auto& [key, value] : change["environment"].AsObject()) more.emplace_back(key, value.AsString());
  CLEW_RETURN_IF_ERROR(StartService(*service, more));
  return WaitFor(*service);
}

base::Status DemoShop::Break(const DemoFault& fault) {
  const base::JsonValue& action = fault.action;
  for (const auto& [name, values] : action["settings"].AsObject()) {
    base::JsonWriter json;
    WriteValue(json, values);
    CLEW_RETURN_IF_ERROR(base::WriteFileAtomically(options_.places.settings + "/" + name + ".json", json.View()));
  }
  if (!action["run"].is_null()) CLEW_RETURN_IF_ERROR(RunToEnd("prepare", Words(action["run"])));
  if (!action["start"].is_null()) {
    CLEW_ASSIGN_OR_RETURN(ChildProcess process, Launch("prepare", Words(action["start"]), false, {}));
    helpers_.push_back(std::move(process));
  }
  if (!action["stop"].is_null()) {
    const auto service = services_.find(std::string(action["stop"].AsString()));
    if (service == services_.end()) return base::InvalidArgument("no service to stop in fault " + fault.name);
    service->second.End(kStopTime);
    services_.erase(service);
  }
  for (const auto& [name, change] : action["restart"].AsObject()) CLEW_RETURN_IF_ERROR(Restart(name, change));
  return {};
}

std::vector<std::string> DemoShop::TakeEnded() {
  std::vector<std::string> ended;
  for (auto service = services_.begin(); service != services_.end();) {
    if (service->second.Running()) {
      ++service;
    } else {
      ended.push_back(service->first);
      service = services_.erase(service);
    }
  }
  return ended;
}

void DemoShop::Stop() {
  // All are told first, then waited for together. None is told twice: a second signal would cut a graceful end short.
  for (auto& [name, process] : services_) process.Signal(SIGTERM);
  for (ChildProcess& process : helpers_) process.Signal(SIGTERM);
  const auto deadline = SteadyClock::now() + kStopTime;
  for (auto& [name, process] : services_) process.WaitOrKill(deadline);
  for (ChildProcess& process : helpers_) process.WaitOrKill(deadline);
  services_.clear();
  helpers_.clear();
}

std::string DemoShop::Url(const std::string& service) const {
  const auto port = options_.plan.ports.find(service);
  return port == options_.plan.ports.end() ? "" : fmt::format("http://127.0.0.1:{}", port->second);
}

std::string DemoShop::MetricsPage(const std::string& service) const {
  const auto text = base::ReadFile(LogFile(service));
  if (!text) return {};
  constexpr std::string_view kBefore = "metrics on ";
  const size_t at = text->find(kBefore);
  if (at == std::string::npos) return {};
  const size_t start = at + kBefore.size();
  return text->substr(start, text->find_first_of(" ;\n", start) - start);
}

}  // namespace clew::cli
