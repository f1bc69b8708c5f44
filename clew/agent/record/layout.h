// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

// The shared memory between a service and its drainer: one sealed memfd, the arena. The drainer creates it, processes
// of the service map all of it and write; only the drainer frees. Everything here is read by two programs of one
// installation; kLayoutVersion and the sizes in the header are compared at attach all the same.
//
//   ArenaHeader                                  one page
//   RingSlot[ring_count]                         three cache lines each
//   OpenSpanSlot[ring_count][span_slots]         the spans that each ring's owner has open
//   WorkerSlot + heap [worker_count]             worker_bytes each: identity, series definitions, metric cells
//   ring bytes [ring_count]                      ring_bytes each, sparse until written
namespace clew::agent::record {

static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

inline constexpr uint64_t kArenaMagic = 0x414E455241574C43;  // "CLWARENA"
inline constexpr uint32_t kLayoutVersion = 1;
inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kCacheLineBytes = 64;
// One record, header included; what is longer is cut or loses attributes, and says so (kRecordTruncated).
inline constexpr uint32_t kMaxRecordBytes = 64 * 1024;

// Sizes of an arena, chosen by its creator.
struct Shape {
  uint32_t ring_count = 512;
  uint32_t ring_bytes = 1u << 20;  // power of two, at least 4 × kMaxRecordBytes
  uint32_t span_slots = 128;       // open spans a ring that are reported when its process is killed
  uint32_t worker_count = 128;     // processes that may have metrics at a time
  uint32_t worker_bytes = 1u << 20;
  uint32_t max_series = 1024;  // a worker
  bool operator==(const Shape&) const = default;
};

// Head samplers of the OpenTelemetry specification (OTEL_TRACES_SAMPLER).
enum class Sampler : uint32_t {
  kParentBasedAlwaysOn = 0,
  kParentBasedAlwaysOff = 1,
  kParentBasedRatio = 2,
  kAlwaysOn = 3,
  kAlwaysOff = 4,
  kRatio = 5,
};

// Bits of Config::signals: what the recorder writes at all.
inline constexpr uint32_t kSignalTraces = 1;
inline constexpr uint32_t kSignalMetrics = 2;
inline constexpr uint32_t kSignalLogs = 4;

// Bits of Config::conventions.
inline constexpr uint32_t kHttpDup = 1;           // http/dup: old attribute names as well
inline constexpr uint32_t kDatabaseDup = 2;       // database/dup
inline constexpr uint32_t kExceptionLogs = 4;     // exceptions as log records instead of span events
inline constexpr uint32_t kExceptionLogsDup = 8;  // both
inline constexpr uint32_t kNoLogIds = 16;         // CLEW_LOG_IDS=off

// What the drainer made of the environment; written before anybody attaches, never changed after.
struct Config {
  uint32_t signals = kSignalTraces | kSignalMetrics | kSignalLogs;
  Sampler sampler = Sampler::kParentBasedAlwaysOn;
  // The ratio samplers' rejection threshold T of 56 bits (tracestate ot=th): sampled where the low 56 bits of the trace
  // id (or ot=rv) are >= T. 0 takes all, 2^56 none.
  uint64_t threshold = 0;
  uint32_t conventions = 0;
  // OTEL_*_LIMIT; UINT32_MAX: none.
  uint32_t attribute_value_bytes = UINT32_MAX;
  uint32_t span_attributes = 128;
  uint32_t span_events = 128;
  uint32_t span_links = 128;
  uint32_t event_attributes = 128;
  uint32_t link_attributes = 128;
  uint32_t log_attributes = 128;
  uint32_t log_attribute_value_bytes = UINT32_MAX;
  uint32_t unused = 0;
};

struct ArenaHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes;  // sizeof(ArenaHeader)
  Shape shape;
  uint32_t creator_pid;
  uint32_t pid_namespace;  // inode of the creator's pid namespace; processes of another one record nothing
  uint64_t rings_offset;   // of the ring slots
  uint64_t spans_offset;
  uint64_t workers_offset;
  uint64_t bytes_offset;  // of the rings' bytes
  uint64_t total_bytes;
  uint8_t arena_id[16];
  int64_t created_unix_nanos;
  Config config;
  // Set by the drainer when it leaves: recorders stop writing.
  alignas(kCacheLineBytes) std::atomic<uint32_t> closed;
  // Counted by recorders.
  alignas(kCacheLineBytes) std::atomic<uint64_t> attached;  // images that attached
  std::atomic<uint64_t> ring_claims_failed;                 // no free ring
  std::atomic<uint64_t> worker_claims_failed;               // no free worker slot
  std::atomic<uint64_t> namespace_refused;                  // processes of another pid namespace
  std::atomic<uint64_t> records_without_ring;               // dropped for want of a ring
};
static_assert(sizeof(ArenaHeader) <= kPageBytes);

