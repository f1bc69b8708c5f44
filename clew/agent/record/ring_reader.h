// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "clew/agent/record/layout.h"
#include "clew/agent/record/record_format.h"

namespace clew::agent::record {

// The drainer's end of one ring. Everything it reads is foreign: lengths are bounded, records are copied out and their
// sums checked on the copy. One thread at a time. Keeps only the expected sequence between polls.
class RingReader {
 public:
  struct Poll {
    uint64_t records = 0;
    uint64_t bytes = 0;
    // Records whose sum or length was wrong; after a wrong length the rest up to head is skipped, unread.
    uint64_t broken = 0;
    uint64_t skipped_bytes = 0;
  };
  // The payload is valid during the call.
  using Visit = std::function<void(const RecordHeader& header, std::string_view payload)>;

  RingReader(const ArenaView& arena, uint32_t ring);

  // Hands over every record published so far, in order, and gives their room back, at the latest every quarter ring.
  Poll Drain(const Visit& visit);
  // Bytes that wait.
  uint64_t Pending() const;
  uint32_t ring() const { return ring_; }

 private:
  RingSlot& slot_;
  const uint8_t* bytes_;
  uint32_t ring_;
  uint32_t size_;
  std::unique_ptr<uint8_t[]> copy_;
};

}  // namespace clew::agent::record
