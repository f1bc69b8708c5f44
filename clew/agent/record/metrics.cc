// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/metrics.h"

#include <cstring>

#include "clew/agent/record/clocks.h"
#include "clew/agent/record/recorder.h"

namespace clew::agent::record {
namespace {

constexpr uint32_t kTextBytes = 128 * 1024;  // definitions and bounds of all instruments
constexpr uint32_t kMaxSeries = 4096;        // a process, whatever the arena would hold
constexpr uint32_t kTableSize = 2 * kMaxSeries;

struct Instrument {
  const uint8_t* prefix = nullptr;  // of the encoded definition, up to its attributes
  uint32_t prefix_bytes = 0;
  const double* bounds = nullptr;
  uint16_t bound_count = 0;
  MetricKind kind = MetricKind::kCounter;
  bool is_int = false;
  // Of the process with this epoch:
  uint64_t epoch = 0;
  uint32_t overflow = 0;  // series number + 1
};

struct Registry {
  Instrument instruments[kMaxInstruments];
  int instrument_count = 0;
  alignas(8) uint8_t text[kTextBytes];
  uint32_t text_used = 0;
  // Of the process with this epoch:
  uint64_t epoch = 0;
  uint32_t series_count = 0;
  uint32_t reserved_bytes = 0;  // kept free for overflow series not made yet
  uint32_t reserved_series = 0;
  Series series[kMaxSeries];
  uint64_t hashes[kMaxSeries];
  int instrument_of[kMaxSeries];
  uint16_t table[kTableSize];  // open addressing; series number + 1
};

// Zero pages until used.
Registry registry;

constexpr char kOverflowAttributes[] = {1, 0, static_cast<char>(kMetricOverflow), static_cast<char>(ValueType::kBool),
                                        1};

uint32_t ValueBytes(const Instrument& instrument) noexcept {
  return instrument.kind == MetricKind::kHistogram ? 8u + 8u * (instrument.bound_count + 1u) : 8u;
}
uint32_t ExemplarCount(const Instrument& instrument) noexcept {
  return instrument.kind == MetricKind::kHistogram ? instrument.bound_count + 1u : 0u;
}
uint32_t SeriesBytes(const Instrument& instrument, size_t attribute_bytes) noexcept {
  return static_cast<uint32_t>(RoundUp(instrument.prefix_bytes + attribute_bytes, 8)) + ValueBytes(instrument) +
         ExemplarCount(instrument) * static_cast<uint32_t>(sizeof(ExemplarCell));
}

void StartProcess(uint64_t epoch) noexcept {
  registry.epoch = epoch;
  registry.series_count = 0;
  registry.reserved_bytes = 0;
  registry.reserved_series = 0;
  std::memset(registry.table, 0, sizeof registry.table);
}

void StartInstrument(Instrument& instrument) noexcept {
  instrument.epoch = registry.epoch;
  instrument.overflow = 0;
  registry.reserved_bytes += SeriesBytes(instrument, sizeof kOverflowAttributes);
  registry.reserved_series += 1;
}

// Series number, or UINT32_MAX where the worker's area or the table is full.
uint32_t MakeSeries(const Worker& worker, int index, std::string_view attributes, uint64_t hash,
                    bool reserved) noexcept {
  const Instrument& instrument = registry.instruments[index];
  const ArenaView arena = CurrentArena();
  const Shape& shape = arena.shape();
  const uint32_t bytes = SeriesBytes(instrument, attributes.size());
  const uint32_t at = worker.slot->heap_used.load(std::memory_order_relaxed);
  const uint32_t number = registry.series_count;
  const uint32_t keep_bytes = reserved ? 0 : registry.reserved_bytes;
  const uint32_t keep_series = reserved ? 0 : registry.reserved_series;
  const uint32_t most = shape.max_series < kMaxSeries ? shape.max_series : kMaxSeries;
  if (uint64_t{at} + bytes + keep_bytes > shape.worker_bytes || number + keep_series >= most) return UINT32_MAX;

  auto* area = reinterpret_cast<uint8_t*>(worker.slot);
  std::memcpy(area + at, instrument.prefix, instrument.prefix_bytes);
  std::memcpy(area + at + instrument.prefix_bytes, attributes.data(), attributes.size());
  SeriesDescriptor descriptor{};
  descriptor.definition_offset = at;
  descriptor.definition_bytes = instrument.prefix_bytes + static_cast<uint32_t>(attributes.size());
  descriptor.value_offset = at + static_cast<uint32_t>(RoundUp(descriptor.definition_bytes, 8));
  descriptor.exemplar_count = static_cast<uint16_t>(ExemplarCount(instrument));
  if (descriptor.exemplar_count != 0) descriptor.exemplar_offset = descriptor.value_offset + ValueBytes(instrument);
  descriptor.kind = instrument.kind;
  descriptor.is_int = instrument.is_int ? 1 : 0;
  if (instrument.kind == MetricKind::kHistogram) {
    descriptor.bucket_count = static_cast<uint16_t>(instrument.bound_count + 1);
  }
  Series& series = registry.series[number];
  series.cell = area + descriptor.value_offset;
  series.exemplars =
      descriptor.exemplar_count != 0 ? reinterpret_cast<ExemplarCell*>(area + descriptor.exemplar_offset) : nullptr;
  series.bounds = instrument.bounds;
  series.bound_count = instrument.bound_count;
  series.kind = instrument.kind;
  series.is_int = instrument.is_int;
  registry.hashes[number] = hash;
  registry.instrument_of[number] = index;
  registry.series_count = number + 1;
  arena.series(worker.index)[number] = descriptor;
  worker.slot->heap_used.store(at + bytes, std::memory_order_relaxed);
  worker.slot->series_count.store(number + 1, std::memory_order_release);
  return number;
}

const Series* OverflowSeries(const Worker& worker, int index) noexcept {
  Instrument& instrument = registry.instruments[index];
  worker.slot->series_refused.store(worker.slot->series_refused.load(std::memory_order_relaxed) + 1,
                                    std::memory_order_relaxed);
  if (instrument.overflow == 0) {
    const uint32_t number = MakeSeries(worker, index, {kOverflowAttributes, sizeof kOverflowAttributes}, 0, true);
    if (number == UINT32_MAX) return nullptr;
    registry.reserved_bytes -= SeriesBytes(instrument, sizeof kOverflowAttributes);
    registry.reserved_series -= 1;
    instrument.overflow = number + 1;
  }
  return &registry.series[instrument.overflow - 1];
}

bool IsSame(const Worker& worker, uint32_t number, int instrument, std::string_view attributes,
            uint64_t hash) noexcept {
  if (registry.hashes[number] != hash || registry.instrument_of[number] != instrument) return false;
  const SeriesDescriptor& descriptor = CurrentArena().series(worker.index)[number];
  const uint32_t prefix = registry.instruments[instrument].prefix_bytes;
  return descriptor.definition_bytes == prefix + attributes.size() &&
         std::memcmp(reinterpret_cast<const uint8_t*>(worker.slot) + descriptor.definition_offset + prefix,
                     attributes.data(), attributes.size()) == 0;
}

}  // namespace

int RegisterInstrument(const InstrumentSpec& spec) noexcept {
  const uint32_t bounds_at = static_cast<uint32_t>(RoundUp(registry.text_used, 8));
  const size_t bounds_bytes = spec.bounds.size_bytes();
  if (registry.instrument_count >= kMaxInstruments || spec.bounds.size() > 1024 ||
      bounds_at + bounds_bytes > kTextBytes) {
    return -1;
  }
  uint8_t* bounds = registry.text + bounds_at;
  if (bounds_bytes != 0) std::memcpy(bounds, spec.bounds.data(), bounds_bytes);
  Encoder encoder(bounds + bounds_bytes, kTextBytes - bounds_at - bounds_bytes);
  encoder.Put(spec.kind);
  encoder.Put(static_cast<uint8_t>(spec.is_int));
  if (spec.scope != kScopeLiteral) {
    encoder.Scope(spec.scope);
  } else {
    encoder.Scope(spec.scope_name, spec.scope_version, spec.scope_schema_url);
  }
  encoder.Text(spec.name);
  encoder.Text(spec.unit);
  encoder.Text(spec.description);
  encoder.Put(static_cast<uint16_t>(spec.bounds.size()));
  encoder.Bytes(bounds, bounds_bytes);
  if (encoder.overflowed()) return -1;
  registry.text_used = bounds_at + static_cast<uint32_t>(bounds_bytes + encoder.size());
  Instrument& instrument = registry.instruments[registry.instrument_count];
  instrument = {};
  instrument.prefix = encoder.start();
  instrument.prefix_bytes = static_cast<uint32_t>(encoder.size());
  instrument.bounds = reinterpret_cast<const double*>(bounds);
  instrument.bound_count = static_cast<uint16_t>(spec.bounds.size());
  instrument.kind = spec.kind;
  instrument.is_int = spec.is_int;
  return registry.instrument_count++;
}

const Series* FindSeries(int index, std::string_view attributes) noexcept {
  if (index < 0 || index >= registry.instrument_count) return nullptr;
  const uint64_t epoch = Epoch();
  const Worker worker = ThisWorker();
  if (epoch == 0 || worker.slot == nullptr) return nullptr;
  if (registry.epoch != epoch) StartProcess(epoch);
  Instrument& instrument = registry.instruments[index];
  if (instrument.epoch != epoch) StartInstrument(instrument);
  const uint64_t seed = static_cast<uint64_t>(index + 1) * 0x9E3779B97F4A7C15u;
  const uint64_t hash = uint64_t{Checksum(reinterpret_cast<const uint8_t*>(attributes.data()), attributes.size(), seed)}
                            << 32 |
                        Checksum(reinterpret_cast<const uint8_t*>(attributes.data()), attributes.size(), ~seed);
  uint32_t at = static_cast<uint32_t>(hash >> 32) % kTableSize;
  for (; registry.table[at] != 0; at = (at + 1) % kTableSize) {
    const uint32_t number = registry.table[at] - 1u;
    if (IsSame(worker, number, index, attributes, hash)) return &registry.series[number];
  }
  const uint32_t number = MakeSeries(worker, index, attributes, hash, false);
  if (number == UINT32_MAX) return OverflowSeries(worker, index);
  registry.table[at] = static_cast<uint16_t>(number + 1);
  return &registry.series[number];
}

void WriteExemplar(ExemplarCell& cell, double value, ExemplarSource source) noexcept {
  const uint32_t sequence = cell.sequence.load(std::memory_order_relaxed);
  // An odd one is left by a thread that was stopped in here for good; go on from it.
  cell.sequence.store(sequence | 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  uint64_t ids[3];
  std::memcpy(ids, source.trace_id, 16);
  std::memcpy(ids + 2, source.span_id, 8);
  cell.value_bits.store(std::bit_cast<uint64_t>(value), std::memory_order_relaxed);
  cell.unix_nanos.store(UnixNanos(), std::memory_order_relaxed);
  cell.trace_id[0].store(ids[0], std::memory_order_relaxed);
  cell.trace_id[1].store(ids[1], std::memory_order_relaxed);
  cell.span_id.store(ids[2], std::memory_order_relaxed);
  cell.sequence.store((sequence | 1) + 1, std::memory_order_release);
}

}  // namespace clew::agent::record