// Who holds a slot: pid (22 bits, Linux' highest) and start time in clock ticks since boot (42 bits; field 22 of
// /proc/PID/stat). 0: free. One compare-and-swap claims, so a kill leaves nothing half claimed.
inline constexpr int kOwnerPidBits = 22;
constexpr uint64_t OwnerWord(uint32_t pid, uint64_t start_ticks) {
  return (start_ticks << kOwnerPidBits) | (pid & ((1u << kOwnerPidBits) - 1));
}
constexpr uint32_t OwnerPid(uint64_t owner) { return static_cast<uint32_t>(owner & ((1u << kOwnerPidBits) - 1)); }
constexpr uint64_t OwnerStartTicks(uint64_t owner) { return owner >> kOwnerPidBits; }

// RingSlot::state and WorkerSlot::state, written by the owner.
inline constexpr uint32_t kSlotLive = 0;
inline constexpr uint32_t kSlotIdle = 1;       // its thread ended; kept in the owner's own free list for the next one
inline constexpr uint32_t kSlotAbandoned = 2;  // the owner became another image by exec: drain, then free

// Positions in a ring are 64-bit and only grow. The record at position p lies at (p - base) & (ring_bytes - 1).
// Writer: reads tail when its own copy says full or empty; where tail == head it may set base = head (rewind); copies
// the record in, then head.store(release). Reader: head.load(acquire); if head != tail loads base, copies records out
// of [tail, head), checks the copies, tail.store(release). Freeing, by the drainer once the owner is certainly dead
// (pidfd readable) or the slot abandoned: drain to head, read the open spans, zero lines 1 and 2 and the open-span
// slots, punch the hole, owner.store(0, release) last.
struct RingSlot {
  alignas(kCacheLineBytes) std::atomic<uint64_t> owner;
  std::atomic<uint32_t> state;
  std::atomic<uint32_t> tid;
  std::atomic<uint32_t> worker;  // index of the owner's worker slot + 1; 0: it has none
  std::atomic<uint32_t> pid_namespace;

  alignas(kCacheLineBytes) std::atomic<uint64_t> head;
  std::atomic<uint64_t> base;
  std::atomic<uint64_t> dropped_records;  // ring full; cumulative since the claim
  std::atomic<uint64_t> dropped_bytes;
  std::atomic<uint32_t> sequence;  // of the next record

  alignas(kCacheLineBytes) std::atomic<uint64_t> tail;
};
static_assert(sizeof(RingSlot) == 3 * kCacheLineBytes);

inline constexpr uint32_t kSpanFree = 0;
inline constexpr uint32_t kSpanOpen = 1;
inline constexpr uint32_t kOpenSpanBytes = 512;

// A span that runs. The payload is that of a span record (record_format.h) with end time 0, shortened to fit. A span
// that stands both here and as the ring's last record did finish: leave this one out.
struct OpenSpanSlot {
  std::atomic<uint32_t> state;  // stored with release after the payload
  uint32_t payload_bytes;
  uint8_t payload[kOpenSpanBytes - 8];
};
static_assert(sizeof(OpenSpanSlot) == kOpenSpanBytes);

// Bits of WorkerSlot::notes, for the start line.
inline constexpr uint64_t kNoteOwnTracerProvider =
    1;  // the service set up an SDK of its own for traces: ours stands aside
inline constexpr uint64_t kNoteOwnMeterProvider = 2;
inline constexpr uint64_t kNoteOwnLoggerProvider = 4;
inline constexpr uint64_t kNoteHooksRan = 8;    // the injected code ran to its end in this process
inline constexpr uint64_t kNoteTurnedOff = 16;  // a broken invariant: this process records nothing more
inline constexpr uint64_t kNoteOtherInstrumentation =
    32;  // contrib's Flask instrumentation or similar stands in our place

// One process of the service. Offsets are from the start of its WorkerSlot and within worker_bytes. The descriptors
// follow the slot at kSeriesOffset; behind them the heap, given out from the front and never given back.
// Freeing works as for rings: owner dead -> fold counters and histograms into the accumulator -> zero ->
// owner.store(0).
struct WorkerSlot {
  alignas(kCacheLineBytes) std::atomic<uint64_t> owner;
  std::atomic<uint32_t> state;
  std::atomic<uint32_t> pid_namespace;
  int64_t claimed_unix_nanos;             // cells are cumulative since then
  std::atomic<uint32_t> identity_offset;  // attribute list (record_format.h) about the process; 0 while not written
  std::atomic<uint32_t> identity_bytes;   // stored with release after it

  alignas(kCacheLineBytes) std::atomic<uint32_t> series_count;  // stored with release after the descriptor
  std::atomic<uint32_t> heap_used;                              // up to this offset
  std::atomic<uint64_t> notes;
  std::atomic<uint64_t> series_refused;  // label sets that went to an overflow series
  std::atomic<uint64_t> logs_recorded;
  std::atomic<uint64_t> spans_recorded;
};
inline constexpr uint32_t kSeriesOffset = 2 * kCacheLineBytes;
static_assert(sizeof(WorkerSlot) == kSeriesOffset);

enum class MetricKind : uint8_t {
  kCounter = 1,        // monotonic sum: one NumberCell
  kUpDownCounter = 2,  // sum: one NumberCell
  kGauge = 3,          // one NumberCell
  kHistogram = 4,      // one HistogramCell
};

