// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "clew/agent/record/arena.h"
#include "clew/agent/record/clocks.h"
#include "clew/agent/record/metrics.h"
#include "clew/agent/record/record_reader.h"
#include "clew/agent/record/recorder.h"
#include "clew/agent/record/ring_reader.h"

// A process attaches once, so tests write from children and drain in the parent.
namespace clew::agent::record::testing {

inline Arena SmallArena(uint32_t rings = 16, uint32_t ring_bytes = 256 * 1024, const Config& config = {}) {
  Shape shape;
  shape.ring_count = rings;
  shape.ring_bytes = ring_bytes;
  shape.span_slots = 16;
  shape.worker_count = 64;
  shape.worker_bytes = 64 * 1024;
  shape.max_series = 64;
  return Arena::Create(shape, config);
}

// Runs `body` in a forked child, which ends with its value.
inline pid_t StartChild(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  return pid;
}

// The child's exit status, or minus the signal that ended it.
inline int Wait(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
inline int RunChild(const std::function<int()>& body) { return Wait(StartChild(body)); }

// A log record whose body is `text` and whose observed time is `number`.
inline bool WriteLog(uint64_t number, std::string_view text) {
  ThreadWriter* writer = ThisThread();
  if (writer == nullptr || !writer->HasRoom()) return false;
  Encoder encoder = writer->Begin();
  LogFixed fixed{};
  fixed.observed = static_cast<int64_t>(number);
  fixed.time_unix = static_cast<int64_t>(getpid());
  fixed.severity = 9;
  encoder.Put(fixed);
  encoder.Scope(kScopeLogging);
  encoder.Text("INFO");
  encoder.Text("");
  encoder.Value(text);
  AttributeListEncoder attributes(encoder, 8, UINT32_MAX);
  attributes.Number(kCodeLineNumber, static_cast<int64_t>(number));
  attributes.Finish();
  return writer->Commit(RecordType::kLog, encoder, 0);
}

inline void EncodeSpan(Encoder& encoder, const uint8_t* span_id, std::string_view name) {
  SpanFixed fixed{};
  fixed.trace_id[0] = 1;
  std::copy(span_id, span_id + 8, fixed.span_id);
  fixed.start = MonotonicNanos();
  fixed.kind = 2;
  encoder.Put(fixed);
  encoder.Scope(kScopeFlask);
  encoder.Text(name);
  encoder.Text("");
  encoder.Text("");
  encoder.Put(uint16_t{0});  // attributes
  encoder.Put(uint16_t{0});  // events
  encoder.Put(uint16_t{0});  // links
}

struct Drained {
  uint64_t records = 0;
  uint64_t broken = 0;
  uint64_t undecoded = 0;
  uint64_t out_of_order = 0;
  std::vector<std::pair<uint64_t, int64_t>> logs;  // observed, pid
};

// Drains a ring, checking order and decoding every log.
inline void DrainLogs(RingReader& reader, Drained& out) {
  uint64_t last = UINT64_MAX;
  const auto poll = reader.Drain([&](const RecordHeader& header, std::string_view payload) {
    const auto log = DecodeLog(payload);
    if (header.type != static_cast<uint16_t>(RecordType::kLog) || !log) {
      ++out.undecoded;
      return;
    }
    if (last != UINT64_MAX && header.sequence != last + 1) ++out.out_of_order;
    last = header.sequence;
    out.logs.emplace_back(log->fixed.observed, log->fixed.time_unix);
  });
  out.records += poll.records;
  out.broken += poll.broken;
}

inline Drained DrainAll(const Arena& arena) {
  Drained all;
  for (uint32_t ring = 0; ring < arena.view().shape().ring_count; ++ring) {
    if (arena.view().ring(ring).owner.load() == 0) continue;
    RingReader reader(arena.view(), ring);
    DrainLogs(reader, all);
  }
  return all;
}

// Rings that have an owner.
inline std::vector<uint32_t> ClaimedRings(const Arena& arena) {
  std::vector<uint32_t> rings;
  for (uint32_t ring = 0; ring < arena.view().shape().ring_count; ++ring) {
    if (arena.view().ring(ring).owner.load() != 0) rings.push_back(ring);
  }
  return rings;
}

}  // namespace clew::agent::record::testing
