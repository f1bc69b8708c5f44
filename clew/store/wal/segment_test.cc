// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "clew/base/bytes.h"
#include "clew/base/hash.h"
#include "clew/store/wal/segment_reader.h"
#include "clew/store/wal/test_batches.h"

namespace clew::store::wal {
namespace {

constexpr SegmentId kId{10, 0xfeedfacecafebeef};

struct Written {
  uint64_t sequence = 0;
  std::string payload;
  uint64_t start = 0;
  uint64_t end = 0;
};

struct TestSegment {
  std::string bytes = EncodeSegmentHeader(kId, 1);
  std::vector<Written> records;

  void Add(std::string payload) {
    RecordHeader header;
    header.salt = kId.salt;
    header.sequence = kId.first_sequence + records.size();
    header.payload_size = static_cast<uint32_t>(payload.size());
    header.payload_crc = base::Crc32c(payload);
    const uint64_t start = bytes.size();
    bytes += EncodeRecordHeader(header) + payload;
    bytes.resize(PaddedSize(bytes.size()));
    records.push_back({header.sequence, std::move(payload), start, bytes.size()});
  }
};

TestSegment MakeSegment(size_t records, uint64_t seed) {
  std::mt19937_64 random(seed);
  TestSegment segment;
  for (size_t i = 0; i < records; ++i) {
    std::string payload(random() % 300, '\0');
    for (char& c : payload) c = static_cast<char>(random());
    segment.Add(std::move(payload));
  }
  return segment;
}

struct Read {
  std::vector<Written> records;  // with whole payloads
  Damage damage;
};

Read ReadAll(std::string_view bytes, SegmentId id = kId) {
  SegmentReader reader(MemorySource(bytes), id);
  Read read;
  while (const auto header = reader.Next()) {
    if (auto payload = reader.ReadPayload()) read.records.push_back({header->sequence, *std::move(payload), 0, 0});
  }
  read.damage = reader.damage();
  return read;
}

// Everything read was written, and is as it was written.
void ExpectOnlyWritten(const Read& read, const TestSegment& segment) {
  for (const Written& record : read.records) {
    const size_t index = record.sequence - kId.first_sequence;
    ASSERT_LT(index, segment.records.size());
    EXPECT_EQ(record.payload, segment.records[index].payload);
  }
}

TEST(SegmentReader, ReadsWhatWasWritten) {
  TestSegment segment = MakeSegment(50, 1);
  segment.Add(std::string(1 << 20, 'x'));
  segment.Add("");
  const Read read = ReadAll(segment.bytes);
  ExpectOnlyWritten(read, segment);
  EXPECT_EQ(read.records.size(), 52u);
  EXPECT_FALSE(read.damage.any());
  EXPECT_TRUE(ReadAll("").records.empty());
}

TEST(SegmentReader, EndsAtTheLastWholeRecordWhereverItIsCut) {
  const TestSegment segment = MakeSegment(12, 2);
  for (size_t size = 0; size <= segment.bytes.size(); ++size) {
    const Read read = ReadAll(std::string_view(segment.bytes).substr(0, size));
    ExpectOnlyWritten(read, segment);
    const auto whole =
        std::ranges::count_if(segment.records, [&](const Written& record) { return record.end <= size; });
    ASSERT_EQ(read.records.size(), static_cast<size_t>(whole)) << size;
    EXPECT_EQ(read.damage.skipped_bytes, 0u);
  }
}

TEST(SegmentReader, LosesToAFlipOnlyTheRecordThatItHits) {
  const TestSegment segment = MakeSegment(12, 3);
  for (size_t at = 0; at < segment.bytes.size(); ++at) {
    std::string bytes = segment.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    const Read read = ReadAll(bytes);
    ExpectOnlyWritten(read, segment);
    const bool in_record = at >= kSegmentHeaderBytes;
    const auto hit =
        std::ranges::find_if(segment.records, [&](const Written& r) { return at >= r.start && at < r.end; });
    // Between payload and next record there is padding that no checksum covers.
    const bool in_padding = in_record && at >= hit->start + kRecordHeaderBytes + hit->payload.size();
    ASSERT_EQ(read.records.size(), segment.records.size() - (in_record && !in_padding ? 1 : 0)) << at;
    EXPECT_EQ(read.damage.any(), !in_padding) << at;
  }
}

TEST(SegmentReader, StepsOverBadPlacesOfAnySize) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 300; ++round) {
    const TestSegment segment = MakeSegment(20, random());
    std::string bytes = segment.bytes;
    const size_t start = random() % bytes.size();
    const size_t end = std::min(bytes.size(), start + random() % 2000);
    for (size_t i = start; i < end; ++i) bytes[i] = static_cast<char>(round % 2 == 0 ? 0 : random());
    const Read read = ReadAll(bytes);
    ExpectOnlyWritten(read, segment);
    const auto untouched =
        std::ranges::count_if(segment.records, [&](const Written& r) { return r.end <= start || r.start >= end; });
    EXPECT_GE(read.records.size(), static_cast<size_t>(untouched));
  }
}

TEST(SegmentReader, TakesNothingFromInsideAPayload) {
  // A sender who knows the format puts a record into a value; the header around it is then damaged.
  TestSegment segment;
  for (const uint64_t guess : {uint64_t{0}, uint64_t{1}, kId.salt ^ 1}) {
    RecordHeader forged;
    forged.salt = guess;
    forged.sequence = kId.first_sequence + 5;
    segment.Add(EncodeRecordHeader(forged) + EncodeRecordHeader(forged));
  }
  std::string bytes = segment.bytes;
  for (const Written& record : segment.records) bytes[record.start] = 'X';
  EXPECT_TRUE(ReadAll(bytes).records.empty());
}

TEST(SegmentReader, GoesByTheNameWhereTheHeaderIsDamaged) {
  const TestSegment segment = MakeSegment(5, 6);
  std::string bytes = segment.bytes;
  std::fill_n(bytes.begin(), kSegmentHeaderBytes, '\0');
  const Read read = ReadAll(bytes);
  EXPECT_EQ(read.records.size(), 5u);
  EXPECT_TRUE(read.damage.bad_segment_header);
}

TEST(SegmentReader, RefusesAVersionToCome) {
  std::string bytes = EncodeSegmentHeader(kId, 1);
  SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.version = kFormatVersion + 1;
  header.crc = base::Crc32c(base::BytesOf(header).substr(offsetof(SegmentHeader, crc) + 4));
  SegmentReader reader(MemorySource(base::BytesOf(header)), kId);
  const auto status = reader.CheckVersion();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kFailedPrecondition);
}

}  // namespace
}  // namespace clew::store::wal
