// SPDX-License-Identifier: Apache-2.0
// A ring full of foreign bytes. First byte: low nibble the type, and in its high nibble 0: the rest is one payload,
// framed with a right sum so that decoding is reached; 1: the rest is the ring as it lies, with head, tail and base
// from its first bytes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "clew/agent/record/record_reader.h"
#include "clew/agent/record/ring_reader.h"

namespace {

using namespace clew::agent::record;

uint64_t seen = 0;

void Walk(const ValueView& value) {
  seen += value.text.size();
  if (value.type == ValueType::kArray) {
    ValueReader elements = value.elements();
    ValueView element;
    while (elements.Next(element)) Walk(element);
  } else if (value.type == ValueType::kKeyValueList) {
    AttributeReader attributes = value.attributes();
    AttributeView attribute;
    while (attributes.Next(attribute)) Walk(attribute.value);
  }
}

void Walk(const AttributeList& list) {
  AttributeReader attributes(list);
  AttributeView attribute;
  while (attributes.Next(attribute)) {
    seen += attribute.key.size();
    Walk(attribute.value);
  }
}

void WalkPayload(std::string_view payload) {
  if (const auto span = DecodeSpan(payload)) {
    Walk(span->attributes);
    EventReader events = span->events();
    EventView event;
    while (events.Next(event)) Walk(event.attributes);
    LinkReader links = span->links();
    LinkView link;
    while (links.Next(link)) Walk(link.attributes);
  }
  if (const auto log = DecodeLog(payload)) {
    Walk(log->body);
    Walk(log->attributes);
  }
  if (const auto note = DecodeNote(payload)) seen += note->text.size();
  if (const auto list = DecodeAttributes(payload)) Walk(*list);
  if (const auto definition = DecodeDefinition(payload)) {
    Walk(definition->attributes);
    for (uint32_t i = 0; i < definition->bound_count; ++i) seen += definition->bound(i) > 0;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const Shape shape = [] {
    Shape small;
    small.ring_count = 1;
    small.ring_bytes = 4 * kMaxRecordBytes;
    small.span_slots = 1;
    small.worker_count = 1;
    small.worker_bytes = 2 * kPageBytes;
    small.max_series = 4;
    return small;
  }();
  static std::vector<uint64_t> memory(OffsetsOf(shape).total / 8);
  const ArenaView arena(reinterpret_cast<uint8_t*>(memory.data()), shape);
  RingSlot& slot = arena.ring(0);
  uint8_t* ring = arena.ring_bytes(0);
  const uint8_t mode = data[0] >> 4;
  const auto type = static_cast<uint16_t>(data[0] & 15);
  ++data;
  --size;
  if (mode == 0) {
    if (size > kMaxRecordBytes - sizeof(RecordHeader)) return 0;
    RecordHeader header{static_cast<uint32_t>(size + sizeof header), type, 0, 0, 1};
    header.sum = RecordSum(header, data);
    std::memcpy(ring, &header, sizeof header);
    std::memcpy(ring + sizeof header, data, size);
    slot.base = slot.tail = 0;
    slot.head = RoundUp(header.bytes, 8);
  } else {
    uint64_t at[3] = {};
    const size_t used = size < sizeof at ? size : sizeof at;
    std::memcpy(at, data, used);
    const size_t bytes = size - used < shape.ring_bytes ? size - used : shape.ring_bytes;
    std::memcpy(ring, data + used, bytes);
    slot.head = at[0];
    slot.tail = at[1];
    slot.base = at[2];
  }
  RingReader reader(arena, 0);
  reader.Drain([](const RecordHeader&, std::string_view payload) { WalkPayload(payload); });
  if (slot.tail != slot.head) __builtin_trap();
  return 0;
}
