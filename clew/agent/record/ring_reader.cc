// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/ring_reader.h"

#include <algorithm>
#include <cstring>

namespace clew::agent::record {

RingReader::RingReader(const ArenaView& arena, uint32_t ring)
    : slot_(arena.ring(ring)),
      bytes_(arena.ring_bytes(ring)),
      ring_(ring),
      size_(arena.shape().ring_bytes),
      copy_(std::make_unique<uint8_t[]>(kMaxRecordBytes)) {}

uint64_t RingReader::Pending() const {
  const uint64_t head = slot_.head.load(std::memory_order_acquire);
  return head - slot_.tail.load(std::memory_order_relaxed);
}

RingReader::Poll RingReader::Drain(const Visit& visit) {
  Poll poll;
  const uint64_t head = slot_.head.load(std::memory_order_acquire);
  uint64_t tail = slot_.tail.load(std::memory_order_relaxed);
  if (head == tail) return poll;
  const uint64_t base = slot_.base.load(std::memory_order_relaxed);
  const auto skip_all = [&] {
    ++poll.broken;
    poll.skipped_bytes += head - tail;
    tail = head;
  };
  if (head - tail > size_ || (head | tail | base) % 8 != 0) skip_all();

  uint64_t released = tail;
  while (tail != head) {
    const uint64_t offset = (tail - base) & (size_ - 1);
    const uint64_t limit = std::min<uint64_t>(head - tail, size_ - offset);
    // Eight bytes are always there: positions are multiples of 8 and so is the ring.
    RecordHeader header;
    std::memcpy(&header, bytes_ + offset, 8);
    if (header.type == static_cast<uint16_t>(RecordType::kPad)) {
      if (header.bytes < 8 || header.bytes % 8 != 0 || header.bytes > limit) {
        skip_all();
        break;
      }
      tail += header.bytes;
      continue;
    }
    const uint64_t padded = RoundUp(header.bytes, 8);
    if (header.bytes < sizeof header || header.bytes > kMaxRecordBytes || padded > limit) {
      skip_all();
      break;
    }
    // The copy is what is checked and read: the ring may change under a reader's eyes.
    const uint32_t bytes = header.bytes;
    std::memcpy(copy_.get(), bytes_ + offset, bytes);
    std::memcpy(&header, copy_.get(), sizeof header);
    const uint8_t* payload = copy_.get() + sizeof header;
    if (header.bytes != bytes || RecordSum(header, payload) != header.sum) {
      ++poll.broken;
    } else {
      ++poll.records;
      poll.bytes += bytes;
      visit(header, {reinterpret_cast<const char*>(payload), bytes - sizeof header});
    }
    tail += padded;
    if (tail - released >= size_ / 4) {
      slot_.tail.store(tail, std::memory_order_release);
      released = tail;
    }
  }
  slot_.tail.store(tail, std::memory_order_release);
  return poll;
}

}  // namespace clew::agent::record
