// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clew/agent/drain/config.h"
#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/record/record_format.h"

namespace clew::agent::drain {

// What is known of the machine, read from `root` + /etc, /proc (a seam for tests; "" is the real one).
struct Host {
  std::string name;
  std::string id;            // machine id, empty where there is none
  std::string container_id;  // 64 hexadecimal digits, empty outside of containers

  static Host Detect(const std::string& root = "");
};

// The container id that /proc/self/cgroup (cgroup v1) or /proc/self/mountinfo (v2) shows; empty where none does.
std::string ContainerIdOf(std::string_view cgroup, std::string_view mountinfo);

// The resource of the service: what its metrics carry as it is, and its traces and logs with the attributes of their
// process added. OTEL_RESOURCE_ATTRIBUTES goes before what is detected, the service name of its own variable before
// both. `command` is what was started ("unknown_service:" + its name where nothing names the service), `page_address`
// HOST:PORT of the metrics page or empty. Sorted by key, no key twice.
KeyValuePairs ServiceResource(const Config& config, const Host& host, std::string_view command,
                              std::string_view page_address);

// The value of a key, empty where it is missing.
std::string_view FindValue(const KeyValuePairs& pairs, std::string_view key);

inline constexpr std::string_view kVersion = record::kScopeVersion;

}  // namespace clew::agent::drain
