// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/demo_plan.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>

namespace clew::cli {
namespace {

namespace fs = std::filesystem;

base::Result<base::JsonValue> ReadJsonFile(const std::string& path) {
  CLEW_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  auto value = base::ParseJson(text);
  if (!value) return base::InvalidArgument(path + ": " + value.error().message);
  return value;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Fills placeholders in the words of shop.json and faults.json.
class Filler {
 public:
  Filler(const DemoPlaces& places, const std::map<std::string, uint16_t>& ports) : places_(places), ports_(ports) {}

  // `name`: of the instance that is started, for INSTANCE; `service`: what it is an instance of, for SERVICE.
  std::string Fill(std::string_view word, std::string_view name = {}, std::string_view service = {}) const {
    std::string text(word);
    if (!name.empty()) ReplaceAll(text, "INSTANCE", name);
    if (!service.empty()) ReplaceAll(text, "SERVICE", service);
    ReplaceAll(text, "{demo}", places_.demo);
    ReplaceAll(text, "{python}", places_.python);
    ReplaceAll(text, "{data}", places_.data);
    ReplaceAll(text, "{settings}", places_.settings);
    for (const auto& [key, port] : ports_) ReplaceAll(text, "{port:" + key + "}", std::to_string(port));
    return text;
  }

  std::vector<std::string> Words(const base::JsonValue& list, std::string_view name = {},
                                 std::string_view service = {}) const {
    std::vector<std::string> words;
    for (const base::JsonValue& word : list.AsArray()) words.push_back(Fill(word.AsString(), name, service));
    return words;
  }

  std::vector<std::pair<std::string, std::string>> Variables(const base::JsonValue& object) const {
    std::vector<std::pair<std::string, std::string>> variables;
    for (const auto& [name, value] : object.AsObject()) variables.emplace_back(name, Fill(value.AsString()));
    return variables;
  }

  // The same value with every string in it filled.
  base::JsonValue Deep(const base::JsonValue& value) const {
    if (value.is_string()) return base::JsonValue(Fill(value.AsString()));
    if (value.is_array()) {
      base::JsonValue::Array array;
      for (const base::JsonValue& one : value.AsArray()) array.push_back(Deep(one));
      return base::JsonValue(std::move(array));
    }
    if (value.is_object()) {
      base::JsonValue::Object object;
      for (const auto& [key, one] : value.AsObject()) object.emplace_back(key, Deep(one));
      return base::JsonValue(std::move(object));
    }
    return value;
  }

 private:
  const DemoPlaces& places_;
  const std::map<std::string, uint16_t>& ports_;
};

// A listening socket on 127.0.0.1, closed at once; the port it had, or nothing where it was taken.
std::optional<uint16_t> TryPort(uint16_t port) {
  const base::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return std::nullopt;
  if (listen(fd.get(), 1) != 0) return std::nullopt;
  socklen_t length = sizeof address;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
  return ntohs(address.sin_port);
}

}  // namespace

base::Fd ClaimUsualPorts() {
  base::Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An abstract name: it goes with the process, however that ends.
  constexpr std::string_view kName("\0clew-demo-ports", sizeof "\0clew-demo-ports" - 1);
  std::ranges::copy(kName, address.sun_path);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kName.size());
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) fd.Reset();
  return fd;
}

base::Result<uint16_t> FreePort(uint16_t preferred) {
  if (const auto port = TryPort(preferred)) return *port;
  if (const auto port = TryPort(0)) return *port;
  return base::ErrnoError("cannot find a free port on 127.0.0.1", errno);
}

base::Result<std::string> FindDemoFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (fs::exists(program.parent_path() / "share/clew/demo/shop.json", error)) {
    return (program.parent_path() / "share/clew/demo").string();
  }
  fs::path folder = program;
  for (int level = 0; level < 5 && folder.has_relative_path(); ++level) {
    folder = folder.parent_path();
    if (fs::exists(folder / "demo/shop.json", error)) return (folder / "demo").string();
  }
  return base::NotFound(
      fmt::format("the shop of the demo was looked for in ../share/clew/demo and ../demo beside {} and above; "
                  "run clew from a checkout",
                  program.string()));
}

base::Result<std::vector<DemoFault>> ReadDemoFaults(const std::string& demo) {
  CLEW_ASSIGN_OR_RETURN(const base::JsonValue list, ReadJsonFile(demo + "/faults.json"));
  std::vector<DemoFault> faults;
  for (const base::JsonValue& one : list.AsArray()) {
    faults.push_back({std::string(one["name"].AsString()), std::string(one["service"].AsString()),
                      std::string(one["kind"].AsString()), std::string(one["text"].AsString()), one["switch"]});
  }
  if (faults.empty()) return base::InvalidArgument(demo + "/faults.json: a list of faults was expected");
  return faults;
}

base::Result<DemoPlan> ReadDemoPlan(const DemoPlaces& places, bool usual_ports) {
  const std::string file = places.demo + "/shop.json";
  CLEW_ASSIGN_OR_RETURN(const base::JsonValue shop, ReadJsonFile(file));
  DemoPlan plan;
  for (const auto& [name, wish] : shop["ports"].AsObject()) {
    CLEW_ASSIGN_OR_RETURN(plan.ports[name], FreePort(usual_ports ? static_cast<uint16_t>(wish.AsInt()) : uint16_t{0}));
  }
  const Filler filler(places, plan.ports);
  plan.folder = filler.Fill(shop["folder"].AsString());
  plan.environment = filler.Variables(shop["environment"]);
  for (const base::JsonValue& command : shop["prepare"].AsArray()) plan.prepare.push_back(filler.Words(command));
  for (const base::JsonValue& helper : shop["helpers"].AsArray()) {
    plan.helpers.push_back(
        {.name = std::string(helper["name"].AsString()), .command = filler.Words(helper["command"])});
  }
  for (const base::JsonValue& service : shop["services"].AsArray()) {
    const std::string_view name = service["name"].AsString();
    const std::string_view of = service["service"].is_null() ? name : service["service"].AsString();
    const base::JsonValue& command = service["command"].is_null() ? shop["server"] : service["command"];
    plan.services.push_back({.name = std::string(name),
                             .service = std::string(of),
                             .version = std::string(service["version"].AsString()),
                             .health = std::string(service["health"].AsString()),
                             .command = filler.Words(command, name, of),
                             .environment = filler.Variables(service["environment"])});
    if (!plan.ports.contains(plan.services.back().name)) {
      return base::InvalidArgument(fmt::format("{}: service {} has no port", file, name));
    }
  }
  plan.traffic = filler.Words(shop["traffic"]);
  if (plan.services.empty() || plan.traffic.empty()) {
    return base::InvalidArgument(file + ": services and traffic were expected");
  }
  CLEW_ASSIGN_OR_RETURN(plan.faults, ReadDemoFaults(places.demo));
  for (DemoFault& fault : plan.faults) fault.action = filler.Deep(fault.action);
  return plan;
}

base::Result<DemoFault> FindDemoFault(const std::vector<DemoFault>& faults, std::string_view wish) {
  const size_t colon = wish.find(':');
  const std::string_view name = wish.substr(0, colon);
  const std::string_view service = colon == std::string_view::npos ? std::string_view() : wish.substr(colon + 1);
  std::string known;
  for (const DemoFault& fault : faults) {
    if (fault.name == name && (service.empty() || fault.service == service)) return fault;
    known += fmt::format("{}{}:{}", known.empty() ? "" : ", ", fault.name, fault.service);
  }
  return base::InvalidArgument(fmt::format("--fault: expected one of {}, got {}", known, wish));
}

}  // namespace clew::cli
