// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/record.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "clew/base/bytes.h"

namespace clew::store::wal {
namespace {

constexpr uint32_t kRecordMagic = 0x52'57'4C'43;  // "CLWR"

// What a checksum covers: everything behind the checksum itself.
template <typename Header>
std::string_view Covered(const Header& header, size_t crc_end) {
  return base::BytesOf(header).substr(crc_end);
}
constexpr size_t kSegmentCrcEnd = offsetof(SegmentHeader, crc) + sizeof(uint32_t);
constexpr size_t kRecordCrcEnd = offsetof(RecordHeader, header_crc) + sizeof(uint32_t);

bool ParseDigits(std::string_view text, int base, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string_view TableName(Table table) {
  switch (table) {
    case Table::kSpans: return "spans";
    case Table::kLogs: return "logs";
    case Table::kSeries: return "series";
  }
  return "unknown";
}

std::string SegmentId::Name() const { return fmt::format("{:020}-{:016x}", first_sequence, salt); }

std::optional<SegmentId> SegmentId::FromName(std::string_view name) {
  SegmentId id;
  if (name.size() != 37 || name[20] != '-' || !ParseDigits(name.substr(0, 20), 10, id.first_sequence) ||
      !ParseDigits(name.substr(21), 16, id.salt)) {
    return std::nullopt;
  }
  return id;
}

std::string EncodeSegmentHeader(const SegmentId& id, base::UnixNanos created) {
  SegmentHeader header;
  header.salt = id.salt;
  header.first_sequence = id.first_sequence;
  header.created = created;
  header.crc = base::Crc32c(Covered(header, kSegmentCrcEnd));
  return std::string(base::BytesOf(header));
}

std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != SegmentHeader().magic || header.crc != base::Crc32c(Covered(header, kSegmentCrcEnd))) {
    return std::nullopt;
  }
  return header;
}

std::string EncodeRecordHeader(RecordHeader header) {
  header.magic = kRecordMagic;
  header.header_crc = base::Crc32c(Covered(header, kRecordCrcEnd));
  return std::string(base::BytesOf(header));
}

std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  RecordHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kRecordMagic || header.salt != salt ||
      header.header_crc != base::Crc32c(Covered(header, kRecordCrcEnd)) || header.payload_size > kMaxPayloadBytes ||
      header.kind < RecordKind::kRows || header.kind > RecordKind::kAside) {
    return std::nullopt;
  }
  return header;
}

std::string CutPayload::Token() const {
  return fmt::format("{:016x}-{}-{}-{}", epoch, TableName(table), first_sequence, last_sequence);
}

std::optional<CutPayload> DecodeCut(std::string_view payload) {
  CutPayload cut;
  if (payload.size() != sizeof cut) return std::nullopt;
  std::memcpy(&cut, payload.data(), sizeof cut);
  if (IndexOf(cut.table) >= kTableCount || cut.first_sequence > cut.last_sequence) return std::nullopt;
  return cut;
}

std::optional<std::vector<HashEntry>> DecodeHashes(std::string_view payload) {
  if (payload.size() % sizeof(HashEntry) != 0) return std::nullopt;
  std::vector<HashEntry> entries(payload.size() / sizeof(HashEntry));
  if (!entries.empty()) std::memcpy(entries.data(), payload.data(), payload.size());
  return entries;
}

}  // namespace clew::store::wal