struct SeriesDescriptor {
  uint32_t definition_offset;  // SeriesDefinition of record_format.h
  uint32_t definition_bytes;
  uint32_t value_offset;     // the cell, 8-byte aligned
  uint32_t exemplar_offset;  // ExemplarCell[exemplar_count]; 0: none
  MetricKind kind;
  uint8_t is_int;           // NumberCell holds int64 bits, else double bits
  uint16_t bucket_count;    // kHistogram: bounds + 1
  uint16_t exemplar_count;  // kHistogram: one a bucket; else at most 1
  uint16_t unused;
  uint64_t unused2;
};
static_assert(sizeof(SeriesDescriptor) == 32);

// One writer a cell (a worker writes its cells under its interpreter's lock): relaxed load, add, relaxed store.
struct NumberCell {
  std::atomic<uint64_t> bits;
};
// Count is the sum of the buckets; sum may be a little ahead or behind of them.
struct HistogramCell {
  std::atomic<uint64_t> sum_bits;    // double
  std::atomic<uint64_t> buckets[1];  // bucket_count of them
};
// The last sampled measurement. Odd sequence: being written, or its writer was killed: take it as missing. Reader:
// sequence (acquire), fields, fence(acquire), sequence again.
struct ExemplarCell {
  std::atomic<uint32_t> sequence;
  uint32_t unused;
  std::atomic<uint64_t> value_bits;  // double
  std::atomic<int64_t> unix_nanos;
  std::atomic<uint64_t> trace_id[2];  // bytes as in memory
  std::atomic<uint64_t> span_id;
};
static_assert(sizeof(ExemplarCell) == 48);

struct Offsets {
  uint64_t rings = 0, spans = 0, workers = 0, bytes = 0, total = 0;
  bool operator==(const Offsets&) const = default;
};

constexpr uint64_t RoundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

// Where the parts of an arena of this shape lie; what both sides compute.
constexpr Offsets OffsetsOf(const Shape& shape) {
  Offsets at;
  at.rings = kPageBytes;
  at.spans = RoundUp(at.rings + uint64_t{shape.ring_count} * sizeof(RingSlot), kPageBytes);
  at.workers = RoundUp(at.spans + uint64_t{shape.ring_count} * shape.span_slots * sizeof(OpenSpanSlot), kPageBytes);
  at.bytes = RoundUp(at.workers + uint64_t{shape.worker_count} * shape.worker_bytes, kPageBytes);
  at.total = at.bytes + uint64_t{shape.ring_count} * shape.ring_bytes;
  return at;
}

// Whether a shape, perhaps read from foreign bytes, makes sense.
constexpr bool IsValid(const Shape& shape) {
  return shape.ring_count > 0 && shape.ring_count <= 1u << 16 && shape.ring_bytes >= 4 * kMaxRecordBytes &&
         shape.ring_bytes <= 1u << 28 && (shape.ring_bytes & (shape.ring_bytes - 1)) == 0 &&
         shape.span_slots <= 1u << 16 && shape.worker_count > 0 && shape.worker_count <= 1u << 16 &&
         shape.worker_bytes % kPageBytes == 0 && shape.worker_bytes <= 1u << 28 && shape.max_series <= 1u << 20 &&
         uint64_t{kSeriesOffset} + uint64_t{shape.max_series} * sizeof(SeriesDescriptor) < shape.worker_bytes;
}

// A mapped arena: plain pointer arithmetic over OffsetsOf(); owns nothing.
class ArenaView {
 public:
  ArenaView() = default;
  ArenaView(uint8_t* base, const Shape& shape) : base_(base), shape_(shape), at_(OffsetsOf(shape)) {}

  explicit operator bool() const { return base_ != nullptr; }
  uint8_t* base() const { return base_; }
  const Shape& shape() const { return shape_; }
  ArenaHeader& header() const { return *reinterpret_cast<ArenaHeader*>(base_); }
  RingSlot& ring(uint32_t index) const { return reinterpret_cast<RingSlot*>(base_ + at_.rings)[index]; }
  OpenSpanSlot* open_spans(uint32_t ring) const {
    return reinterpret_cast<OpenSpanSlot*>(base_ + at_.spans) + uint64_t{ring} * shape_.span_slots;
  }
  uint8_t* ring_bytes(uint32_t ring) const { return base_ + at_.bytes + uint64_t{ring} * shape_.ring_bytes; }
  // Offset of a ring's bytes within the memfd, for punching holes.
  uint64_t ring_bytes_offset(uint32_t ring) const { return at_.bytes + uint64_t{ring} * shape_.ring_bytes; }
  uint64_t worker_offset(uint32_t index) const { return at_.workers + uint64_t{index} * shape_.worker_bytes; }
  WorkerSlot& worker(uint32_t index) const { return *reinterpret_cast<WorkerSlot*>(base_ + worker_offset(index)); }
  SeriesDescriptor* series(uint32_t worker) const {
    return reinterpret_cast<SeriesDescriptor*>(base_ + worker_offset(worker) + kSeriesOffset);
  }

 private:
  uint8_t* base_ = nullptr;
  Shape shape_;
  Offsets at_;
};

}  // namespace clew::agent::record
