// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/record/record_reader.h"
#include "clew/model/log_batch.h"
#include "clew/model/span_batch.h"

namespace clew::agent::drain {

// Who wrote a record: the resource of its process is the service's with these added.
struct RecordSource {
  uint64_t id = 0;  // of the process within this run; never used twice
  int64_t pid = 0;
  // The worker's identity attributes as it wrote them (record_format.h), checked; may be empty.
  std::string identity;
  uint32_t identity_count = 0;
};

// What turns a record's times into the time of day: CLOCK_REALTIME - CLOCK_MONOTONIC, in nanoseconds.
int64_t ClockOffset();

// How the end of a process that had the span open is told.
struct CutShort {
  int64_t end_unix_nanos = 0;
  std::string error_type;   // "SIGKILL", "exit", …
  std::string description;  // for people
};

// Turns the records of rings into the model's batches. Text that is not UTF-8 is repaired on the way. Not thread-safe.
class SpanBatcher {
 public:
  explicit SpanBatcher(KeyValuePairs resource);
  ~SpanBatcher();

  void Add(const RecordSource& source, const record::SpanView& span, int64_t clock_offset);
  // A span that never ended: it gets that end, status error, and the attribute clew.span.cut_short.
  void AddCutShort(const RecordSource& source, const record::SpanView& span, int64_t clock_offset, const CutShort& end);

  size_t size() const;
  // About what the batch takes up when encoded.
  size_t size_bytes() const;
  // The batch so far; the batcher starts anew.
  model::SpanBatch Take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

class LogBatcher {
 public:
  explicit LogBatcher(KeyValuePairs resource);
  ~LogBatcher();

  void Add(const RecordSource& source, const record::LogView& log, int64_t clock_offset);

  size_t size() const;
  size_t size_bytes() const;
  model::LogBatch Take();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clew::agent::drain
