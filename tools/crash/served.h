// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace clew::crash {

// What a server tells over its pipe: this once it is up, a number as it sends that request, and the number with this
// bit once the request is acknowledged.
inline constexpr uint64_t kReady = 0;
inline constexpr uint64_t kAcknowledged = uint64_t{1} << 63;

struct ServeOptions {
  std::string folder;
  std::string history;  // file: what is sent first
  int pipe = -1;
  // Not zero: what was not synced of the log is lost when the process is killed, but for what a disk may have written
  // by chance.
  uint64_t unsynced_seed = 0;
};

// Runs a server under a load of its own making until it is killed, or told to end by SIGTERM. The exit status.
int Serve(const ServeOptions& options);

// Sends what is unanswered, then holds what the tables have against the history: 0 where every row is there once. What
// is not is said on standard error.
int Verify(const std::string& folder, const std::string& history);

}  // namespace clew::crash
