// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/batch_codec.h"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "clew/base/bytes.h"
#include "clew/base/hash.h"

namespace clew::store::wal {
namespace {

struct RowsHeader {
  uint16_t tenant_bytes = 0;
  uint16_t parts = 0;
  uint32_t reserved = 0;
};
struct PartHeader {
  uint8_t table = 0;
  uint8_t layout = 0;
  uint16_t columns = 0;
  uint32_t rows = 0;
  uint64_t size = 0;  // of the column headers and columns
};
struct ColumnHeader {
  uint32_t element_bytes = 0;
  uint32_t reserved = 0;
  uint64_t count = 0;
};
static_assert(sizeof(RowsHeader) == 8 && sizeof(PartHeader) == 16 && sizeof(ColumnHeader) == 16);

// The layout of each table's batch; it counts up with any change of its columns that is not seen from their number and
// element sizes. The golden test of the layouts fails with the change.
constexpr uint8_t kLayout = 1;

// Below this a copy costs less than one more piece.
constexpr size_t kCopyBytes = 4096;
constexpr std::string_view kZeros{"\0\0\0\0\0\0\0\0", 8};

// Columns as bytes. Counts first, since `owned` must not grow once pieces point into it.
class PayloadBuilder {
 public:
  explicit PayloadBuilder(size_t owned_bytes) { payload_.owned.reserve(owned_bytes); }

  void Copy(std::string_view bytes) {
    const size_t start = payload_.owned.size();
    payload_.owned.insert(payload_.owned.end(), bytes.begin(), bytes.end());
    const char* data = payload_.owned.data() + start;
    auto& pieces = payload_.pieces;
    if (!pieces.empty() && pieces.back().data() + pieces.back().size() == data && start > 0) {
      pieces.back() = {pieces.back().data(), pieces.back().size() + bytes.size()};
    } else {
      pieces.emplace_back(data, bytes.size());
    }
  }
  void Column(std::string_view bytes) {
    if (bytes.size() < kCopyBytes) {
      Copy(bytes);
    } else {
      payload_.pieces.push_back(bytes);
    }
    Copy(kZeros.substr(0, PaddedSize(bytes.size()) - bytes.size()));
  }
  EncodedPayload Finish() {
    for (const std::string_view piece : payload_.pieces) {
      payload_.size += piece.size();
      payload_.crc = base::Crc32c(piece, payload_.crc);
    }
    return std::move(payload_);
  }

