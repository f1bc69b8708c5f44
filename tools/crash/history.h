// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "clew/base/result.h"

namespace clew::crash {

// What became of the numbered requests (clew/ingest/test_server.h) of one data folder, over all servers that ran on it.
struct History {
  std::set<uint64_t> sent;
  // Sent, and no server has said that it keeps them: sent again by the next, as clients do.
  std::set<uint64_t> unanswered;
  // A flipped bit hit their record in the log: these may be gone.
  std::set<uint64_t> damaged;
  // Above every number that was sent.
  uint64_t next = 1;

  void NoteSent(uint64_t number);
  void NoteAcknowledged(uint64_t number) { unanswered.erase(number); }

  // A text file: "sent", "unanswered" or "damaged" and a number a line.
  base::Status Save(const std::string& path) const;
  static base::Result<History> Load(const std::string& path);
};

}  // namespace clew::crash
