// SPDX-License-Identifier: Apache-2.0
#include "clew/store/rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "clew/base/log.h"
#include "clew/store/calls_sql.h"
#include "clew/store/rollup_windows.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr uint64_t kMemoryBytes = uint64_t{600} << 20;
constexpr uint32_t kWindowsAtOnce = 60;

engine::QueryOptions WorkOptions() {
  engine::QueryOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  options.memory_bytes = kMemoryBytes;
  options.max_threads = 1;
  return options;
}

// Of the spans of a window: those that arrived in it, and those near it in the same traces. Numbers of this program
// only, so they stand in the text.
struct Part {
  uint32_t window = 0;
  uint64_t attempt = 0;
  uint64_t parts = 1;
  uint64_t part = 0;
  uint32_t operations = 0;

  static std::string ArrivedIn(uint32_t from, uint32_t to) {
    return fmt::format("arrived >= toDateTime({}) AND arrived < toDateTime({})", from, to);
  }
  std::string Own() const {
    std::string text = ArrivedIn(window, window + kWindowSeconds);
    if (parts > 1) text += fmt::format(" AND cityHash64(trace_id) % {} = {}", parts, part);
    return text;
  }
  std::string Near() const {
    return fmt::format(
        "{} AND (tenant, trace_id) IN (SELECT tenant, trace_id FROM spans WHERE {})",
        ArrivedIn(window - std::min(window, kNeighbourSeconds), window + kWindowSeconds + kNeighbourSeconds), Own());
  }
  // `table`'s operation, or the name of all others where the service has too many.
  std::string Operation(std::string_view table) const {
    return fmt::format(
        "if(({0}.tenant, {0}.service_name, {0}.name) IN (SELECT tenant, service_name, name FROM spans WHERE {1} "
        "GROUP BY tenant, service_name, name ORDER BY count() DESC, name LIMIT {2} BY tenant, service_name), {0}.name, "
        "'{3}')",
        table, ArrivedIn(window - std::min(window, kNeighbourSeconds), window + kWindowSeconds + kNeighbourSeconds),
        operations, kOtherOperations);
  }
  CallsScope Calls() const { return {Own(), Near(), Operation("p"), Operation("c")}; }
};

std::string SpanRollupSql(const Part& part) {
  return fmt::format(
      "INSERT INTO span_rollups (tenant, arrived, attempt, minute, service_name, name, kind, status_code, calls, "
      "duration_sum, own_sum, durations, exemplar_trace_id, exemplar_span_id, exemplar_time, exemplar_duration) "
      "SELECT tenant, toDateTime({window}), {attempt}, minute, service_name, operation, kind, status_code, count(), "
      "sum(toFloat64(took)), sum(toFloat64(greatest(0, took - busy))), sumMap(map({bucket}, toUInt64(1))), "
      "argMax(trace_id, took), argMax(span_id, took), argMax(start_time, took), max(took) FROM ("
      "SELECT s.tenant AS tenant, {minute} AS minute, s.service_name AS service_name, {operation} AS operation, "
      "s.kind AS kind, s.status_code AS status_code, s.trace_id AS trace_id, s.span_id AS span_id, "
      "s.start_time AS start_time, greatest(0, s.duration) AS took, c.busy AS busy "
      "FROM (SELECT tenant, service_name, name, kind, status_code, trace_id, span_id, start_time, duration FROM spans "
      "WHERE {own}) AS s LEFT JOIN ("
      "SELECT tenant, trace_id, parent_span_id, sum(greatest(0, duration)) AS busy FROM spans "
      "WHERE {near} AND {has_parent} GROUP BY tenant, trace_id, parent_span_id) AS c "
      "ON s.tenant = c.tenant AND s.trace_id = c.trace_id AND s.span_id = c.parent_span_id) "
      "GROUP BY tenant, minute, service_name, operation, kind, status_code",
      fmt::arg("window", part.window), fmt::arg("attempt", part.attempt), fmt::arg("bucket", kDurationBucketSql),
      fmt::arg("minute", MinuteSql("s")), fmt::arg("operation", part.Operation("s")), fmt::arg("own", part.Own()),
      fmt::arg("near", part.Near()), fmt::arg("has_parent", kHasParentSql));
}

