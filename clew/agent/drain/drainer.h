// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clew/agent/drain/config.h"
#include "clew/agent/drain/exporter.h"
#include "clew/agent/drain/key_value_list.h"
#include "clew/base/result.h"
#include "clew/privacy/redactor.h"

namespace clew::agent::drain {

struct DrainerOptions {
  std::vector<std::string> command;  // what is run, for the resource and the status
  std::string runtime_folder;        // of the sockets; empty: none there
  record::Shape shape;
  // Takes single lines for a person. Called from any thread, one call at a time.
  std::function<void(const std::string&)> say = [](const std::string&) {};
  // Whose keys make the pseudonyms; null: one of its own, with keys that nobody else knows.
  std::shared_ptr<const privacy::Redactor> redactor;
};

// What the drainer has read from the rings and seen of processes so far.
struct DrainerStats {
  uint64_t spans = 0;
  uint64_t logs = 0;
  uint64_t cut_short_spans = 0;
  uint64_t ring_dropped_records = 0;  // a ring was full, or there was none
  uint64_t broken_records = 0;        // wrong sums, lengths or contents
  uint64_t lost_records = 0;          // gaps in sequences
  uint64_t truncated_records = 0;
  uint64_t rings = 0;      // held now
  uint64_t processes = 0;  // living now
  uint64_t ended_processes = 0;
  uint64_t killed_processes = 0;  // of these, by a signal
  uint64_t attached = 0;          // images that took the arena
  uint64_t claims_failed = 0;
  uint64_t foreign_namespace = 0;  // processes of another pid namespace, which record nothing
  uint64_t series = 0;
  uint64_t series_refused = 0;  // label sets that went to an overflow series
  uint64_t broken_series = 0;
};

// The other end of the shared memory: owns the arena, hands it to the processes of a service, reads what they write,
// redacts, exports, serves the metrics page and says how it stands. Works on threads of its own; nothing it does, or
// fails to do, reaches into the service. Functions may be called from any thread unless they say otherwise.
class Drainer {
 public:
  // FAILED_PRECONDITION where this system cannot have an arena. A page or an exporter that cannot be had is told by
  // `say` and left out.
  static base::Result<std::unique_ptr<Drainer>> Start(const Config& config, DrainerOptions options);
  virtual ~Drainer() = default;

  // What a service process finds in CLEW_ATTACH.
  virtual std::string attach_value() const = 0;
  // HOST:PORT of the metrics page, empty where there is none.
  virtual std::string page_address() const = 0;
  // Of the metrics; traces and logs add their process.
  virtual const KeyValuePairs& resource() const = 0;

  virtual DrainerStats stats() const = 0;
  // One JSON object (the answer of the status socket).
  virtual std::string StatusJson() const = 0;
  // Processes that hold a ring or cells and live.
  virtual size_t holders() const = 0;

  // Reads what is left, sends it and ends all threads, until `deadline`; done_fd() is readable after that.
  virtual void BeginStop(std::chrono::steady_clock::time_point deadline) = 0;
  virtual int done_fd() const = 0;
  // After done_fd() became readable. False where something still hangs: then the process must end by _exit.
  virtual bool FinishStop() = 0;
};

}  // namespace clew::agent::drain
