// SPDX-License-Identifier: Apache-2.0
#include "clew/store/store.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "clew/base/log.h"
#include "clew/base/thread_annotations.h"
#include "clew/engine/chdb_engine.h"
#include "clew/store/cut_probe.h"
#include "clew/store/encoder_common.h"
#include "clew/store/rollup_windows.h"
#include "clew/store/schema.h"
#include "clew/store/sender_writer.h"
#include "clew/store/series_encoder.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

// An INSERT waits for nothing but the disk; its memory is bounded by the size of a cut and by the engine's own limit.
engine::QueryOptions InsertOptions() {
  engine::QueryOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  options.memory_bytes = 0;
  return options;
}

template <typename Batch>
base::Status CheckCut(const Cut<Batch>& cut) {
  for (const ArrivedBatch<Batch>& arrived : cut.batches) {
    if (ArrivalDay(arrived.arrival) != ArrivalDay(cut.batches[0].arrival)) {
      return base::InvalidArgument("store: a cut with batches of more than one arrival day");
    }
    if (!arrived.batch->IsConsistent()) return base::InvalidArgument("store: a batch that is not consistent");
  }
  return {};
}

// One INSERT of a cut into one table. `holds` tells whether an earlier attempt got through, where there was one.
base::Status InsertOnce(engine::Engine& engine, std::string_view table, const engine::EncodedBlock& block,
                        const std::string& token, bool again, const std::function<base::Result<bool>()>& holds) {
  if (block.rows == 0) return {};
  if (again) {
    CLEW_ASSIGN_OR_RETURN(const bool present, holds());
    if (present) return {};
    // The token may have been noted without its rows.
    return engine.Insert(table, block, "", InsertOptions());
  }
  return engine.Insert(table, block, token, InsertOptions());
}

// The side rows go first, so that no row ever names a resource or scope that is not there. Rows that come twice are
// one after the next merge, and reading takes either.
base::Status InsertSenders(StoreState& state, const SenderWriter& senders) {
  const auto insert = [&](std::string_view table, const std::vector<SenderWriter::NewSender>& fresh,
                          engine::EncodedBlock (*encode)(const std::vector<SenderWriter::NewSender>&),
                          SenderDirectory& directory) -> base::Status {
    if (fresh.empty()) return {};
    CLEW_RETURN_IF_ERROR(state.engine().Insert(table, encode(fresh), "", InsertOptions()));
    for (const SenderWriter::NewSender& sender : fresh) {
      directory.Add(sender.tenant, sender.id, senders.day(), sender.record);
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(insert("resources", senders.new_resources(), EncodeResources, state.resources()));
  return insert("scopes", senders.new_scopes(), EncodeScopes, state.scopes());
}

// Rows of a minute that has rollups come only after the clock was set back, or from a log that was left behind.
template <typename Batch>
base::Status MarkLate(StoreState& state, const Cut<Batch>& cut) {
  uint32_t first = UINT32_MAX;
  uint32_t last = 0;
  for (const ArrivedBatch<Batch>& arrived : cut.batches) {
    first = std::min(first, ArrivalSeconds(arrived.arrival));
    last = std::max(last, ArrivalSeconds(arrived.arrival));
  }
  if (first >= state.rolled_up_to()) return {};
  const base::MutexLock marks(state.rollup_marks_mutex());
  CLEW_RETURN_IF_ERROR(MarkWindowsStale(state.engine(), first, last));
  state.CountRollupMark();
  return {};
}

base::Status InsertNewSeries(StoreState& state, const Cut<model::SeriesBatch>& cut) {
  const std::vector<NewSeries> fresh = FindNewSeries(cut, state.series());
  if (fresh.empty()) return {};
  CLEW_RETURN_IF_ERROR(state.engine().Insert("series", EncodeSeries(fresh), "", InsertOptions()));
  for (const NewSeries& series : fresh) {
    base::Status status;
    state.series().Write(series.arrived->tenant.name(), [&](TenantSeries& own) {
      status = own.Add(*series.arrived->batch, *series.row, ArrivalSeconds(series.arrived->arrival), false);
    });
    if (!status) base::LogWarning("store: {}", status.error().message);
  }
  return {};
}

// Widens the time bounds of the series that got points; only once these can be read.
void CoverPoints(SeriesIndex& index, const Cut<model::SeriesBatch>& cut) {
  for (const ArrivedBatch<model::SeriesBatch>& arrived : cut.batches) {
    const model::SeriesBatch& batch = *arrived.batch;
    std::vector<SeriesBounds> bounds(batch.series.size());
    for (const model::SampleRow& row : batch.samples) bounds[row.series].Cover(row.time);
    for (const model::HistogramRow& row : batch.histograms) bounds[row.series].Cover(row.time);
    index.Write(arrived.tenant.name(), [&](TenantSeries& own) {
      for (size_t i = 0; i < bounds.size(); ++i) {
        if (bounds[i].first <= bounds[i].last) own.Cover(batch.series[i].id, bounds[i]);
      }
    });
  }
}

}  // namespace

Store::Store(std::string data_dir, std::unique_ptr<StoreState> state)
    : data_dir_(std::move(data_dir)), state_(std::move(state)) {}
Store::~Store() { Close(); }

base::Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  engine::ChdbOptions engine_options;
  engine_options.data_dir = options.data_dir + "/engine";
  engine_options.library_path = options.library_path;
  engine_options.memory_bytes = options.memory_bytes;
  CLEW_ASSIGN_OR_RETURN(auto engine, engine::OpenChdb(engine_options));
  CLEW_RETURN_IF_ERROR(MigrateSchema(*engine));
  auto state = std::make_unique<StoreState>(std::move(engine));
  CLEW_RETURN_IF_ERROR(state->parts().ReportAtStart());
  CLEW_RETURN_IF_ERROR(state->LoadMirrors());
  return std::unique_ptr<Store>(new Store(options.data_dir, std::move(state)));
}