// `calls`: calls_sql.h.
std::string EdgeRollupSql(const Part& part, std::string_view calls) {
  return fmt::format(
      "INSERT INTO edge_rollups (tenant, arrived, attempt, minute, client, client_name, server, server_name, "
      "server_kind, address, calls, errors, duration_sum, hops, hop_sum, durations) "
      "SELECT tenant, toDateTime({}), {}, minute, client, client_name, server, server_name, server_kind, address, "
      "count(), countIf(failed), sum(toFloat64(took)), countIf(hop >= 0), sumIf(toFloat64(hop), hop >= 0), "
      "sumMap(map({}, toUInt64(1))) FROM ({}) "
      "GROUP BY tenant, minute, client, client_name, server, server_name, server_kind, address",
      part.window, part.attempt, kDurationBucketSql, calls);
}

base::Result<uint64_t> QueryNumber(engine::Engine& engine, const std::string& sql) {
  uint64_t number = 0;
  CLEW_RETURN_IF_ERROR(engine.Query(sql, {}, WorkOptions(), [&](const engine::Block& block) -> base::Status {
    number = block[0].At<uint64_t>(0);
    return {};
  }));
  return number;
}

}  // namespace

base::Result<uint32_t> RolledUpTo(engine::Engine& engine) {
  CLEW_ASSIGN_OR_RETURN(const uint64_t newest,
                        QueryNumber(engine, "SELECT toUInt64(toUnixTimestamp(max(arrived))) FROM rollup_windows"));
  return newest == 0 ? 0 : static_cast<uint32_t>(newest) + kWindowSeconds;
}

base::Status MarkWindowsStale(engine::Engine& engine, uint32_t first_second, uint32_t last_second) {
  const uint32_t first = first_second - std::min(first_second, kNeighbourSeconds + kWindowSeconds);
  // The rows that are there count until there are better ones.
  return engine.Execute(fmt::format("INSERT INTO rollup_windows (arrived, attempt, version, is_stale) "
                                    "SELECT arrived, argMax(attempt, version), max(version) + 1, 1 FROM rollup_windows "
                                    "WHERE arrived > toDateTime({}) AND arrived <= toDateTime({}) GROUP BY arrived",
                                    first, last_second + kNeighbourSeconds),
                        {}, WorkOptions());
}

Rollup::Rollup(Store& store, RollupOptions options)
    : store_(store),
      options_(std::move(options)),
      log_templates_(store.state().engine(), options_.log_templates),
      thread_(options_.interval, base::PeriodicThread::First::kAtOnce, [this] {
        if (base::Status status = Apply(); !status && !thread_.is_stopping()) {
          base::LogWarning("rollups: {}; it is tried again", status.error().message);
        }
      }) {}

RollupStats Rollup::stats() const {
  const base::MutexLock lock(mutex_);
  return stats_;
}

base::Result<std::vector<uint32_t>> Rollup::NextWindows(uint32_t before) {
  const uint32_t rolled_up_to = store_.state().rolled_up_to();
  std::vector<uint32_t> windows;
  const auto read = [&](const std::string& sql) {
    return store_.state().engine().Query(sql, {}, WorkOptions(), [&](const engine::Block& block) -> base::Status {
      const auto found = block[0].Values<uint32_t>();
      windows.insert(windows.end(), found.begin(), found.end());
      return {};
    });
  };
  CLEW_RETURN_IF_ERROR(
      read(fmt::format("SELECT toUInt32(toUnixTimestamp(arrived)) FROM rollup_windows WHERE arrived < toDateTime({}) "
                       "GROUP BY arrived HAVING argMax(is_stale, version) = 1 ORDER BY arrived LIMIT {}",
                       before, kWindowsAtOnce)));
  CLEW_RETURN_IF_ERROR(
      read(fmt::format("SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(arrived), {0}) * {0}) AS begin FROM "
                       "(SELECT arrived FROM spans WHERE {1} UNION ALL SELECT arrived FROM logs WHERE {1}) "
                       "ORDER BY begin LIMIT {2}",
                       kWindowSeconds, Part::ArrivedIn(rolled_up_to, before), kWindowsAtOnce)));
  return windows;
}

