// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/hash.h"
#include "clew/base/time.h"

// The bytes of the log, as docs/reference/write-ahead-log.md describes them. Everything is little-endian and begins at
// a multiple of eight.
namespace clew::store::wal {

// Where rows go; a record may hold rows for several.
enum class Table : uint8_t { kSpans = 0, kLogs = 1, kSeries = 2 };
inline constexpr size_t kTableCount = 3;
inline constexpr std::array<Table, kTableCount> kTables{Table::kSpans, Table::kLogs, Table::kSeries};
// "spans", "logs", "series".
std::string_view TableName(Table table);
inline constexpr size_t IndexOf(Table table) { return static_cast<size_t>(table); }
inline constexpr uint8_t BitOf(Table table) { return static_cast<uint8_t>(1U << IndexOf(table)); }

// Names one segment. The salt is random: no payload can hold bytes that pass for a record of its segment.
struct SegmentId {
  uint64_t first_sequence = 0;
  uint64_t salt = 0;
  auto operator<=>(const SegmentId&) const = default;
  // "00000000000000000042-0123456789abcdef", the file's name without its ending.
  std::string Name() const;
  static std::optional<SegmentId> FromName(std::string_view name);
};

inline constexpr uint32_t kFormatVersion = 1;

// First bytes of every segment.
struct SegmentHeader {
  std::array<char, 8> magic{'C', 'L', 'E', 'W', 'W', 'A', 'L', '\n'};
  uint32_t crc = 0;  // of the bytes behind it
  uint32_t version = kFormatVersion;
  uint64_t salt = 0;
  uint64_t first_sequence = 0;
  int64_t created = 0;  // Unix nanoseconds
  std::array<uint64_t, 3> reserved{};
};
inline constexpr size_t kSegmentHeaderBytes = sizeof(SegmentHeader);
static_assert(kSegmentHeaderBytes == 64);

std::string EncodeSegmentHeader(const SegmentId& id, base::UnixNanos created);
// nullopt: damaged. The version may be a later one.
std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

enum class RecordKind : uint8_t {
  kRows = 1,    // one acknowledged request of one tenant
  kCut = 2,     // rows that go into their table as one block: logged before they do
  kDone = 3,    // that cut is in its table, synced
  kHashes = 4,  // body hashes of a segment that was deleted
  kAside = 5,   // rows that can never go in: their segments are kept aside instead of deleted
};

// Stands before every payload.
struct RecordHeader {
  uint32_t magic = 0;
  uint32_t header_crc = 0;  // of the bytes behind it
  uint64_t salt = 0;
  uint64_t sequence = 0;
  int64_t time = 0;  // arrival, Unix nanoseconds; partitions and retention go by it
  base::Hash128 body_hash;
  uint32_t payload_size = 0;
  uint32_t payload_crc = 0;
  uint32_t rejected = 0;  // rows of the request that limits refused, for the answer to a repetition
  RecordKind kind = RecordKind::kRows;
  uint8_t tables = 0;  // BitOf() of each table it has rows for
  uint16_t reserved = 0;
};
inline constexpr size_t kRecordHeaderBytes = sizeof(RecordHeader);
static_assert(kRecordHeaderBytes == 64);
inline constexpr uint64_t kMaxPayloadBytes = 1U << 30;

inline constexpr uint64_t PaddedSize(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

// Fills in magic and header_crc and gives the bytes.
std::string EncodeRecordHeader(RecordHeader header);
// nullopt: not the header of a record of this segment.
std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt);

// Payload of kCut, kDone and kAside: the rows of `table` in the records first_sequence to last_sequence. `epoch` is
// random for each opening of the log, so that a token never comes twice, even where a log was lost and numbers start
// anew.
struct CutPayload {
  uint64_t epoch = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  uint64_t rows = 0;
  Table table = Table::kSpans;
  std::array<uint8_t, 7> reserved{};
  bool operator==(const CutPayload&) const = default;
  // The deduplication token of its INSERT.
  std::string Token() const;
};
static_assert(sizeof(CutPayload) == 40);
std::optional<CutPayload> DecodeCut(std::string_view payload);

// Element of the payload of kHashes.
struct HashEntry {
  base::Hash128 hash;
  int64_t time = 0;
  uint64_t rejected = 0;
};
static_assert(sizeof(HashEntry) == 32);
std::optional<std::vector<HashEntry>> DecodeHashes(std::string_view payload);

}  // namespace clew::store::wal