base::Status Store::Insert(const Cut<model::SpanBatch>& cut) {
  if (cut.batches.empty()) return {};
  CLEW_RETURN_IF_ERROR(CheckCut(cut));
  SenderWriter senders(state_->resources(), state_->scopes(), ArrivalDay(cut.batches[0].arrival));
  InsertEncoders& encoders = state_->encoders();
  const base::MutexLock lock(encoders.spans_mutex);
  const engine::EncodedBlock block = encoders.spans.Encode(cut, senders);
  CLEW_RETURN_IF_ERROR(InsertSenders(*state_, senders));
  CLEW_RETURN_IF_ERROR(MarkLate(*state_, cut));
  engine::Engine& engine = state_->engine();
  return InsertOnce(engine, "spans", block, cut.token, cut.again, [&] { return HoldsSpans(engine, cut); });
}

base::Status Store::Insert(const Cut<model::LogBatch>& cut) {
  if (cut.batches.empty()) return {};
  CLEW_RETURN_IF_ERROR(CheckCut(cut));
  SenderWriter senders(state_->resources(), state_->scopes(), ArrivalDay(cut.batches[0].arrival));
  InsertEncoders& encoders = state_->encoders();
  const base::MutexLock lock(encoders.logs_mutex);
  const engine::EncodedBlock block = encoders.logs.Encode(cut, senders);
  CLEW_RETURN_IF_ERROR(InsertSenders(*state_, senders));
  CLEW_RETURN_IF_ERROR(MarkLate(*state_, cut));
  engine::Engine& engine = state_->engine();
  return InsertOnce(engine, "logs", block, cut.token, cut.again, [&] { return HoldsLogs(engine, cut); });
}

base::Status Store::Insert(const Cut<model::SeriesBatch>& cut) {
  if (cut.batches.empty()) return {};
  CLEW_RETURN_IF_ERROR(CheckCut(cut));
  CLEW_RETURN_IF_ERROR(InsertNewSeries(*state_, cut));
  engine::Engine& engine = state_->engine();
  const auto insert = [&](std::string_view table, const engine::EncodedBlock& block, PointTable points) {
    return InsertOnce(engine, table, block, cut.token, cut.again, [&] { return HoldsPoints(engine, cut, points); });
  };
  CLEW_RETURN_IF_ERROR(insert("samples", EncodeSamples(cut), PointTable::kSamples));
  CLEW_RETURN_IF_ERROR(insert("histograms", EncodeHistograms(cut), PointTable::kHistograms));
  CLEW_RETURN_IF_ERROR(insert("exemplars", EncodeExemplars(cut), PointTable::kExemplars));
  CLEW_RETURN_IF_ERROR(insert("point_flags", EncodePointFlags(cut), PointTable::kPointFlags));
  CoverPoints(state_->series(), cut);
  return {};
}

uint64_t Store::parts_aside() const { return state_->parts().parts_aside(); }

uint64_t Store::FreeBytes() const {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(data_dir_, error);
  return error ? 0 : space.available;
}

base::Status Store::Writable() const { return state_->engine().Writable(); }

void Store::EndWaitingWritesAt(std::chrono::steady_clock::time_point when) {
  state_->engine().EndWaitingWritesAt(when);
}

void Store::AttachPending(PendingFlusher* pending) { state_->AttachPending(pending); }

void Store::Close() { state_->engine().Close(); }

}  // namespace clew::store
