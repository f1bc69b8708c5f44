// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/log_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/model/tenant.h"
#include "clew/store/wal/record.h"

namespace clew::store::wal {

// What one record of rows holds: at most one batch a table, at least one. Shared, since the log writes a batch straight
// from its columns while others already read it.
struct Rows {
  std::shared_ptr<const model::SpanBatch> spans;
  std::shared_ptr<const model::LogBatch> logs;
  std::shared_ptr<const model::SeriesBatch> series;

  // BitOf() of each table with a batch.
  uint8_t tables() const;
};

// Rows that go into the tables: spans, log records; of series the samples, histograms and exemplars.
size_t RowCount(const model::SpanBatch& batch);
size_t RowCount(const model::LogBatch& batch);
size_t RowCount(const model::SeriesBatch& batch);
// Bytes of all columns.
uint64_t ByteSize(const Rows& rows);

// A payload as pieces to be written one after the other: large columns where they stand, the rest copied together.
// Valid while the batches live; moving it keeps the views.
struct EncodedPayload {
  std::vector<std::string_view> pieces;
  uint64_t size = 0;
  uint32_t crc = 0;
  std::vector<char> owned;
};

EncodedPayload EncodeRows(const model::TenantId& tenant, const Rows& rows);
// Any other payload.
EncodedPayload EncodeBytes(std::string_view payload);

struct DecodedRows {
  model::TenantId tenant;
  Rows rows;
};

// DATA_LOSS: not such a payload, or columns that are not consistent. UNIMPLEMENTED: columns as another version of Clew
// lays them out.
base::Result<DecodedRows> DecodeRows(std::string_view payload);

}  // namespace clew::store::wal
