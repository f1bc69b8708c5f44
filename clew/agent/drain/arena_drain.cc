// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/arena_drain.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/wait.h>

#include <cstring>
#include <utility>

#include "clew/base/time.h"

namespace clew::agent::drain {
namespace {

void Count(std::atomic<uint64_t>& counter, uint64_t more = 1) { counter.fetch_add(more, std::memory_order_relaxed); }

}  // namespace

struct ArenaDrain::Process {
  uint64_t owner = 0;
  uint64_t number_id = 0;                 // of this process within the run
  std::unique_ptr<WatchedProcess> watch;  // none: it had ended before it was seen
  bool ended = false;
  uint32_t worker_number = 0;
  RecordSource source;
  std::atomic<uint64_t> spans = 0;
  std::atomic<uint64_t> logs = 0;
};

struct ArenaDrain::Ring {
  Ring(const record::ArenaView& arena, uint32_t index, Process* of) : reader(arena, index), process(of) {}

  record::RingReader reader;
  Process* process;
  uint64_t seen_dropped = 0;
  std::optional<uint32_t> next_sequence;
  std::array<uint8_t, 8> last_span{};
};

struct ArenaDrain::Worker {
  Process* process = nullptr;
  bool has_identity = false;
  uint64_t seen_notes = 0;
  uint64_t seen_refused = 0;
};

ArenaDrain::ArenaDrain(const record::Arena& arena, RecordSink& sink)
    : arena_(arena),
      view_(arena.view()),
      sink_(sink),
      cells_(arena.view(), arena.view().header().created_unix_nanos),
      rings_(arena.view().shape().ring_count),
      workers_(arena.view().shape().worker_count) {}

ArenaDrain::~ArenaDrain() = default;

bool ArenaDrain::Poll() {
  clock_offset_ = ClockOffset();
  // Deaths first: whatever an ended process wrote is then seen by the scan, and nothing comes after it.
  FindEnded();
  ScanWorkers();
  const bool hurry = ScanRings();
  BuryEnded();
  return hurry;
}

void ArenaDrain::AppendDescriptors(std::vector<pollfd>& waits) const {
  for (const auto& [owner, process] : processes_) {
    if (process->watch) waits.push_back({process->watch->fd(), POLLIN, 0});
  }
}

ArenaDrain::Process* ArenaDrain::ProcessOf(uint64_t owner) {
  const auto found = processes_.find(owner);
  if (found != processes_.end()) return found->second.get();
  auto process = std::make_unique<Process>();
  process->owner = owner;
  process->number_id = next_process_++;
  process->watch = WatchedProcess::Open(static_cast<pid_t>(record::OwnerPid(owner)), record::OwnerStartTicks(owner));
  process->ended = process->watch == nullptr;
  process->source.id = 2 * process->number_id;
  process->source.pid = record::OwnerPid(owner);
  base::MutexLock lock(mutex_);
  process->worker_number = cells_.AddProcess(process->number_id);
  Count(counters_.living);
  return processes_.emplace(owner, std::move(process)).first->second.get();
}

bool ArenaDrain::IsForeign(uint32_t pid_namespace) const {
  // Its pid means nothing here: judging by it would take a living process for a dead one.
  return pid_namespace != 0 && pid_namespace != view_.header().pid_namespace;
}

void ArenaDrain::FindEnded() {
  for (const auto& [owner, process] : processes_) {
    if (!process->ended && process->watch->HasEnded()) process->ended = true;
  }
}

void ArenaDrain::ScanWorkers() {
  for (uint32_t i = 0; i < workers_.size(); ++i) ScanWorker(i);
}

void ArenaDrain::ScanWorker(uint32_t index) {
  record::WorkerSlot& slot = view_.worker(index);
  const uint64_t owner = slot.owner.load(std::memory_order_acquire);
  if (owner == 0 || IsForeign(slot.pid_namespace.load(std::memory_order_relaxed))) return;
  if (workers_[index] == nullptr) {
    Process* process = ProcessOf(owner);
    auto worker = std::make_unique<Worker>();
    worker->process = process;
    base::MutexLock lock(mutex_);
    cells_.AddWorker(index, process->number_id);
    workers_[index] = std::move(worker);
  }
  Worker& worker = *workers_[index];
  if (!worker.has_identity) ReadIdentity(index, *worker.process);
  const uint64_t notes = slot.notes.load(std::memory_order_relaxed);
  if ((notes & ~worker.seen_notes) != 0) {
    sink_.OnWorkerNotes(worker.process->source, notes & ~worker.seen_notes);
    worker.seen_notes |= notes;
  }
  const uint64_t refused = slot.series_refused.load(std::memory_order_relaxed);
  if (refused > worker.seen_refused) Count(counters_.series_refused, refused - worker.seen_refused);
  worker.seen_refused = refused;
  if (slot.state.load(std::memory_order_acquire) == record::kSlotAbandoned) FreeWorker(index);
}

void ArenaDrain::ReadIdentity(uint32_t index, Process& process) {
  const record::WorkerSlot& slot = view_.worker(index);
  const uint32_t size = slot.identity_bytes.load(std::memory_order_acquire);
  if (size == 0) return;
  workers_[index]->has_identity = true;
  const auto bytes = record::WorkerBytes(view_, index, slot.identity_offset.load(std::memory_order_relaxed), size);
  if (!bytes) return;
  // A copy, checked: the worker could change what lies in its memory.
  std::string copy(*bytes);
  const auto list = record::DecodeAttributes(copy);
  if (!list) return;
  process.source.identity_count = list->count;
  process.source.identity = std::string(list->bytes);
  // Another number, so that batches begun without it do not hide it.
  process.source.id = 2 * process.number_id + 1;
}

bool ArenaDrain::ScanRings() {
  bool hurry = false;
  uint64_t held = 0;
  for (uint32_t i = 0; i < rings_.size(); ++i) {
    record::RingSlot& slot = view_.ring(i);
    const uint64_t owner = slot.owner.load(std::memory_order_acquire);
    if (owner == 0 || IsForeign(slot.pid_namespace.load(std::memory_order_relaxed))) continue;
    ++held;
    if (rings_[i] == nullptr) rings_[i] = std::make_unique<Ring>(view_, i, ProcessOf(owner));
    // Looked at before draining: nothing is written once it is set.
    const bool abandoned = slot.state.load(std::memory_order_acquire) == record::kSlotAbandoned;
    hurry |= rings_[i]->reader.Pending() > view_.shape().ring_bytes / 4;
    DrainRing(i, *rings_[i]);
    if (abandoned) {
      const CutShort end{base::Clock::System().Now(), "exec",
                         "the process became another program while this span was open"};
      FreeRing(i, end);
    }
  }
  counters_.rings.store(held, std::memory_order_relaxed);
  return hurry;
}

void ArenaDrain::DrainRing(uint32_t index, Ring& ring) {
  const record::RingReader::Poll poll = ring.reader.Drain(
      [&](const record::RecordHeader& header, std::string_view payload) { Visit(ring, header, payload); });
  if (poll.broken > 0) Count(counters_.broken_records, poll.broken);
  CountDropped(index, ring);
}

void ArenaDrain::Visit(Ring& ring, const record::RecordHeader& header, std::string_view payload) {
  if (ring.next_sequence && header.sequence != *ring.next_sequence) {
    Count(counters_.lost_records, header.sequence - *ring.next_sequence);
  }
  ring.next_sequence = header.sequence + 1;
  if ((header.flags & record::kRecordTruncated) != 0) Count(counters_.truncated_records);
  Process& process = *ring.process;
  switch (static_cast<record::RecordType>(header.type)) {
    case record::RecordType::kSpan:
      if (const auto span = record::DecodeSpan(payload)) {
        Count(counters_.spans);
        Count(process.spans);
        std::memcpy(ring.last_span.data(), span->fixed.span_id, ring.last_span.size());
        sink_.OnSpan(process.source, *span, clock_offset_);
        return;
      }
      break;
    case record::RecordType::kLog:
      if (const auto log = record::DecodeLog(payload)) {
        Count(counters_.logs);
        Count(process.logs);
        sink_.OnLog(process.source, *log, clock_offset_);
        return;
      }
      break;
    case record::RecordType::kNote:
      if (const auto note = record::DecodeNote(payload)) {
        sink_.OnNote(process.source, *note);
        return;
      }
      break;
    case record::RecordType::kPad: break;
  }
  Count(counters_.broken_records);
}

void ArenaDrain::CountDropped(uint32_t index, Ring& ring) {
  const uint64_t dropped = view_.ring(index).dropped_records.load(std::memory_order_relaxed);
  if (dropped > ring.seen_dropped) Count(counters_.dropped_records, dropped - ring.seen_dropped);
  ring.seen_dropped = dropped;
}

void ArenaDrain::ReportOpenSpans(uint32_t index, const Ring& ring, const CutShort& end) {
  const record::OpenSpanSlot* slots = view_.open_spans(index);
  for (uint32_t i = 0; i < view_.shape().span_slots; ++i) {
    const record::OpenSpanSlot& slot = slots[i];
    if (slot.state.load(std::memory_order_acquire) != record::kSpanOpen) continue;
    if (slot.payload_bytes > sizeof slot.payload) {
      Count(counters_.broken_records);
      continue;
    }
    const std::string copy(reinterpret_cast<const char*>(slot.payload), slot.payload_bytes);
    const auto span = record::DecodeSpan(copy);
    if (!span) {
      Count(counters_.broken_records);
      continue;
    }
    // Killed between publishing the record and clearing the slot: it did finish.
    if (std::memcmp(span->fixed.span_id, ring.last_span.data(), ring.last_span.size()) == 0) continue;
    Count(counters_.cut_short_spans);
    sink_.OnCutShort(ring.process->source, *span, clock_offset_, end);
  }
}

void ArenaDrain::FreeRing(uint32_t index, const CutShort& end) {
  ReportOpenSpans(index, *rings_[index], end);
  rings_[index].reset();
  arena_.FreeRing(index);
}

void ArenaDrain::FreeWorker(uint32_t index) {
  base::MutexLock lock(mutex_);
  cells_.FoldWorker(index);
  workers_[index].reset();
  arena_.FreeWorker(index);
}

CutShort ArenaDrain::EndOf(const Process& process) {
  const std::optional<int> status = process.watch ? process.watch->ExitStatus() : std::nullopt;
  CutShort end;
  end.end_unix_nanos = base::Clock::System().Now();
  end.error_type = "process_ended";
  if (status && WIFEXITED(*status)) end.error_type = "process_exited";
  if (status && WIFSIGNALED(*status)) {
    const char* name = sigabbrev_np(WTERMSIG(*status));
    end.error_type = name != nullptr ? "SIG" + std::string(name) : fmt::format("signal {}", WTERMSIG(*status));
  }
  end.description = fmt::format("the process ended while this span was open: {}", DescribeEnd(status));
  return end;
}

void ArenaDrain::BuryEnded() {
  std::vector<Process*> ended;
  for (const auto& [owner, process] : processes_) {
    if (process->ended) ended.push_back(process.get());
  }
  for (Process* process : ended) {
    const CutShort end = EndOf(*process);
    for (uint32_t i = 0; i < rings_.size(); ++i) {
      if (rings_[i] != nullptr && rings_[i]->process == process) FreeRing(i, end);
    }
    for (uint32_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i] != nullptr && workers_[i]->process == process) FreeWorker(i);
    }
    Count(counters_.ended);
    if (end.error_type.starts_with("SIG") || end.error_type.starts_with("signal")) Count(counters_.killed);
    counters_.living.fetch_sub(1, std::memory_order_relaxed);
    base::MutexLock lock(mutex_);
    if (process->watch) {
      // A last look, while the kernel still has it.
      if (const auto stat = process->watch->Stat()) cells_.SetUsage(process->number_id, *stat);
    }
    cells_.RemoveProcess(process->number_id);
    processes_.erase(process->owner);
  }
}

model::MetricBatch ArenaDrain::Collect(const KeyValuePairs& resource, int64_t now_unix_nanos) {
  base::MutexLock lock(mutex_);
  for (const auto& [owner, process] : processes_) {
    if (!process->watch) continue;
    if (const auto stat = process->watch->Stat()) cells_.SetUsage(process->number_id, *stat);
  }
  return cells_.Collect(resource, now_unix_nanos);
}

std::vector<ArenaDrain::ProcessInfo> ArenaDrain::Processes() const {
  std::vector<ProcessInfo> result;
  base::MutexLock lock(mutex_);
  for (const auto& [owner, process] : processes_) {
    ProcessInfo info;
    info.pid = process->source.pid;
    info.number = process->worker_number;
    info.spans = process->spans.load(std::memory_order_relaxed);
    info.logs = process->logs.load(std::memory_order_relaxed);
    result.push_back(info);
  }
  return result;
}

uint64_t ArenaDrain::broken_series() const {
  base::MutexLock lock(mutex_);
  return cells_.broken_series();
}

uint64_t ArenaDrain::series_count() const {
  base::MutexLock lock(mutex_);
  return cells_.series_count();
}

}  // namespace clew::agent::drain
