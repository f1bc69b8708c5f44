// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clew/base/bytes.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/record.h"
#include "clew/store/wal/test_batches.h"

namespace clew::store::wal {
namespace {

using ::testing::ElementsAre;

template <typename Batch>
std::string ColumnsOf(const Batch& batch) {
  std::string bytes;
  batch.VisitColumns([&](const auto& column) {
    bytes += std::to_string(column.size()) + ":";
    bytes.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(column[0]));
  });
  return bytes;
}

template <typename Batch>
std::vector<size_t> ElementSizes() {
  std::vector<size_t> sizes;
  Batch().VisitColumns([&](const auto& column) { sizes.push_back(sizeof(column[0])); });
  return sizes;
}

// What is on disk is read by the next version: a change here needs a new number of the layout (kLayout), and old logs
// emptied by the old version.
TEST(BatchCodec, LayoutsAreThoseOnDisk) {
  EXPECT_THAT(ElementSizes<model::SpanBatch>(),
              ElementsAre(1, 8, 24, 16, 16, 24, 4, 4, 16, 8, 8, 4, 4, 4, 1, 8, 8, 8, 4, 8, 4, 8, 4, 1, 4, 24, 44));
  EXPECT_THAT(ElementSizes<model::LogBatch>(),
              ElementsAre(1, 8, 24, 16, 16, 24, 4, 4, 8, 8, 1, 4, 16, 8, 4, 4, 16, 8, 4));
  EXPECT_THAT(ElementSizes<model::SeriesBatch>(), ElementsAre(1, 8, 8, 32, 32, 120, 56, 4, 8));
}

TEST(BatchCodec, KeepsAllTablesOfARecord) {
  Rows rows{TestSpans(1, 3), TestLogs(5, 2000), TestSeries(9, 500)};
  const auto tenant = *model::TenantId::Parse("shop-7");
  const EncodedPayload payload = EncodeRows(tenant, rows);
  const std::string bytes = Joined(payload);
  EXPECT_EQ(bytes.size(), payload.size);
  EXPECT_EQ(bytes.size() % 8, 0u);
  EXPECT_EQ(base::Crc32c(bytes), payload.crc);
  // Large columns are not copied.
  EXPECT_LT(payload.owned.size(), payload.size / 2);

  const auto decoded = DecodeRows(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->tenant.name(), "shop-7");
  EXPECT_EQ(ColumnsOf(*decoded->rows.spans), ColumnsOf(*rows.spans));
  EXPECT_EQ(ColumnsOf(*decoded->rows.logs), ColumnsOf(*rows.logs));
  EXPECT_EQ(ColumnsOf(*decoded->rows.series), ColumnsOf(*rows.series));

  const auto only_logs = DecodeRows(Joined(EncodeRows(tenant, {nullptr, TestLogs(1, 1), nullptr})));
  ASSERT_TRUE(only_logs);
  EXPECT_EQ(only_logs->rows.tables(), BitOf(Table::kLogs));
}

TEST(BatchCodec, RefusesWhatIsNotConsistent) {
  const std::string good = Joined(EncodeRows(model::TenantId(), {TestSpans(1, 20), nullptr, nullptr}));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(DecodeRows(good.substr(0, size))) << size;
  EXPECT_FALSE(DecodeRows(good + std::string(8, '\0')));
  // Without a checksum around it, any byte may be any: never a crash, and what is taken is consistent.
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x81);
    const auto decoded = DecodeRows(bad);
    EXPECT_TRUE(!decoded || decoded->rows.spans->IsConsistent());
  }
  auto other_layout = DecodeRows([&] {
    std::string bytes = good;
    bytes[8 + 16 + 1] = 99;  // behind the record's header and the padded tenant
    return bytes;
  }());
  ASSERT_FALSE(other_layout);
  EXPECT_EQ(other_layout.error().code, base::Code::kUnimplemented);
}

TEST(BatchCodec, RefusesRangesThatWrapAround) {
  model::LogBatch logs;
  logs.resources.emplace_back();
  logs.scopes.emplace_back();
  logs.AddRow();
  for (const model::ValueKind kind : {model::ValueKind::kArray, model::ValueKind::kKeyValueList}) {
    const model::Value wrapped{kind, 1, ~uint64_t{0}};
    logs.body[0] = wrapped;
    EXPECT_FALSE(logs.IsConsistent());
    logs.body[0] = {};
    logs.attributes.values = {wrapped};
    EXPECT_FALSE(logs.IsConsistent());
    logs.attributes.values = {};
    EXPECT_TRUE(logs.IsConsistent());
  }
}

TEST(Record, NamesAndHeaders) {
  const SegmentId id{42, 0x0123456789abcdef};
  EXPECT_EQ(id.Name(), "00000000000000000042-0123456789abcdef");
  EXPECT_EQ(SegmentId::FromName(id.Name()), id);
  EXPECT_EQ(SegmentId::FromName("00000000000000000042-0123456789abcdeg"), std::nullopt);
  EXPECT_EQ(SegmentId::FromName("LOCK"), std::nullopt);

  RecordHeader header;
  header.salt = id.salt;
  header.sequence = 42;
  header.payload_size = 17;
  std::string bytes = EncodeRecordHeader(header);
  ASSERT_EQ(bytes.size(), kRecordHeaderBytes);
  ASSERT_TRUE(DecodeRecordHeader(bytes, id.salt));
  EXPECT_EQ(DecodeRecordHeader(bytes, id.salt)->sequence, 42u);
  EXPECT_FALSE(DecodeRecordHeader(bytes, id.salt + 1));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeRecordHeader(bytes, id.salt)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(Record, TokensDifferByOpening) {
  CutPayload cut{0xabc, 7, 9, 100, Table::kLogs, {}};
  EXPECT_EQ(cut.Token(), "0000000000000abc-logs-7-9");
  EXPECT_EQ(DecodeCut(base::BytesOf(cut)), cut);
  cut.last_sequence = 6;
  EXPECT_EQ(DecodeCut(base::BytesOf(cut)), std::nullopt);
  EXPECT_EQ(DecodeCut("short"), std::nullopt);
}

}  // namespace
}  // namespace clew::store::wal
