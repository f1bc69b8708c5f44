// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "clew/agent/record/encoder.h"
#include "clew/agent/record/ids.h"
#include "clew/agent/record/layout.h"
#include "clew/agent/record/record_format.h"

// What is loaded into a service: attaches to the arena and writes records. Nothing here throws, prints, aborts,
// allocates from the heap or waits in a request; on a broken invariant it turns itself off for good.
//
// Processes and threads take a ring when they first write. That a process is new is seen by a page that the kernel
// wipes on fork, so every kind of fork is noticed, also those that run no fork handlers.
namespace clew::agent::record {

// Where a running span stands in the table of open spans. Another process than the one that opened it leaves it alone.
struct OpenSpan {
  OpenSpanSlot* slot = nullptr;  // nullptr: the table was full
};

// One thread's end: ring, scratch memory, ids. Got from ThisThread() for each use and not kept, since a fork or the
// thread's end makes it another's.
class ThreadWriter {
 public:
  IdGenerator& ids() noexcept { return ids_; }

  // Whether a record would likely find room; where not, it is counted as dropped, and encoding it would be in vain.
  bool HasRoom() noexcept;
  // The thread's scratch, where the payload is to be encoded. Without room while another record is being encoded in
  // this thread (a callback of the service may log). End with Commit() or Abandon() in either case.
  Encoder Begin() noexcept;
  // Publishes the payload; false where it was dropped.
  bool Commit(RecordType type, const Encoder& payload, uint16_t flags) noexcept;
  void Abandon(const Encoder& payload) noexcept {
    if (IsScratch(payload)) encoding_ = false;
  }

  // Keeps the payload of a running span where the drainer finds it should the process be killed.
  OpenSpan Open(std::string_view payload) noexcept;
  static void Close(OpenSpan span) noexcept {
    if (span.slot != nullptr) span.slot->state.store(kSpanFree, std::memory_order_release);
  }

 private:
  friend class Recorder;

  bool IsScratch(const Encoder& payload) const noexcept { return payload.start() == scratch_ + sizeof(RecordHeader); }
  bool MakeRoom(uint64_t bytes) noexcept;
  void Drop(uint64_t bytes) noexcept;

  uint64_t epoch_ = ~uint64_t{0};  // of the process that owns it; never that of a wiped page
  RingSlot* slot_ = nullptr;       // nullptr: no ring was free
  uint8_t* bytes_ = nullptr;
  uint64_t head_ = 0;
  uint64_t base_ = 0;
  uint64_t tail_ = 0;  // as last read
  OpenSpanSlot* spans_ = nullptr;
  uint8_t* scratch_ = nullptr;
  uint32_t ring_bytes_ = 0;
  uint32_t span_slots_ = 0;
  uint32_t next_span_ = 0;
  uint32_t sequence_ = 0;
  uint32_t next_free_ = 0;        // index + 1 in the process's free list
  uint32_t retry_countdown_ = 0;  // writes until another try for a ring
  bool encoding_ = false;
  IdGenerator ids_;
};

// Maps the arena that the environment names (handover.h). Whether that worked; if not, everything stays off. Once an
// image, before threads write.
bool Attach() noexcept;
// The same for a descriptor at hand, which the caller keeps.
bool AttachDescriptor(int fd) noexcept;
// Whether anything is recorded: attached, not turned off, the drainer still there.
bool IsRecording() noexcept;
void TurnOff() noexcept;
// The drainer's configuration; defaults while not attached.
const Config& Configuration() noexcept;

// The calling thread's writer, made for it or for the new process where needed; nullptr while off.
ThreadWriter* ThisThread() noexcept;
// A number that differs between a process and those that it forks from here on; 0 while off.
uint64_t Epoch() noexcept;

// The process's place among the workers: metric cells (metrics.h), notes, identity.
struct Worker {
  WorkerSlot* slot = nullptr;  // nullptr: off, or all places were taken
  uint32_t index = 0;
};
// The mapped arena; empty while not attached.
ArenaView CurrentArena() noexcept;
// Claims it on first use in a process.
Worker ThisWorker() noexcept;
// What the process is, an encoded attribute list of at most 4 KiB; kept for the processes that it forks.
void SetIdentity(std::string_view attributes) noexcept;
void AddNotes(uint64_t bits) noexcept;
void WriteNote(NoteKind kind, std::string_view text) noexcept;

}  // namespace clew::agent::record
