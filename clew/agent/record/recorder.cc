// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>

#include "clew/agent/record/attach.h"
#include "clew/agent/record/clocks.h"

namespace clew::agent::record {
namespace {

constexpr uint32_t kMaxThreads = 4096;
constexpr uint32_t kScratchBytes = kMaxRecordBytes - sizeof(RecordHeader);
constexpr uint64_t kRewindBytes = 16 * 1024;
constexpr uint32_t kRetryWrites = 256;
constexpr size_t kIdentityBytes = 4096;

// Zeros in every process that has just been forked (MADV_WIPEONFORK), its lock included, so that a fork in the middle
// of a claim leaves the child free to make its own.
struct ProcessPage {
  std::atomic<uint64_t> epoch;
  std::atomic<uint32_t> lock;
};

ProcessPage off_page;

// One for the whole process. Plain statics, never destroyed: threads may still run at exit.
struct Process {
  std::atomic<bool> off{true};
  ProcessPage* page = &off_page;
  ArenaView arena;
  // What follows is written with the page's lock held.
  uint64_t last_epoch = 0;
  uint64_t owner = 0;
  uint32_t pid_namespace = 0;
  Worker worker;
  ThreadWriter* writers = nullptr;  // [kMaxThreads]
  pthread_key_t key{};
  // Free list of writers whose thread has ended: tag in the upper half against ABA, index + 1 in the lower.
  std::atomic<uint64_t> free_list{0};
  std::atomic<uint32_t> used_writers{0};
  uint32_t identity_bytes = 0;
  char identity[kIdentityBytes];
};

Process process;

// Initial-exec: one instruction instead of a call; the pointer fits the room that glibc keeps for libraries loaded
// late.
[[gnu::tls_model("initial-exec")]] thread_local ThreadWriter* this_thread = nullptr;

void* MapPrivate(size_t bytes) noexcept {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// Field 22 of /proc/self/stat; 0 where it cannot be read. The name before it may hold spaces and parentheses.
uint64_t StartTicks() noexcept {
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[1024];
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  if (size <= 0) return 0;
  std::string_view rest(text, static_cast<size_t>(size));
  rest.remove_prefix(rest.rfind(')') + 1);
  for (int field = 2; field < 22; ++field) {
    const size_t space = rest.find(' ');
    if (space == std::string_view::npos) return 0;
    rest.remove_prefix(space + 1);
  }
  uint64_t ticks = 0;
  for (const char digit : rest) {
    if (digit < '0' || digit > '9') break;
    ticks = ticks * 10 + static_cast<uint64_t>(digit - '0');
  }
  return ticks;
}

uint32_t PidNamespace() noexcept {
  struct stat status;
  return stat("/proc/self/ns/pid", &status) == 0 ? static_cast<uint32_t>(status.st_ino) : 0;
}

void AfterForkInChild() noexcept {
  process.page->epoch.store(0, std::memory_order_relaxed);
  process.page->lock.store(0, std::memory_order_relaxed);
}

// Takes a free slot, searching from a place of its own so that many processes do not try the same ones.
template <typename SlotAt>
uint32_t ClaimSlot(uint32_t count, uint32_t first, SlotAt&& slot_at) noexcept {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t index = (first + i) % count;
    auto& slot = slot_at(index);
    uint64_t free = 0;
    if (slot.owner.load(std::memory_order_relaxed) == 0 &&
        slot.owner.compare_exchange_strong(free, process.owner, std::memory_order_acq_rel)) {
      slot.pid_namespace.store(process.pid_namespace, std::memory_order_relaxed);
      return index;
    }
  }
  return UINT32_MAX;
}

// Low indexes first, since they become the `worker` label.
void ClaimWorker() noexcept {
  process.worker = {};
  const uint32_t index = ClaimSlot(process.arena.shape().worker_count, 0,
                                   [](uint32_t at) -> WorkerSlot& { return process.arena.worker(at); });
  if (index == UINT32_MAX) {
    process.arena.header().worker_claims_failed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  WorkerSlot& slot = process.arena.worker(index);
  slot.claimed_unix_nanos = UnixNanos();
  const uint32_t heap =
      static_cast<uint32_t>(kSeriesOffset + process.arena.shape().max_series * sizeof(SeriesDescriptor));
  uint32_t used = heap;
  if (process.identity_bytes != 0 && heap + process.identity_bytes <= process.arena.shape().worker_bytes) {
    std::memcpy(reinterpret_cast<uint8_t*>(&slot) + heap, process.identity, process.identity_bytes);
    used = static_cast<uint32_t>(RoundUp(heap + process.identity_bytes, 8));
    slot.identity_offset.store(heap, std::memory_order_relaxed);
    slot.identity_bytes.store(process.identity_bytes, std::memory_order_release);
  }
  slot.heap_used.store(used, std::memory_order_relaxed);
  process.worker = {&slot, index};
}

void LockPage(ProcessPage* page) noexcept {
  while (page->lock.exchange(1, std::memory_order_acquire) != 0) sched_yield();
}
void UnlockPage(ProcessPage* page) noexcept { page->lock.store(0, std::memory_order_release); }

// Makes this process a known one: its owner word, its worker slot, an empty pool of writers. The epoch, or 0 while off.
uint64_t EnsureProcess() noexcept {
  if (process.off.load(std::memory_order_relaxed)) return 0;
  ProcessPage* page = process.page;
  LockPage(page);
  uint64_t epoch = page->epoch.load(std::memory_order_relaxed);
  if (epoch == 0) {
    process.owner = OwnerWord(static_cast<uint32_t>(getpid()), StartTicks());
    process.pid_namespace = PidNamespace();
    ArenaHeader& header = process.arena.header();
    if (header.pid_namespace != 0 && process.pid_namespace != 0 && header.pid_namespace != process.pid_namespace) {
      // The drainer could not tell whether such a pid lives, and would free its slots under it.
      header.namespace_refused.fetch_add(1, std::memory_order_relaxed);
      process.off.store(true, std::memory_order_relaxed);
      UnlockPage(page);
      return 0;
    }
    process.free_list.store(0, std::memory_order_relaxed);
    process.used_writers.store(0, std::memory_order_relaxed);
    ClaimWorker();
    epoch = ++process.last_epoch;
    page->epoch.store(epoch, std::memory_order_release);
  }
  UnlockPage(page);
  return epoch;
}

// Slots that bear our own identity are those of the image that this one replaced by exec.
void AbandonSlotsOfEarlierImage() noexcept {
  const uint64_t owner = OwnerWord(static_cast<uint32_t>(getpid()), StartTicks());
  for (uint32_t i = 0; i < process.arena.shape().ring_count; ++i) {
    RingSlot& slot = process.arena.ring(i);
    if (slot.owner.load(std::memory_order_relaxed) == owner) slot.state.store(kSlotAbandoned);
  }
  for (uint32_t i = 0; i < process.arena.shape().worker_count; ++i) {
    WorkerSlot& slot = process.arena.worker(i);
    if (slot.owner.load(std::memory_order_relaxed) == owner) slot.state.store(kSlotAbandoned);
  }
}

bool UseArena(const ArenaView& arena) noexcept {
  if (!arena || arena.header().closed.load(std::memory_order_relaxed) != 0) return false;
  void* page = MapPrivate(kPageBytes);
  process.writers = static_cast<ThreadWriter*>(MapPrivate(kMaxThreads * sizeof(ThreadWriter)));
  if (page == nullptr || process.writers == nullptr) return false;
#ifdef MADV_WIPEONFORK
  const bool wiped = madvise(page, kPageBytes, MADV_WIPEONFORK) == 0;
#else
  const bool wiped = false;
#endif
  if (!wiped && pthread_atfork(nullptr, nullptr, AfterForkInChild) != 0) return false;
  process.page = static_cast<ProcessPage*>(page);
  process.arena = arena;
  AbandonSlotsOfEarlierImage();
  arena.header().attached.fetch_add(1, std::memory_order_relaxed);
  process.off.store(false, std::memory_order_release);
  return EnsureProcess() != 0;
}

}  // namespace

// What needs the private parts of writers.
class Recorder {
 public:
  static ThreadWriter* Claim() noexcept;
  static void ThreadEnds(void* writer) noexcept;
  static bool IsCurrent(const ThreadWriter* writer) noexcept {
    return writer != nullptr && writer->epoch_ == process.page->epoch.load(std::memory_order_relaxed);
  }
  static void TakeRing(ThreadWriter& writer) noexcept;

