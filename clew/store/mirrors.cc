// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/log.h"
#include "clew/store/attribute_codec.h"
#include "clew/store/rollup_windows.h"
#include "clew/store/sender_writer.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

// At a start nobody waits with a deadline of his own.
engine::QueryOptions LoadOptions() {
  engine::QueryOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(30);
  options.memory_bytes = uint64_t{1} << 30;
  return options;
}

// Columns 0 to 6 of both side tables' queries.
constexpr std::string_view kSenderColumns =
    "tenant, id, arrived, attributes, attribute_kinds, attribute_extra, dropped_attributes_count, schema_url";

template <typename Sender>
base::Status ReadSender(const engine::Block& block, size_t row, AttributeReader& reader, model::BatchBase& batch,
                        Sender& sender) {
  CLEW_ASSIGN_OR_RETURN(sender.attributes, reader.Read(row, block[4].Text(row), block[5].Text(row)));
  sender.dropped_attributes_count = block[6].At<uint32_t>(row);
  sender.schema_url = batch.strings.Intern(block[7].Text(row));
  return {};
}

void AddRecord(const engine::Block& block, size_t row, std::string_view record, SenderDirectory& directory) {
  directory.Add(block[0].Text(row), block[1].At<uint64_t>(row), block[2].At<uint32_t>(row) / kSecondsPerDay, record);
}

base::Status LoadResources(engine::Engine& engine, SenderDirectory& directory) {
  const std::string sql = "SELECT " + std::string(kSenderColumns) + " FROM resources";
  return engine.Query(sql, {}, LoadOptions(), [&](const engine::Block& block) -> base::Status {
    model::BatchBase batch;
    AttributeReader reader(block[3], batch.attributes, batch.strings);
    for (size_t row = 0; row < block.rows; ++row) {
      model::Resource resource;
      CLEW_RETURN_IF_ERROR(ReadSender(block, row, reader, batch, resource));
      AddRecord(block, row, ResourceRecord(batch, resource), directory);
    }
    return {};
  });
}

base::Status LoadScopes(engine::Engine& engine, SenderDirectory& directory) {
  const std::string sql = "SELECT " + std::string(kSenderColumns) + ", name, version FROM scopes";
  return engine.Query(sql, {}, LoadOptions(), [&](const engine::Block& block) -> base::Status {
    model::BatchBase batch;
    AttributeReader reader(block[3], batch.attributes, batch.strings);
    for (size_t row = 0; row < block.rows; ++row) {
      model::Scope scope;
      CLEW_RETURN_IF_ERROR(ReadSender(block, row, reader, batch, scope));
      scope.name = batch.strings.Intern(block[8].Text(row));
      scope.version = batch.strings.Intern(block[9].Text(row));
      AddRecord(block, row, ScopeRecord(batch, scope), directory);
    }
    return {};
  });
}

// One row of table `series` as a batch of one series, which is what the index takes.
model::SeriesRow SeriesRowOf(const engine::Block& block, size_t row, model::SeriesBatch& batch) {
  model::SeriesRow series;
  series.id = block[1].At<uint64_t>(row);
  const auto [first, last] = block[3].Elements(row);
  series.labels = {static_cast<uint32_t>(batch.labels.size()), static_cast<uint32_t>(last - first)};
  for (size_t i = first; i < last; ++i) {
    batch.labels.push_back(
        {batch.strings.Intern(block[3].element(0).Text(i)), batch.strings.Intern(block[3].element(1).Text(i))});
  }
  series.family = batch.strings.Intern(block[4].Text(row));
  series.help = batch.strings.Intern(block[5].Text(row));
  series.unit = batch.strings.Intern(block[6].Text(row));
  series.type = static_cast<model::FamilyType>(block[7].At<uint8_t>(row));
  series.temporality = static_cast<model::Temporality>(block[8].At<uint8_t>(row));
  return series;
}

base::Status LoadSeries(engine::Engine& engine, SeriesIndex& index) {
  constexpr std::string_view kSql =
      "SELECT tenant, id, arrived, labels, family, help, unit, type, temporality FROM series";
  return engine.Query(kSql, {}, LoadOptions(), [&](const engine::Block& block) -> base::Status {
    model::SeriesBatch batch;
    for (size_t row = 0; row < block.rows; ++row) {
      const model::SeriesRow series = SeriesRowOf(block, row, batch);
      base::Status status;
      index.Write(block[0].Text(row),
                  [&](TenantSeries& own) { status = own.Add(batch, series, block[2].At<uint32_t>(row), true); });
      if (!status) base::LogWarning("store: {}", status.error().message);
    }
    return {};
  });
}

}  // namespace

base::Status StoreState::LoadMirrors() {
  CLEW_RETURN_IF_ERROR(LoadResources(engine_, resources_));
  CLEW_RETURN_IF_ERROR(LoadScopes(engine_, scopes_));
  CLEW_ASSIGN_OR_RETURN(rolled_up_to_, RolledUpTo(engine_));
  return LoadSeries(engine_, series_);
}

}  // namespace clew::store
