// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

#include "clew/agent/record/encoder.h"
#include "clew/agent/record/layout.h"

// Metric cells of the calling process. One writer: the caller serialises all calls of a process (the extension by its
// interpreter's lock). Nothing allocates from the heap; a new label set takes its memory from the worker's heap in the
// arena, and where that is full its instrument's overflow series counts (attribute otel.metric.overflow).
namespace clew::agent::record {

struct InstrumentSpec {
  MetricKind kind = MetricKind::kCounter;
  bool is_int = false;
  KnownScope scope = kScopeLiteral;
  std::string_view scope_name;  // of kScopeLiteral
  std::string_view scope_version;
  std::string_view scope_schema_url;
  std::string_view name;
  std::string_view unit;
  std::string_view description;
  std::span<const double> bounds;  // kHistogram: ascending
};

// An index below kMaxInstruments, kept over forks; -1 where there is no room. The texts are copied.
int RegisterInstrument(const InstrumentSpec& spec) noexcept;
inline constexpr int kMaxInstruments = 512;

// One series of the calling process; valid while Epoch() stays what it was.
struct Series {
  void* cell = nullptr;
  ExemplarCell* exemplars = nullptr;
  const double* bounds = nullptr;
  uint16_t bound_count = 0;
  MetricKind kind = MetricKind::kCounter;
  bool is_int = false;
};

// The series of an encoded attribute list (count and rows), made on first sight; nullptr while off. The order of
// attributes counts: callers write them always in the same one.
const Series* FindSeries(int instrument, std::string_view attributes) noexcept;

struct ExemplarSource {
  const uint8_t* trace_id = nullptr;  // nullptr: no sampled span
  const uint8_t* span_id = nullptr;
};

inline void Store(std::atomic<uint64_t>& cell, uint64_t bits) noexcept { cell.store(bits, std::memory_order_relaxed); }

// Load and store instead of a locked add: there is one writer.
inline void Add(const Series& series, int64_t amount) noexcept {
  auto& bits = static_cast<NumberCell*>(series.cell)->bits;
  const uint64_t old = bits.load(std::memory_order_relaxed);
  if (series.is_int) {
    Store(bits, old + static_cast<uint64_t>(amount));
  } else {
    Store(bits, std::bit_cast<uint64_t>(std::bit_cast<double>(old) + static_cast<double>(amount)));
  }
}
inline void Add(const Series& series, double amount) noexcept {
  auto& bits = static_cast<NumberCell*>(series.cell)->bits;
  const uint64_t old = bits.load(std::memory_order_relaxed);
  if (series.is_int) {
    Store(bits, old + static_cast<uint64_t>(static_cast<int64_t>(amount)));
  } else {
    Store(bits, std::bit_cast<uint64_t>(std::bit_cast<double>(old) + amount));
  }
}
inline void Set(const Series& series, double value) noexcept {
  Store(static_cast<NumberCell*>(series.cell)->bits,
        series.is_int ? static_cast<uint64_t>(static_cast<int64_t>(value)) : std::bit_cast<uint64_t>(value));
}
void WriteExemplar(ExemplarCell& cell, double value, ExemplarSource source) noexcept;

// Bucket i counts values in (bounds[i-1], bounds[i]]; the last one the rest, NaN included.
inline void Observe(const Series& series, double value, ExemplarSource source) noexcept {
  auto* cell = static_cast<HistogramCell*>(series.cell);
  uint16_t bucket = 0;
  while (bucket < series.bound_count && !(value <= series.bounds[bucket])) ++bucket;
  Store(cell->sum_bits,
        std::bit_cast<uint64_t>(std::bit_cast<double>(cell->sum_bits.load(std::memory_order_relaxed)) + value));
  Store(cell->buckets[bucket], cell->buckets[bucket].load(std::memory_order_relaxed) + 1);
  if (source.trace_id != nullptr && series.exemplars != nullptr) {
    WriteExemplar(series.exemplars[bucket], value, source);
  }
}

}  // namespace clew::agent::record
