// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clew/store/wal/files.h"
#include "clew/store/wal/record.h"

namespace clew::store::wal {

// What of a segment could not be read.
struct Damage {
  bool bad_segment_header = false;
  uint64_t skipped_bytes = 0;     // between good records
  uint64_t damaged_payloads = 0;  // behind a good header
  // Behind the last good record: a write that the crash cut off, or worse where other bytes than zeros stand there.
  uint64_t tail_bytes = 0;

  bool any() const { return bad_segment_header || skipped_bytes > 0 || damaged_payloads > 0 || tail_bytes > 0; }
};

// Reads one segment from its beginning, whatever its bytes: gives every record that is provably whole, in order, and
// steps over the rest. Holds one window of bytes, or one payload. One thread at a time.
class SegmentReader {
 public:
  SegmentReader(std::unique_ptr<ByteSource> source, SegmentId id);

  // FAILED_PRECONDITION where a newer Clew wrote the segment; a damaged header is damage.
  base::Status CheckVersion() const;

  // The header of the next record; nullopt: there is none. Numbers rise.
  std::optional<RecordHeader> Next();
  // The payload of the record that Next gave last; nullopt: it is damaged, and counted once.
  std::optional<std::string> ReadPayload();

  // Complete once Next gave nullopt; of payloads only those that were read.
  const Damage& damage() const { return damage_; }
  uint64_t size() const { return source_->size(); }

 private:
  // At least min(count, what is left) bytes from `offset` on.
  std::string_view Fetch(uint64_t offset, uint64_t count);
  std::optional<RecordHeader> HeaderAt(uint64_t offset);
  std::optional<uint64_t> FindHeader(uint64_t offset);

  std::unique_ptr<ByteSource> source_;
  SegmentId id_;
  uint32_t version_ = kFormatVersion;
  uint64_t next_ = 0;     // where the next header is expected
  uint64_t payload_ = 0;  // of the current record
  RecordHeader current_;
  bool payload_counted_ = false;
  uint64_t last_sequence_ = 0;
  Damage damage_;
  std::vector<char> window_;
  uint64_t window_start_ = 0;
};

}  // namespace clew::store::wal
