// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/resource.h"

#include <sys/utsname.h>

#include <algorithm>
#include <map>

#include "clew/agent/drain/uuid.h"
#include "clew/base/file.h"

namespace clew::agent::drain {
namespace {

constexpr size_t kContainerIdDigits = 64;

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The first run of exactly 64 hexadecimal digits in `line`.
std::string_view FindContainerId(std::string_view line) {
  size_t at = 0;
  while (at < line.size()) {
    size_t end = at;
    while (end < line.size() && IsHex(line.substr(end, 1))) ++end;
    if (end - at == kContainerIdDigits) return line.substr(at, kContainerIdDigits);
    at = end + 1;
  }
  return {};
}

template <typename Function>
void ForEachLine(std::string_view text, Function&& function) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (function(text.substr(0, end))) return;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::string ReadLine(const std::string& path) {
  auto text = base::ReadFile(path, 4096);
  if (!text) return {};
  return text->substr(0, text->find('\n'));
}

std::string InstanceId(const std::map<std::string, std::string, std::less<>>& attributes, const Host& host,
                       std::string_view page_address) {
  auto get = [&](std::string_view key) {
    const auto found = attributes.find(key);
    return found == attributes.end() ? std::string() : found->second;
  };
  const std::string where = host.container_id.empty() ? host.id : host.container_id;
  // Without a page, or on a machine without an identity, nothing would tell two instances apart.
  if (page_address.empty() || where.empty()) return RandomUuid();
  return InstanceUuid(where + '\n' + get("service.namespace") + '\n' + get("service.name") + '\n' +
                      std::string(page_address));
}

}  // namespace

std::string ContainerIdOf(std::string_view cgroup, std::string_view mountinfo) {
  std::string result;
  ForEachLine(cgroup, [&](std::string_view line) {
    // The last part of the path, "docker-<id>.scope", "<id>", "cri-containerd-<id>.scope".
    const size_t slash = line.rfind('/');
    if (slash == std::string_view::npos) return false;
    result = FindContainerId(line.substr(slash + 1));
    return !result.empty();
  });
  if (!result.empty()) return result;
  ForEachLine(mountinfo, [&](std::string_view line) {
    // The files that runtimes mount into every container lie in a folder named by its id.
    if (line.find("/etc/hostname") == std::string_view::npos && line.find("/etc/hosts") == std::string_view::npos &&
        line.find("/etc/resolv.conf") == std::string_view::npos) {
      return false;
    }
    const size_t at = line.find("containers/");
    if (at == std::string_view::npos) return false;
    result = FindContainerId(line.substr(at));
    return !result.empty();
  });
  return result;
}

Host Host::Detect(const std::string& root) {
  Host host;
  utsname names{};
  if (uname(&names) == 0) host.name = names.nodename;
  host.id = ReadLine(root + "/etc/machine-id");
  if (host.id.empty()) host.id = ReadLine(root + "/var/lib/dbus/machine-id");
  if (host.id == "uninitialized") host.id.clear();
  const auto cgroup = base::ReadFile(root + "/proc/self/cgroup", 1 << 20);
  const auto mountinfo = base::ReadFile(root + "/proc/self/mountinfo", 4 << 20);
  host.container_id = ContainerIdOf(cgroup ? *cgroup : "", mountinfo ? *mountinfo : "");
  return host;
}

KeyValuePairs ServiceResource(const Config& config, const Host& host, std::string_view command,
                              std::string_view page_address) {
  std::map<std::string, std::string, std::less<>> attributes;
  auto detect = [&](const char* key, std::string_view value) {
    if (!value.empty()) attributes[key] = value;
  };
  detect("service.name", "unknown_service:" + std::string(command.substr(command.rfind('/') + 1)));
  detect("telemetry.sdk.language", "python");
  detect("telemetry.sdk.name", "clew");
  detect("telemetry.sdk.version", kVersion);
  detect("telemetry.distro.name", "clew");
  detect("telemetry.distro.version", kVersion);
  detect("os.type", "linux");
  detect("host.name", host.name);
  detect("host.id", host.id);
  detect("container.id", host.container_id);
  for (const auto& [key, value] : config.resource_attributes) attributes[key] = value;
  if (config.service_name) attributes["service.name"] = *config.service_name;
  if (!attributes.contains("service.instance.id")) {
    attributes["service.instance.id"] = InstanceId(attributes, host, page_address);
  }
  return {attributes.begin(), attributes.end()};
}

std::string_view FindValue(const KeyValuePairs& pairs, std::string_view key) {
  const auto found = std::ranges::find_if(pairs, [&](const auto& pair) { return pair.first == key; });
  return found == pairs.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace clew::agent::drain
