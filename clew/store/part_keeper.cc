// SPDX-License-Identifier: Apache-2.0
#include "clew/store/part_keeper.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>

#include "clew/base/log.h"

namespace clew::store {
namespace {

engine::QueryOptions CheckOptions() {
  engine::QueryOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  return options;
}

}  // namespace

base::Status PartKeeper::ReportAtStart() {
  return engine_->Query(
      "SELECT table, name, bytes_on_disk FROM system.detached_parts "
      "WHERE database = currentDatabase() AND startsWith(ifNull(reason, ''), 'broken')",
      {}, CheckOptions(), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          base::LogError("store: part {} of table {} is damaged and lies aside ({} bytes): its rows are missing",
                         block[1].Text(row), block[0].Text(row), block[2].At<uint64_t>(row));
        }
        parts_aside_ += block.rows;
        return {};
      });
}

base::Status PartKeeper::Query(std::string_view sql, const engine::Parameters& parameters,
                               const engine::QueryOptions& options, const engine::OnBlock& on_block) {
  return Look(engine_->Query(sql, parameters, options, on_block));
}

base::Status PartKeeper::Execute(std::string_view sql, const engine::Parameters& parameters,
                                 const engine::QueryOptions& options) {
  return Look(engine_->Execute(sql, parameters, options));
}

base::Status PartKeeper::Look(base::Status status) {
  if (status || status.error().code != base::Code::kDataLoss) return status;
  const auto part = engine::DamagedPartOf(status.error());
  if (part && SetAside(*part)) {
    status.error().message =
        fmt::format("part {} of table {} was damaged and has been set aside; ask again", part->name, part->table);
  }
  return status;
}

bool PartKeeper::SetAside(const engine::DamagedPart& part) {
  const base::MutexLock lock(mutex_);
  // Others may have read it at the same time.
  if (!seen_.insert(part).second) return true;
  uint64_t rows = 0;
  base::Status status = engine_->Query(
      fmt::format("SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND active AND table = '{}' "
                  "AND name = '{}'",
                  part.table, part.name),
      {}, CheckOptions(), [&](const engine::Block& block) -> base::Status {
        rows = block[0].At<uint64_t>(0);
        return {};
      });
  // A read that failed once may have met bad memory or a bad cable; what is whole stays.
  bool is_whole = false;
  if (status) {
    status = engine_->Query(fmt::format("CHECK TABLE {} PART '{}'", part.table, part.name), {}, CheckOptions(),
                            [&](const engine::Block& block) -> base::Status {
                              is_whole = block.rows > 0 && block[0].At<uint8_t>(0) != 0;
                              return {};
                            });
  }
  if (status && is_whole) {
    seen_.erase(part);
    return false;
  }
  status = engine_->Execute(fmt::format("ALTER TABLE {} DETACH PART '{}'", part.table, part.name), {}, CheckOptions());
  if (!status) {
    base::LogError("store: part {} of table {} is damaged and cannot be set aside: {}", part.name, part.table,
                   status.error().message);
    seen_.erase(part);
    return false;
  }
  ++parts_aside_;
  base::LogError("store: part {} of table {} is damaged and was set aside: {} rows are missing", part.name, part.table,
                 rows);
  return true;
}

}  // namespace clew::store