 private:
  static ThreadWriter* PopFree() noexcept;
};

ThreadWriter* Recorder::PopFree() noexcept {
  uint64_t top = process.free_list.load(std::memory_order_acquire);
  while (static_cast<uint32_t>(top) != 0) {
    ThreadWriter* writer = &process.writers[static_cast<uint32_t>(top) - 1];
    const uint64_t next = ((top >> 32) + 1) << 32 | writer->next_free_;
    if (process.free_list.compare_exchange_weak(top, next, std::memory_order_acq_rel)) return writer;
  }
  return nullptr;
}

void Recorder::ThreadEnds(void* argument) noexcept {
  auto* writer = static_cast<ThreadWriter*>(argument);
  // A writer of the process that this one was forked from is not ours to give back.
  if (!IsCurrent(writer)) return;
  this_thread = nullptr;
  writer->encoding_ = false;
  if (writer->slot_ != nullptr) writer->slot_->state.store(kSlotIdle, std::memory_order_relaxed);
  const auto number = static_cast<uint32_t>(writer - process.writers) + 1;
  uint64_t top = process.free_list.load(std::memory_order_relaxed);
  do {
    writer->next_free_ = static_cast<uint32_t>(top);
  } while (
      !process.free_list.compare_exchange_weak(top, (((top >> 32) + 1) << 32) | number, std::memory_order_acq_rel));
}

void Recorder::TakeRing(ThreadWriter& writer) noexcept {
  const ArenaView& arena = process.arena;
  const uint32_t count = arena.shape().ring_count;
  const uint32_t first = static_cast<uint32_t>((process.owner * 0x9E3779B97F4A7C15u) >> 40) % count;
  const uint32_t index = ClaimSlot(count, first, [&](uint32_t at) -> RingSlot& { return arena.ring(at); });
  writer.retry_countdown_ = kRetryWrites;
  if (index == UINT32_MAX) {
    arena.header().ring_claims_failed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  writer.slot_ = &arena.ring(index);
  writer.slot_->worker.store(process.worker.slot != nullptr ? process.worker.index + 1 : 0, std::memory_order_relaxed);
  writer.slot_->tid.store(static_cast<uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  writer.bytes_ = arena.ring_bytes(index);
  writer.spans_ = arena.open_spans(index);
  writer.ring_bytes_ = arena.shape().ring_bytes;
  writer.span_slots_ = arena.shape().span_slots;
  writer.head_ = writer.base_ = writer.tail_ = 0;
  writer.sequence_ = 0;
  writer.next_span_ = 0;
}

ThreadWriter* Recorder::Claim() noexcept {
  const uint64_t epoch = EnsureProcess();
  if (epoch == 0) return nullptr;
  const int saved_errno = errno;
  ThreadWriter* writer = PopFree();
  if (writer != nullptr) {
    if (writer->slot_ != nullptr) {
      writer->slot_->tid.store(static_cast<uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
      writer->slot_->state.store(kSlotLive, std::memory_order_relaxed);
    }
  } else {
    const uint32_t index = process.used_writers.fetch_add(1, std::memory_order_relaxed);
    if (index >= kMaxThreads) {
      process.used_writers.store(kMaxThreads, std::memory_order_relaxed);
      return nullptr;
    }
    // The memory may hold a writer of the process that this one was forked from; its scratch is private to us by now.
    uint8_t* scratch = process.writers[index].scratch_;
    if (scratch == nullptr) scratch = static_cast<uint8_t*>(MapPrivate(kMaxRecordBytes));
    uint8_t seed[32];
    if (scratch == nullptr || getrandom(seed, sizeof seed, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof seed)) {
      return nullptr;
    }
    writer = new (&process.writers[index]) ThreadWriter;
    writer->scratch_ = scratch;
    writer->ids_.Seed(seed);
    writer->epoch_ = epoch;
    TakeRing(*writer);
  }
  pthread_setspecific(process.key, writer);
  this_thread = writer;
  errno = saved_errno;
  return writer;
}

bool Attach() noexcept {
  if (process.arena) return IsRecording();
  return UseArena(MapFromEnvironment()) && pthread_key_create(&process.key, Recorder::ThreadEnds) == 0;
}

bool AttachDescriptor(int fd) noexcept {
  if (process.arena) return IsRecording();
  return UseArena(MapDescriptor(fd)) && pthread_key_create(&process.key, Recorder::ThreadEnds) == 0;
}

bool IsRecording() noexcept {
  if (process.off.load(std::memory_order_relaxed)) return false;
  if (process.arena.header().closed.load(std::memory_order_relaxed) == 0) return true;
  TurnOff();
  return false;
}

void TurnOff() noexcept {
  if (process.off.exchange(true)) return;
  if (process.worker.slot != nullptr) process.worker.slot->notes.fetch_or(kNoteTurnedOff);
  process.page->epoch.store(0, std::memory_order_relaxed);
}

const Config& Configuration() noexcept {
  static constexpr Config kDefault;
  return process.arena ? process.arena.header().config : kDefault;
}

ThreadWriter* ThisThread() noexcept {
  if (Recorder::IsCurrent(this_thread)) [[likely]] {
    return this_thread;
  }
  return Recorder::Claim();
}

uint64_t Epoch() noexcept {
  const uint64_t epoch = process.page->epoch.load(std::memory_order_relaxed);
  return epoch != 0 ? epoch : EnsureProcess();
}

ArenaView CurrentArena() noexcept { return process.arena; }

Worker ThisWorker() noexcept { return Epoch() != 0 ? process.worker : Worker{}; }

void SetIdentity(std::string_view attributes) noexcept {
  if (attributes.size() > kIdentityBytes || Epoch() == 0) return;
  std::memcpy(process.identity, attributes.data(), attributes.size());
  process.identity_bytes = static_cast<uint32_t>(attributes.size());
  const Worker worker = process.worker;
  if (worker.slot == nullptr || worker.slot->identity_bytes.load() != 0) return;
  const uint32_t at = worker.slot->heap_used.load(std::memory_order_relaxed);
  if (at + attributes.size() > process.arena.shape().worker_bytes) return;
  std::memcpy(reinterpret_cast<uint8_t*>(worker.slot) + at, attributes.data(), attributes.size());
  worker.slot->heap_used.store(static_cast<uint32_t>(RoundUp(at + attributes.size(), 8)), std::memory_order_relaxed);
  worker.slot->identity_offset.store(at, std::memory_order_relaxed);
  worker.slot->identity_bytes.store(process.identity_bytes, std::memory_order_release);
}

void AddNotes(uint64_t bits) noexcept {
  const Worker worker = ThisWorker();
  if (worker.slot != nullptr) worker.slot->notes.fetch_or(bits, std::memory_order_relaxed);
}

void WriteNote(NoteKind kind, std::string_view text) noexcept {
  ThreadWriter* writer = ThisThread();
  if (writer == nullptr || !writer->HasRoom()) return;
  Encoder encoder = writer->Begin();
  encoder.Put(kind);
  encoder.CutText(text, 0);
  if (encoder.overflowed()) return writer->Abandon(encoder);
  writer->Commit(RecordType::kNote, encoder, 0);
}

void ThreadWriter::Drop(uint64_t bytes) noexcept {
  if (slot_ == nullptr) {
    process.arena.header().records_without_ring.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // The owner is the only writer of these two.
  slot_->dropped_records.store(slot_->dropped_records.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  slot_->dropped_bytes.store(slot_->dropped_bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

bool ThreadWriter::HasRoom() noexcept {
  if (slot_ == nullptr) [[unlikely]] {
    if (retry_countdown_-- == 0) Recorder::TakeRing(*this);
    if (slot_ == nullptr) {
      Drop(0);
      return false;
    }
  }
  // What is longer than this finds out in Commit().
  constexpr uint64_t kUsualBytes = 1024;
  if (head_ - tail_ + kUsualBytes <= ring_bytes_) [[likely]] {
    return true;
  }
  tail_ = slot_->tail.load(std::memory_order_acquire);
  if (head_ - tail_ + kUsualBytes <= ring_bytes_) return true;
  if (!IsRecording()) return false;
  Drop(kUsualBytes);
  return false;
}

Encoder ThreadWriter::Begin() noexcept {
  if (encoding_) return Encoder(nullptr, 0);
  encoding_ = true;
  return Encoder(scratch_ + sizeof(RecordHeader), kScratchBytes);
}

// Room for `bytes` in one piece from head on, by a pad to the ring's end where needed. Moves base, not yet head.
bool ThreadWriter::MakeRoom(uint64_t bytes) noexcept {
  if (((head_ - base_) & (ring_bytes_ - 1)) >= kRewindBytes) {
    tail_ = slot_->tail.load(std::memory_order_acquire);
    // Empty: start again at the front, so that a quiet thread keeps few pages. The reader loads base only behind a head
    // that differs from its tail, and that head is stored with release after this.
    if (tail_ == head_) {
      base_ = head_;
      slot_->base.store(base_, std::memory_order_relaxed);
    }
  }
  const uint64_t offset = (head_ - base_) & (ring_bytes_ - 1);
  const uint64_t pad = offset + bytes > ring_bytes_ ? ring_bytes_ - offset : 0;
  if (head_ - tail_ + pad + bytes > ring_bytes_) {
    tail_ = slot_->tail.load(std::memory_order_acquire);
    if (tail_ > head_ || head_ - tail_ + pad + bytes > ring_bytes_) return false;
  }
  if (pad != 0) {
    const struct {
      uint32_t bytes;
      uint16_t type;
      uint16_t flags;
    } filler = {static_cast<uint32_t>(pad), static_cast<uint16_t>(RecordType::kPad), 0};
    std::memcpy(bytes_ + offset, &filler, sizeof filler);
    head_ += pad;
  }
  return true;
}

bool ThreadWriter::Commit(RecordType type, const Encoder& payload, uint16_t flags) noexcept {
  if (!IsScratch(payload)) {
    Drop(0);
    return false;
  }
  encoding_ = false;
  const auto bytes = static_cast<uint32_t>(sizeof(RecordHeader) + payload.size());
  const uint64_t padded = RoundUp(bytes, 8);
  if (slot_ == nullptr || payload.overflowed()) {
    Drop(bytes);
    return false;
  }
  RecordHeader header{bytes, static_cast<uint16_t>(type), flags, 0, sequence_};
  // Over the scratch and not over the ring: reading back what was just written waits for every cache miss.
  header.sum = RecordSum(header, payload.start());
  std::memcpy(scratch_, &header, sizeof header);
  std::memset(scratch_ + bytes, 0, padded - bytes);
  if (!MakeRoom(padded)) {
    Drop(bytes);
    return false;
  }
  std::memcpy(bytes_ + ((head_ - base_) & (ring_bytes_ - 1)), scratch_, padded);
  head_ += padded;
  ++sequence_;
  slot_->sequence.store(sequence_, std::memory_order_relaxed);
  slot_->head.store(head_, std::memory_order_release);
  return true;
}

OpenSpan ThreadWriter::Open(std::string_view payload) noexcept {
  constexpr uint32_t kTries = 8;
  if (slot_ == nullptr || payload.size() > sizeof(OpenSpanSlot::payload)) return {};
  for (uint32_t i = 0; i < kTries && i < span_slots_; ++i) {
    OpenSpanSlot& span = spans_[next_span_ + i < span_slots_ ? next_span_ + i : next_span_ + i - span_slots_];
    // Another thread of this process may have ended the span that stood here; acquire pairs with its release.
    if (span.state.load(std::memory_order_acquire) != kSpanFree) continue;
    std::memcpy(span.payload, payload.data(), payload.size());
    span.payload_bytes = static_cast<uint32_t>(payload.size());
    span.state.store(kSpanOpen, std::memory_order_release);
    next_span_ = (next_span_ + i) % span_slots_;
    return {&span};
  }
  next_span_ = (next_span_ + kTries) % span_slots_;
  return {};
}

}  // namespace clew::agent::record
