// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "clew/agent/record/layout.h"
#include "clew/agent/record/record_format.h"

// Reads the payloads of record_format.h. Bytes are foreign: every read is bounds-checked, nothing allocates, and all
// views point into the bytes given, which must outlive them. Callable from any thread.
namespace clew::agent::record {

class AttributeReader;
class ValueReader;

// One value. `text` is that of strings and bytes; arrays and lists are read on with elements() and attributes().
struct ValueView {
  ValueType type = ValueType::kEmpty;
  uint32_t count = 0;  // of an array or list
  int64_t int_value = 0;
  double double_value = 0;
  bool bool_value = false;
  std::string_view text;  // of an array or list: its encoded elements

  inline ValueReader elements() const;        // kArray
  inline AttributeReader attributes() const;  // kKeyValueList
};

struct AttributeView {
  KnownKey known = kKeyLiteral;  // which of kKnownKeys, or kKeyLiteral
  std::string_view key;
  ValueView value;
};

// An attribute list that has been checked: count and encoded bytes.
struct AttributeList {
  uint32_t count = 0;
  std::string_view bytes;
};

namespace internal {

// A bounds-checked cursor. Once a read fails, ok() is false for good and all further reads give zeros.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return at_ == end_; }
  const char* position() const { return at_; }

  template <typename T>
  T Read() {
    T value{};
    if (!Has(sizeof(T))) return value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string_view Bytes(size_t size) {
    if (!Has(size)) return {};
    std::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }
  std::string_view Text() { return Bytes(Read<uint32_t>()); }
  void Fail() { ok_ = false; }

  void Key(AttributeView& out) {
    const uint8_t code = Read<uint8_t>();
    if (code >= kKnownKeyCount) return Fail();
    out.known = static_cast<KnownKey>(code);
    out.key = code == kKeyLiteral ? Bytes(Read<uint16_t>()) : kKnownKeys[code];
  }

  ValueView Value(int depth) {
    ValueView value;
    const uint8_t type = Read<uint8_t>();
    if (!ok_ || type > static_cast<uint8_t>(ValueType::kKeyValueList) || depth > kMaxValueDepth) {
      Fail();
      return value;
    }
    value.type = static_cast<ValueType>(type);
    switch (value.type) {
      case ValueType::kEmpty: break;
      case ValueType::kString:
      case ValueType::kBytes: value.text = Text(); break;
      case ValueType::kBool: value.bool_value = Read<uint8_t>() != 0; break;
      case ValueType::kInt: value.int_value = Read<int64_t>(); break;
      case ValueType::kDouble: value.double_value = Read<double>(); break;
      case ValueType::kArray: {
        value.count = Read<uint16_t>();
        const char* start = at_;
        for (uint32_t i = 0; i < value.count && ok_; ++i) Value(depth + 1);
        if (ok_) value.text = {start, static_cast<size_t>(at_ - start)};
        break;
      }
      case ValueType::kKeyValueList: {
        const AttributeList list = Attributes(depth + 1);
        value.count = list.count;
        value.text = list.bytes;
        break;
      }
    }
    return value;
  }

  AttributeList Attributes(int depth = 0) {
    AttributeList list;
    list.count = Read<uint16_t>();
    const char* start = at_;
    for (uint32_t i = 0; i < list.count && ok_; ++i) {
      AttributeView attribute;
      Key(attribute);
      Value(depth);
    }
    if (!ok_) return {};
    list.bytes = {start, static_cast<size_t>(at_ - start)};
    return list;
  }

 private:
  bool Has(size_t size) {
    if (ok_ && static_cast<size_t>(end_ - at_) >= size) return true;
    ok_ = false;
    return false;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace internal

// Walks an attribute list: while (reader.Next(attribute)) …
class AttributeReader {
 public:
  explicit AttributeReader(const AttributeList& list) : cursor_(list.bytes), left_(list.count) {}
  bool Next(AttributeView& attribute) {
    if (left_ == 0) return false;
    --left_;
    attribute = {};
    cursor_.Key(attribute);
    attribute.value = cursor_.Value(0);
    return cursor_.ok();
  }

 private:
  internal::Cursor cursor_;
  uint32_t left_;
};

// Walks the elements of an array.
class ValueReader {
 public:
  ValueReader(std::string_view bytes, uint32_t count) : cursor_(bytes), left_(count) {}
  bool Next(ValueView& value) {
    if (left_ == 0) return false;
    --left_;
    value = cursor_.Value(0);
    return cursor_.ok();
  }

 private:
  internal::Cursor cursor_;
  uint32_t left_;
};

ValueReader ValueView::elements() const { return {text, count}; }
AttributeReader ValueView::attributes() const { return AttributeReader({count, text}); }

struct ScopeView {
  KnownScope known = kScopeLiteral;
  std::string_view name;
  std::string_view version;
  std::string_view schema_url;
};

struct EventView {
  int64_t time = 0;
  bool time_is_unix = false;
  uint32_t dropped_attributes = 0;
  std::string_view name;
  AttributeList attributes;
};

struct LinkView {
  uint8_t trace_id[16] = {};
  uint8_t span_id[8] = {};
  uint32_t flags = 0;
  uint32_t dropped_attributes = 0;
  std::string_view trace_state;
  AttributeList attributes;
};

namespace internal {

inline ScopeView ReadScope(Cursor& cursor) {
  ScopeView scope;
  const uint8_t code = cursor.Read<uint8_t>();
  if (code >= kKnownScopeCount) {
    cursor.Fail();
    return scope;
  }
  scope.known = static_cast<KnownScope>(code);
  if (code == kScopeLiteral) {
    scope.name = cursor.Text();
    scope.version = cursor.Text();
    scope.schema_url = cursor.Text();
  } else {
    scope.name = kKnownScopes[code];
    scope.version = kScopeVersion;
    scope.schema_url = kSchemaUrl;
  }
  return scope;
}

inline EventView ReadEvent(Cursor& cursor) {
  EventView event;
  event.time = cursor.Read<int64_t>();
  event.time_is_unix = cursor.Read<uint8_t>() != 0;
  event.dropped_attributes = cursor.Read<uint32_t>();
  event.name = cursor.Text();
  event.attributes = cursor.Attributes();
  return event;
}

inline LinkView ReadLink(Cursor& cursor) {
  LinkView link;
  const std::string_view ids = cursor.Bytes(sizeof link.trace_id + sizeof link.span_id);
  if (!cursor.ok()) return link;
  std::memcpy(link.trace_id, ids.data(), sizeof link.trace_id);
  std::memcpy(link.span_id, ids.data() + sizeof link.trace_id, sizeof link.span_id);
  link.flags = cursor.Read<uint32_t>();
  link.dropped_attributes = cursor.Read<uint32_t>();
  link.trace_state = cursor.Text();
  link.attributes = cursor.Attributes();
  return link;
}

}  // namespace internal

class EventReader {
 public:
  EventReader(std::string_view bytes, uint32_t count) : cursor_(bytes), left_(count) {}
  bool Next(EventView& event) {
    if (left_ == 0) return false;
    --left_;
    event = internal::ReadEvent(cursor_);
    return cursor_.ok();
  }

 private:
  internal::Cursor cursor_;
  uint32_t left_;
};

class LinkReader {
 public:
  LinkReader(std::string_view bytes, uint32_t count) : cursor_(bytes), left_(count) {}
  bool Next(LinkView& link) {
    if (left_ == 0) return false;
    --left_;
    link = internal::ReadLink(cursor_);
    return cursor_.ok();
  }

 private:
  internal::Cursor cursor_;
  uint32_t left_;
};

struct SpanView {
  SpanFixed fixed{};
  ScopeView scope;
  std::string_view name;
  std::string_view trace_state;
  std::string_view status_message;
  AttributeList attributes;
  uint32_t event_count = 0;
  std::string_view event_bytes;
  uint32_t link_count = 0;
  std::string_view link_bytes;

  EventReader events() const { return {event_bytes, event_count}; }
  LinkReader links() const { return {link_bytes, link_count}; }
};

struct LogView {
  LogFixed fixed{};
  ScopeView scope;
  std::string_view severity_text;
  std::string_view event_name;
  ValueView body;
  AttributeList attributes;
};

struct NoteView {
  NoteKind kind = NoteKind::kInfo;
  std::string_view text;
};

struct DefinitionView {
  MetricKind kind = MetricKind::kCounter;
  bool is_int = false;
  ScopeView scope;
  std::string_view name;
  std::string_view unit;
  std::string_view description;
  uint32_t bound_count = 0;
  std::string_view bound_bytes;
  AttributeList attributes;

  double bound(uint32_t index) const {
    double value;
    std::memcpy(&value, bound_bytes.data() + sizeof value * index, sizeof value);
    return value;
  }
};

// Each gives nothing where the payload is not wholly well-formed, its nested parts included, so that readers made from
// a view never fail.
inline std::optional<SpanView> DecodeSpan(std::string_view payload) {
  internal::Cursor cursor(payload);
  SpanView span;
  span.fixed = cursor.Read<SpanFixed>();
  span.scope = internal::ReadScope(cursor);
  span.name = cursor.Text();
  span.trace_state = cursor.Text();
  span.status_message = cursor.Text();
  span.attributes = cursor.Attributes();
  span.event_count = cursor.Read<uint16_t>();
  const char* start = cursor.position();
  for (uint32_t i = 0; i < span.event_count && cursor.ok(); ++i) internal::ReadEvent(cursor);
  span.event_bytes = {start, static_cast<size_t>(cursor.position() - start)};
  span.link_count = cursor.Read<uint16_t>();
  start = cursor.position();
  for (uint32_t i = 0; i < span.link_count && cursor.ok(); ++i) internal::ReadLink(cursor);
  span.link_bytes = {start, static_cast<size_t>(cursor.position() - start)};
  if (!cursor.ok() || !cursor.AtEnd()) return std::nullopt;
  return span;
}

inline std::optional<LogView> DecodeLog(std::string_view payload) {
  internal::Cursor cursor(payload);
  LogView log;
  log.fixed = cursor.Read<LogFixed>();
  log.scope = internal::ReadScope(cursor);
  log.severity_text = cursor.Text();
  log.event_name = cursor.Text();
  log.body = cursor.Value(0);
  log.attributes = cursor.Attributes();
  if (!cursor.ok() || !cursor.AtEnd()) return std::nullopt;
  return log;
}

inline std::optional<NoteView> DecodeNote(std::string_view payload) {
  internal::Cursor cursor(payload);
  NoteView note;
  const uint8_t kind = cursor.Read<uint8_t>();
  note.text = cursor.Text();
  if (!cursor.ok() || !cursor.AtEnd() || kind < 1 || kind > 2) return std::nullopt;
  note.kind = static_cast<NoteKind>(kind);
  return note;
}

// A worker's identity.
inline std::optional<AttributeList> DecodeAttributes(std::string_view bytes) {
  internal::Cursor cursor(bytes);
  const AttributeList list = cursor.Attributes();
  if (!cursor.ok() || !cursor.AtEnd()) return std::nullopt;
  return list;
}

inline std::optional<DefinitionView> DecodeDefinition(std::string_view bytes) {
  internal::Cursor cursor(bytes);
  DefinitionView definition;
  const uint8_t kind = cursor.Read<uint8_t>();
  definition.is_int = cursor.Read<uint8_t>() != 0;
  definition.scope = internal::ReadScope(cursor);
  definition.name = cursor.Text();
  definition.unit = cursor.Text();
  definition.description = cursor.Text();
  definition.bound_count = cursor.Read<uint16_t>();
  definition.bound_bytes = cursor.Bytes(size_t{definition.bound_count} * sizeof(double));
  definition.attributes = cursor.Attributes();
  if (!cursor.ok() || !cursor.AtEnd() || kind < 1 || kind > 4) return std::nullopt;
  definition.kind = static_cast<MetricKind>(kind);
  return definition;
}

// One series of a worker with its values read once. Buckets point into the arena.
struct SeriesView {
  DefinitionView definition;
  uint64_t number_bits = 0;                        // not kHistogram; int64 or double by definition.is_int
  double sum = 0;                                  // kHistogram
  const std::atomic<uint64_t>* buckets = nullptr;  // kHistogram: bound_count + 1, read relaxed
  const ExemplarCell* exemplars = nullptr;
  uint32_t exemplar_count = 0;

  double number() const {
    return definition.is_int ? static_cast<double>(static_cast<int64_t>(number_bits))
                             : std::bit_cast<double>(number_bits);
  }
};

// How many series of a worker may be read: what its owner has published, within bounds.
inline uint32_t SeriesCount(const ArenaView& arena, uint32_t worker) {
  const uint32_t count = arena.worker(worker).series_count.load(std::memory_order_acquire);
  return count <= arena.shape().max_series ? count : arena.shape().max_series;
}

// The bytes at an offset of a worker's area; nothing where they do not lie within it.
inline std::optional<std::string_view> WorkerBytes(const ArenaView& arena, uint32_t worker, uint32_t offset,
                                                   uint32_t bytes) {
  const uint32_t limit = arena.shape().worker_bytes;
  if (offset < kSeriesOffset || offset > limit || bytes > limit - offset) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(arena.base() + arena.worker_offset(worker) + offset), bytes);
}

// Series `index` < SeriesCount(); nothing where its descriptor is broken.
inline std::optional<SeriesView> ReadSeries(const ArenaView& arena, uint32_t worker, uint32_t index) {
  const SeriesDescriptor descriptor = arena.series(worker)[index];
  const auto bytes = WorkerBytes(arena, worker, descriptor.definition_offset, descriptor.definition_bytes);
  if (!bytes) return std::nullopt;
  const auto definition = DecodeDefinition(*bytes);
  if (!definition || definition->kind != descriptor.kind) return std::nullopt;
  SeriesView series;
  series.definition = *definition;
  const bool histogram = descriptor.kind == MetricKind::kHistogram;
  if (histogram && descriptor.bucket_count != definition->bound_count + 1) return std::nullopt;
  const uint32_t value_bytes = histogram ? 8u + 8u * descriptor.bucket_count : 8u;
  const auto value = WorkerBytes(arena, worker, descriptor.value_offset, value_bytes);
  if (!value || descriptor.value_offset % 8 != 0) return std::nullopt;
  if (histogram) {
    const auto* cell = reinterpret_cast<const HistogramCell*>(value->data());
    series.sum = std::bit_cast<double>(cell->sum_bits.load(std::memory_order_relaxed));
    series.buckets = cell->buckets;
  } else {
    series.number_bits = reinterpret_cast<const NumberCell*>(value->data())->bits.load(std::memory_order_relaxed);
  }
  if (descriptor.exemplar_offset != 0 && descriptor.exemplar_offset % 8 == 0) {
    const auto exemplars = WorkerBytes(arena, worker, descriptor.exemplar_offset,
                                       uint32_t{descriptor.exemplar_count} * uint32_t{sizeof(ExemplarCell)});
    if (exemplars) {
      series.exemplars = reinterpret_cast<const ExemplarCell*>(exemplars->data());
      series.exemplar_count = descriptor.exemplar_count;
    }
  }
  return series;
}

struct ExemplarView {
  double value = 0;
  int64_t unix_nanos = 0;
  uint8_t trace_id[16] = {};
  uint8_t span_id[8] = {};
};

// The exemplar in a cell; nothing while there is none or it is being written.
inline std::optional<ExemplarView> ReadExemplar(const ExemplarCell& cell) {
  const uint32_t before = cell.sequence.load(std::memory_order_acquire);
  if (before == 0 || before % 2 != 0) return std::nullopt;
  ExemplarView exemplar;
  exemplar.value = std::bit_cast<double>(cell.value_bits.load(std::memory_order_relaxed));
  exemplar.unix_nanos = cell.unix_nanos.load(std::memory_order_relaxed);
  const uint64_t trace_id[2] = {cell.trace_id[0].load(std::memory_order_relaxed),
                                cell.trace_id[1].load(std::memory_order_relaxed)};
  const uint64_t span_id = cell.span_id.load(std::memory_order_relaxed);
  std::memcpy(exemplar.trace_id, trace_id, sizeof trace_id);
  std::memcpy(exemplar.span_id, &span_id, sizeof span_id);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (cell.sequence.load(std::memory_order_relaxed) != before) return std::nullopt;
  return exemplar;
}

}  // namespace clew::agent::record
