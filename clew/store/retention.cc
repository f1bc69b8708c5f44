// SPDX-License-Identifier: Apache-2.0
#include "clew/store/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "clew/base/log.h"
#include "clew/store/schema.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr int64_t kNanosPerDay = 86'400 * base::kNanosPerSecond;

// The arrival day of a partition from its id, "20261124"; nullopt for a table that has none.
std::optional<int64_t> DayOf(std::string_view partition) {
  if (partition.size() != 8 || !std::ranges::all_of(partition, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const int number = std::stoi(std::string(partition));
  const std::chrono::year_month_day date{std::chrono::year(number / 10'000), std::chrono::month(number / 100 % 100),
                                         std::chrono::day(number % 100)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string NameOf(int64_t day) { return base::FormatTime(day * kNanosPerDay).substr(0, 10); }

bool IsIn(const auto& names, std::string_view name) { return std::ranges::find(names, name) != std::end(names); }

engine::QueryOptions WorkOptions() {
  engine::QueryOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  return options;
}

}  // namespace

struct Retention::Day {
  int64_t day = 0;
  std::string partition;
  std::vector<std::string> tables;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

Retention::Retention(Store& store, RetentionOptions options)
    : store_(store),
      options_(std::move(options)),
      thread_(options_.interval, base::PeriodicThread::First::kAtOnce, [this] {
        if (base::Status status = Apply(); !status) {
          base::LogWarning("retention: {}; it is tried again", status.error().message);
        }
      }) {}

RetentionStats Retention::stats() const {
  const base::MutexLock lock(mutex_);
  return stats_;
}

double Retention::ShareOf(uint64_t table_bytes) const {
  const uint64_t free_bytes = options_.free_bytes ? options_.free_bytes() : store_.FreeBytes();
  return static_cast<double>(table_bytes) / static_cast<double>(std::max<uint64_t>(1, table_bytes + free_bytes));
}

base::Status Retention::Apply() {
  const base::MutexLock work(work_mutex_);
  std::map<int64_t, Day> days;
  uint64_t table_bytes = 0;
  base::Status status = store_.state().engine().Query(
      "SELECT partition_id, table, sum(rows), sum(bytes_on_disk) FROM system.parts "
      "WHERE database = currentDatabase() AND active GROUP BY partition_id, table",
      {}, WorkOptions(), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          const auto day = DayOf(block[0].Text(row));
          if (!day || !IsIn(DatedTables(), block[1].Text(row))) continue;
          Day& entry = days[*day];
          entry.day = *day;
          entry.partition = block[0].Text(row);
          entry.tables.emplace_back(block[1].Text(row));
          entry.rows += block[2].At<uint64_t>(row);
          entry.bytes += block[3].At<uint64_t>(row);
          table_bytes += block[3].At<uint64_t>(row);
        }
        return {};
      });
  const int64_t now = options_.clock->Now();
  const bool has_share = options_.disk_share > 0 && options_.disk_share < 1;
  for (const auto& [number, day] : days) {
    if (!status || number >= ArrivalDay(now)) break;
    const bool is_old = options_.age.count() > 0 && (number + 1) * kNanosPerDay <= now - options_.age.count();
    if (!is_old && !(has_share && ShareOf(table_bytes) > options_.disk_share)) break;
    status = DropDay(day, is_old ? "older than --retention" : "more of the disk than --disk-share");
    if (!status) break;
    table_bytes -= day.bytes;
    const base::MutexLock lock(mutex_);
    ++(is_old ? stats_.dropped_days_by_age : stats_.dropped_days_by_disk_share);
    stats_.dropped_rows += day.rows;
    stats_.dropped_bytes += day.bytes;
  }
  const base::MutexLock lock(mutex_);
  stats_.table_bytes = table_bytes;
  stats_.last_error = status ? std::string() : status.error().message;
  return status;
}

base::Status Retention::DropDay(const Day& day, const std::string& reason) {
  // In the order of DatedTables: what rows name goes after the rows.
  for (const std::string_view table : DatedTables()) {
    if (!IsIn(day.tables, table)) continue;
    CLEW_RETURN_IF_ERROR(store_.state().engine().Execute(
        fmt::format("ALTER TABLE {} DROP PARTITION ID '{}'", table, day.partition), {}, WorkOptions()));
  }
  store_.state().resources().ForgetUpTo(day.day);
  store_.state().scopes().ForgetUpTo(day.day);
  base::LogInfo("retention: dropped what arrived on {}, {} rows in {} bytes: {}", NameOf(day.day), day.rows, day.bytes,
                reason);
  return {};
}

}  // namespace clew::store