 private:
  EncodedPayload payload_;
};

template <typename Column>
std::string_view ColumnBytes(const Column& column) {
  using Element = typename Column::value_type;
  static_assert(std::is_trivially_copyable_v<Element>);
  return {reinterpret_cast<const char*>(column.data()), column.size() * sizeof(Element)};
}

struct PartPlan {
  PartHeader header;
  std::vector<ColumnHeader> columns;
  size_t copied_bytes = 0;
};

template <typename Batch>
PartPlan PlanPart(Table table, const Batch& batch) {
  PartPlan plan;
  plan.header.table = static_cast<uint8_t>(table);
  plan.header.layout = kLayout;
  plan.header.rows = static_cast<uint32_t>(RowCount(batch));
  batch.VisitColumns([&](const auto& column) {
    const std::string_view bytes = ColumnBytes(column);
    plan.columns.push_back({sizeof(column[0]), 0, column.size()});
    plan.header.size += sizeof(ColumnHeader) + PaddedSize(bytes.size());
    plan.copied_bytes += sizeof(ColumnHeader) + 8 + (bytes.size() < kCopyBytes ? bytes.size() : 0);
  });
  plan.header.columns = static_cast<uint16_t>(plan.columns.size());
  plan.copied_bytes += sizeof(PartHeader);
  return plan;
}

template <typename Batch>
void AddPart(const PartPlan& plan, const Batch& batch, PayloadBuilder& builder) {
  builder.Copy(base::BytesOf(plan.header));
  for (const ColumnHeader& column : plan.columns) builder.Copy(base::BytesOf(column));
  batch.VisitColumns([&](const auto& column) { builder.Column(ColumnBytes(column)); });
}

base::Result<std::string_view> Take(std::string_view& bytes, uint64_t count) {
  if (count > bytes.size()) return base::Fail(base::Code::kDataLoss, "rows end before their payload does");
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

template <typename T>
base::Status TakeInto(std::string_view& bytes, T& value) {
  CLEW_ASSIGN_OR_RETURN(const std::string_view taken, Take(bytes, sizeof value));
  std::memcpy(&value, taken.data(), sizeof value);
  return {};
}

// Fills one column from the bytes that its header announces.
template <typename Column>
base::Status ReadColumn(const ColumnHeader& header, std::string_view& bytes, Column& column) {
  using Element = typename Column::value_type;
  if (header.element_bytes != sizeof(Element)) {
    return base::Unimplemented("a column is laid out as another version of Clew does it");
  }
  if (header.count > bytes.size() / sizeof(Element)) {
    return base::Fail(base::Code::kDataLoss, "a column is longer than its payload");
  }
  const uint64_t size = header.count * sizeof(Element);
  CLEW_ASSIGN_OR_RETURN(const std::string_view taken, Take(bytes, PaddedSize(size)));
  column.resize(header.count);
  if (size > 0) std::memcpy(column.data(), taken.data(), size);
  return {};
}

template <typename Batch>
base::Result<std::shared_ptr<const Batch>> ReadPart(const PartHeader& header, std::string_view bytes) {
  auto batch = std::make_shared<Batch>();
  std::vector<ColumnHeader> columns(header.columns);
  for (ColumnHeader& column : columns) CLEW_RETURN_IF_ERROR(TakeInto(bytes, column));
  base::Status status;
  size_t next = 0;
  batch->VisitColumns([&](auto& column) {
    if (!status) return;
    if (next == columns.size()) {
      status = base::Unimplemented("rows lack a column that this version of Clew has");
      return;
    }
    status = ReadColumn(columns[next++], bytes, column);
  });
  CLEW_RETURN_IF_ERROR(status);
  if (next != columns.size()) return base::Unimplemented("rows have a column that this version of Clew does not know");
  if (!bytes.empty() || !batch->IsConsistent() || RowCount(*batch) != header.rows) {
    return base::Fail(base::Code::kDataLoss, "the columns of a batch contradict each other");
  }
  return batch;
}

base::Status ReadPartInto(const PartHeader& header, std::string_view bytes, Rows& rows) {
  if (header.layout != kLayout) return base::Unimplemented("rows are laid out as another version of Clew does it");
  switch (static_cast<Table>(header.table)) {
    case Table::kSpans: {
      CLEW_ASSIGN_OR_RETURN(rows.spans, ReadPart<model::SpanBatch>(header, bytes));
      return {};
    }
    case Table::kLogs: {
      CLEW_ASSIGN_OR_RETURN(rows.logs, ReadPart<model::LogBatch>(header, bytes));
      return {};
    }
    case Table::kSeries: {
      CLEW_ASSIGN_OR_RETURN(rows.series, ReadPart<model::SeriesBatch>(header, bytes));
      return {};
    }
  }
  return base::Internal("no such table");
}

}  // namespace

uint8_t Rows::tables() const {
  return static_cast<uint8_t>((spans ? BitOf(Table::kSpans) : 0) | (logs ? BitOf(Table::kLogs) : 0) |
                              (series ? BitOf(Table::kSeries) : 0));
}

size_t RowCount(const model::SpanBatch& batch) { return batch.size(); }
size_t RowCount(const model::LogBatch& batch) { return batch.size(); }
size_t RowCount(const model::SeriesBatch& batch) {
  return batch.samples.size() + batch.histograms.size() + batch.exemplars.size();
}

uint64_t ByteSize(const Rows& rows) {
  uint64_t bytes = 0;
  const auto add = [&](const auto& column) { bytes += ColumnBytes(column).size(); };
  if (rows.spans) rows.spans->VisitColumns(add);
  if (rows.logs) rows.logs->VisitColumns(add);
  if (rows.series) rows.series->VisitColumns(add);
  return bytes;
}

EncodedPayload EncodeRows(const model::TenantId& tenant, const Rows& rows) {
  PartPlan spans;
  PartPlan logs;
  PartPlan series;
  RowsHeader header;
  header.tenant_bytes = static_cast<uint16_t>(tenant.name().size());
  if (rows.spans) spans = PlanPart(Table::kSpans, *rows.spans);
  if (rows.logs) logs = PlanPart(Table::kLogs, *rows.logs);
  if (rows.series) series = PlanPart(Table::kSeries, *rows.series);
  header.parts = static_cast<uint16_t>((rows.spans != nullptr) + (rows.logs != nullptr) + (rows.series != nullptr));

  PayloadBuilder builder(sizeof header + tenant.name().size() + 8 + spans.copied_bytes + logs.copied_bytes +
                         series.copied_bytes);
  builder.Copy(base::BytesOf(header));
  builder.Copy(tenant.name());
  builder.Copy(kZeros.substr(0, PaddedSize(tenant.name().size()) - tenant.name().size()));
  if (rows.spans) AddPart(spans, *rows.spans, builder);
  if (rows.logs) AddPart(logs, *rows.logs, builder);
  if (rows.series) AddPart(series, *rows.series, builder);
  return builder.Finish();
}

EncodedPayload EncodeBytes(std::string_view payload) {
  PayloadBuilder builder(payload.size());
  builder.Copy(payload);
  return builder.Finish();
}

base::Result<DecodedRows> DecodeRows(std::string_view payload) {
  RowsHeader header;
  CLEW_RETURN_IF_ERROR(TakeInto(payload, header));
  CLEW_ASSIGN_OR_RETURN(const std::string_view tenant, Take(payload, PaddedSize(header.tenant_bytes)));
  auto parsed = model::TenantId::Parse(tenant.substr(0, header.tenant_bytes));
  if (!parsed) return base::Fail(base::Code::kDataLoss, "rows name no tenant");
  DecodedRows decoded{*std::move(parsed), {}};
  for (uint16_t i = 0; i < header.parts; ++i) {
    PartHeader part;
    CLEW_RETURN_IF_ERROR(TakeInto(payload, part));
    CLEW_ASSIGN_OR_RETURN(const std::string_view bytes, Take(payload, part.size));
    if (part.table >= kTableCount) {
      return base::Unimplemented("rows are for a table that this version of Clew does not know");
    }
    if ((decoded.rows.tables() & BitOf(static_cast<Table>(part.table))) != 0) {
      return base::Fail(base::Code::kDataLoss, "rows for one table stand twice");
    }
    CLEW_RETURN_IF_ERROR(ReadPartInto(part, bytes, decoded.rows));
  }
  if (!payload.empty() || decoded.rows.tables() == 0) {
    return base::Fail(base::Code::kDataLoss, "rows end before their payload does");
  }
  return decoded;
}

}  // namespace clew::store::wal
