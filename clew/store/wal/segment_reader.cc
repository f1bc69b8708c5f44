// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/segment_reader.h"

#include <algorithm>

#include "clew/base/hash.h"

namespace clew::store::wal {
namespace {
constexpr uint64_t kWindowBytes = 256u << 10;
}  // namespace

SegmentReader::SegmentReader(std::unique_ptr<ByteSource> source, SegmentId id) : source_(std::move(source)), id_(id) {
  last_sequence_ = id_.first_sequence == 0 ? 0 : id_.first_sequence - 1;
  if (source_->size() == 0) return;
  const auto header = DecodeSegmentHeader(Fetch(0, kSegmentHeaderBytes));
  // Name and header say the same; where they differ the name is what deletion and order went by.
  damage_.bad_segment_header = !header || header->salt != id_.salt || header->first_sequence != id_.first_sequence;
  if (header) version_ = header->version;
  next_ = std::min<uint64_t>(kSegmentHeaderBytes, source_->size());
}

base::Status SegmentReader::CheckVersion() const {
  if (version_ <= kFormatVersion) return {};
  return base::Fail(base::Code::kFailedPrecondition,
                    "the write-ahead log was written by a newer version of Clew: start that version once and stop it, "
                    "so that it empties the log");
}

std::string_view SegmentReader::Fetch(uint64_t offset, uint64_t count) {
  count = std::min(count, source_->size() - offset);
  if (offset < window_start_ || offset + count > window_start_ + window_.size()) {
    window_.resize(std::min(std::max(count, kWindowBytes), source_->size() - offset));
    window_start_ = offset;
    source_->ReadAt(offset, window_);
  }
  const std::string_view window(window_.data(), window_.size());
  return window.substr(offset - window_start_);
}

std::optional<RecordHeader> SegmentReader::HeaderAt(uint64_t offset) {
  if (source_->size() - offset < kRecordHeaderBytes) return std::nullopt;
  auto header = DecodeRecordHeader(Fetch(offset, kRecordHeaderBytes), id_.salt);
  // A number that falls cannot be of this place; a payload that the file has no room for was cut off.
  if (!header || header->sequence <= last_sequence_ ||
      PaddedSize(header->payload_size) > source_->size() - offset - kRecordHeaderBytes) {
    return std::nullopt;
  }
  return header;
}

std::optional<uint64_t> SegmentReader::FindHeader(uint64_t offset) {
  for (offset = PaddedSize(offset); offset + kRecordHeaderBytes <= source_->size(); offset += 8) {
    if (HeaderAt(offset)) return offset;
  }
  return std::nullopt;
}

std::optional<RecordHeader> SegmentReader::Next() {
  if (next_ >= source_->size()) return std::nullopt;
  auto header = HeaderAt(next_);
  if (!header) {
    const auto found = FindHeader(next_ + 1);
    if (!found) {
      damage_.tail_bytes = source_->size() - next_;
      next_ = source_->size();
      return std::nullopt;
    }
    damage_.skipped_bytes += *found - next_;
    next_ = *found;
    header = HeaderAt(next_);
  }
  current_ = *header;
  payload_counted_ = false;
  last_sequence_ = current_.sequence;
  payload_ = next_ + kRecordHeaderBytes;
  next_ = payload_ + PaddedSize(current_.payload_size);
  return header;
}

std::optional<std::string> SegmentReader::ReadPayload() {
  std::string payload;
  const uint64_t size = current_.payload_size;
  if (size <= kWindowBytes) {
    payload = Fetch(payload_, size).substr(0, size);
  } else {
    payload.resize(size);
    source_->ReadAt(payload_, payload);
  }
  if (base::Crc32c(payload) == current_.payload_crc) return payload;
  if (!payload_counted_) ++damage_.damaged_payloads;
  payload_counted_ = true;
  return std::nullopt;
}

}  // namespace clew::store::wal