base::Status Rollup::Apply() {
  const base::MutexLock work(work_mutex_);
  base::Status status;
  bool more = true;
  while (more && status && !thread_.is_stopping()) {
    const int64_t stored = options_.stored_up_to() / base::kNanosPerSecond - kNeighbourSeconds;
    const auto before = static_cast<uint32_t>(std::max<int64_t>(0, stored) / kWindowSeconds * kWindowSeconds);
    // Nobody is asked for what cannot be new: a store that nobody uses is to come to rest.
    const std::pair looked_at(before, store_.state().rollup_marks());
    if (looked_at == looked_at_) break;
    auto windows = NextWindows(before);
    if (!windows) {
      status = std::unexpected(std::move(windows).error());
      break;
    }
    more = windows->size() >= kWindowsAtOnce;
    for (const uint32_t window : *windows) {
      if (thread_.is_stopping()) break;
      status = MakeWindow(window);
      if (!status) break;
      store_.state().RaiseRolledUpTo(window + kWindowSeconds);
      const base::MutexLock lock(mutex_);
      ++stats_.windows;
      stats_.rolled_up_to = std::max(stats_.rolled_up_to, (window + kWindowSeconds) * base::kNanosPerSecond);
    }
    if (!more && status && !thread_.is_stopping()) looked_at_ = looked_at;
  }
  const base::MutexLock lock(mutex_);
  stats_.last_error = status ? std::string() : status.error().message;
  return status;
}

base::Status Rollup::MakeWindow(uint32_t window) {
  engine::Engine& engine = store_.state().engine();
  Part part;
  part.window = window;
  // Never one that was used: rows of an attempt that a crash cut off stay unnamed for ever.
  part.attempt = uint64_t{std::random_device()()} << 32 | std::random_device()();
  part.operations = options_.operations;
  CLEW_ASSIGN_OR_RETURN(
      const uint64_t version,
      QueryNumber(engine,
                  fmt::format("SELECT max(version) FROM rollup_windows WHERE arrived = toDateTime({})", window)));
  CLEW_ASSIGN_OR_RETURN(const uint64_t spans, QueryNumber(engine, "SELECT count() FROM spans WHERE " + part.Own()));
  part.parts = std::max<uint64_t>(1, (spans + options_.spans_at_once - 1) / options_.spans_at_once);
  for (; part.part < part.parts; ++part.part) {
    for (const std::string& sql : {SpanRollupSql(part), EdgeRollupSql(part, AnsweredCallsSql(part.Calls())),
                                   EdgeRollupSql(part, UnansweredCallsSql(part.Calls()))}) {
      engine::QueryOptions options = WorkOptions();
      options.cancelled = [this] { return thread_.is_stopping(); };
      CLEW_RETURN_IF_ERROR(engine.Execute(sql, {}, options));
    }
  }
  {
    engine::QueryOptions options = WorkOptions();
    options.cancelled = [this] { return thread_.is_stopping(); };
    CLEW_RETURN_IF_ERROR(log_templates_.MakeWindow(window, part.attempt, options));
  }
  // What was marked meanwhile stays marked: its late rows may have been missed.
  const base::MutexLock marks(store_.state().rollup_marks_mutex());
  return engine.Execute(fmt::format("INSERT INTO rollup_windows (arrived, attempt, version, is_stale) "
                                    "SELECT toDateTime({0}), {1}, max(version) + 1, max(version) != {2} "
                                    "FROM rollup_windows WHERE arrived = toDateTime({0})",
                                    window, part.attempt, version),
                        {}, WorkOptions());
}

}  // namespace clew::store
