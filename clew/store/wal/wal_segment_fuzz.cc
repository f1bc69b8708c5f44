// SPDX-License-Identifier: Apache-2.0
// A segment of any bytes: the reader gives what is whole and never more than there is. The first byte says whether
// checksums are made right first, so that what lies behind them is reached too.
#include <cstring>
#include <string>

#include "clew/base/hash.h"
#include "clew/base/result.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/segment_reader.h"

namespace {

using namespace clew::store::wal;

constexpr SegmentId kId{1, 0x5a5a5a5a5a5a5a5a};

// Walks the records by their sizes and puts in salt and checksums.
void MakeChecksumsRight(std::string& bytes) {
  size_t offset = kSegmentHeaderBytes;
  uint64_t sequence = 1;
  while (bytes.size() - offset >= kRecordHeaderBytes && offset < bytes.size()) {
    RecordHeader header;
    std::memcpy(&header, bytes.data() + offset, sizeof header);
    const size_t left = bytes.size() - offset - kRecordHeaderBytes;
    header.salt = kId.salt;
    header.sequence = sequence++;
    header.payload_size = static_cast<uint32_t>(std::min<size_t>(header.payload_size % 4096, left));
    header.kind = static_cast<RecordKind>(1 + static_cast<uint8_t>(header.kind) % 5);
    header.payload_crc =
        clew::base::Crc32c(std::string_view(bytes).substr(offset + kRecordHeaderBytes, header.payload_size));
    const std::string encoded = EncodeRecordHeader(header);
    std::memcpy(bytes.data() + offset, encoded.data(), encoded.size());
    offset += kRecordHeaderBytes + PaddedSize(header.payload_size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0 && bytes.size() > kSegmentHeaderBytes) MakeChecksumsRight(bytes);
  SegmentReader reader(MemorySource(bytes), kId);
  (void)reader.CheckVersion();
  uint64_t last = 0;
  uint64_t given = 0;
  while (const auto header = reader.Next()) {
    CLEW_CHECK(header->sequence > last);
    last = header->sequence;
    const auto payload = reader.ReadPayload();
    if (!payload) continue;
    given += kRecordHeaderBytes + payload->size();
    (void)DecodeCut(*payload);
    (void)DecodeHashes(*payload);
    const auto rows = DecodeRows(*payload);
    if (rows && rows->rows.spans) CLEW_CHECK(rows->rows.spans->IsConsistent());
    if (rows && rows->rows.logs) CLEW_CHECK(rows->rows.logs->IsConsistent());
    if (rows && rows->rows.series) CLEW_CHECK(rows->rows.series->IsConsistent());
  }
  CLEW_CHECK(given <= bytes.size());
  // A payload without a record around it, as deep as the fuzzer wants.
  (void)DecodeRows(bytes);
  return 0;
}
