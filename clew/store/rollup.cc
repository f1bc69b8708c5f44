// SPDX-License-Identifier: Apache-2.0
#include "clew/store/rollup.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "clew/base/log.h"
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
};

constexpr std::string_view kMinute = "toUInt32(intDiv({}.start_time, 60000000000))";
// The smallest b for which 2^(b/4) nanoseconds are no less than the duration; -1 for none at all.
constexpr std::string_view kBucket = "toInt16(if(took = 0, -1, ceil(log2(took) * 4)))";
constexpr std::string_view kHasParent = "parent_span_id != toFixedString('', 8)";

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
      fmt::arg("window", part.window), fmt::arg("attempt", part.attempt), fmt::arg("bucket", kBucket),
      fmt::arg("minute", fmt::format(fmt::runtime(kMinute), "s")), fmt::arg("operation", part.Operation("s")),
      fmt::arg("own", part.Own()), fmt::arg("near", part.Near()), fmt::arg("has_parent", kHasParent));
}

// `calls` gives a row a call: tenant, minute, client, client_name, server, server_name, server_kind, address, failed,
// took, hop (negative: no network was seen).
std::string EdgeRollupSql(const Part& part, std::string_view calls) {
  return fmt::format(
      "INSERT INTO edge_rollups (tenant, arrived, attempt, minute, client, client_name, server, server_name, "
      "server_kind, address, calls, errors, duration_sum, hops, hop_sum, durations) "
      "SELECT tenant, toDateTime({}), {}, minute, client, client_name, server, server_name, server_kind, address, "
      "count(), countIf(failed), sum(toFloat64(took)), countIf(hop >= 0), sumIf(toFloat64(hop), hop >= 0), "
      "sumMap(map({}, toUInt64(1))) FROM ({}) "
      "GROUP BY tenant, minute, client, client_name, server, server_name, server_kind, address",
      part.window, part.attempt, kBucket, calls);
}

// Calls that another service answered: by the span that answered, which is in the window; as Edges of span_reader.h
// has them.
std::string AnsweredCalls(const Part& part) {
  return fmt::format(
      "SELECT c.tenant AS tenant, {minute} AS minute, p.service_name AS client, {client_name} AS client_name, "
      "c.service_name AS server, {server_name} AS server_name, toUInt8(0) AS server_kind, p.peer_name AS address, "
      "p.status_code = 2 OR c.status_code = 2 AS failed, "
      "greatest(0, if(p.kind IN (3, 4), p.duration, c.duration)) AS took, "
      "if(p.kind IN (3, 4), greatest(0, p.duration - c.duration), toInt64(-1)) AS hop "
      "FROM (SELECT tenant, trace_id, span_id, service_name, name, kind, duration, status_code, peer_name FROM spans "
      "WHERE {near}) AS p INNER JOIN (SELECT tenant, trace_id, parent_span_id, service_name, name, start_time, "
      "duration, "
      "status_code FROM spans WHERE {own} AND kind NOT IN (3, 4) AND {has_parent}) AS c "
      "ON p.tenant = c.tenant AND p.trace_id = c.trace_id AND p.span_id = c.parent_span_id "
      "WHERE p.service_name != c.service_name",
      fmt::arg("minute", fmt::format(fmt::runtime(kMinute), "c")), fmt::arg("client_name", part.Operation("p")),
      fmt::arg("server_name", part.Operation("c")), fmt::arg("near", part.Near()), fmt::arg("own", part.Own()),
      fmt::arg("has_parent", kHasParent));
}

// Calls of databases and queues, and calls to any other address that nobody answered.
std::string UnansweredCalls(const Part& part) {
  return fmt::format(
      "SELECT p.tenant AS tenant, {minute} AS minute, p.service_name AS client, {client_name} AS client_name, "
      "p.peer_name AS server, '' AS server_name, p.peer_kind AS server_kind, p.peer_name AS address, "
      "p.status_code = 2 AS failed, greatest(0, p.duration) AS took, toInt64(-1) AS hop "
      "FROM (SELECT tenant, trace_id, span_id, service_name, name, start_time, duration, status_code, peer_kind, "
      "peer_name FROM spans WHERE {own} AND peer_kind IN (1, 2, 3)) AS p "
      "LEFT JOIN (SELECT DISTINCT tenant, trace_id, parent_span_id, toUInt8(1) AS answered FROM spans WHERE {near} "
      "AND kind NOT IN (3, 4) AND {has_parent}) AS c "
      "ON p.tenant = c.tenant AND p.trace_id = c.trace_id AND p.span_id = c.parent_span_id "
      "WHERE p.peer_kind != 3 OR c.answered = 0",
      fmt::arg("minute", fmt::format(fmt::runtime(kMinute), "p")), fmt::arg("client_name", part.Operation("p")),
      fmt::arg("own", part.Own()), fmt::arg("near", part.Near()), fmt::arg("has_parent", kHasParent));
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

Rollup::Rollup(Store& store, RollupOptions options) : store_(store), options_(std::move(options)) {
  thread_ = std::thread([this] { Run(); });
}

Rollup::~Rollup() {
  {
    const base::MutexLock lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  thread_.join();
}

void Rollup::Run() {
  while (true) {
    if (base::Status status = Apply(); !status && !IsStopping()) {
      base::LogWarning("rollups: {}; it is tried again", status.error().message);
    }
    const base::MutexLock lock(mutex_);
    const auto next = std::chrono::steady_clock::now() + options_.interval;
    while (!stop_ && std::chrono::steady_clock::now() < next) wake_.wait_until(mutex_, next);
    if (stop_) return;
  }
}

bool Rollup::IsStopping() const {
  const base::MutexLock lock(mutex_);
  return stop_;
}

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
      read(fmt::format("SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(arrived), {0}) * {0}) AS begin FROM spans "
                       "WHERE arrived >= toDateTime({1}) AND arrived < toDateTime({2}) ORDER BY begin LIMIT {3}",
                       kWindowSeconds, rolled_up_to, before, kWindowsAtOnce)));
  return windows;
}

base::Status Rollup::Apply() {
  const base::MutexLock work(work_mutex_);
  base::Status status;
  bool more = true;
  while (more && status && !IsStopping()) {
    const int64_t stored = options_.stored_up_to() / base::kNanosPerSecond - kNeighbourSeconds;
    const auto before = static_cast<uint32_t>(std::max<int64_t>(0, stored) / kWindowSeconds * kWindowSeconds);
    auto windows = NextWindows(before);
    if (!windows) {
      status = std::unexpected(std::move(windows).error());
      break;
    }
    more = windows->size() >= kWindowsAtOnce;
    for (const uint32_t window : *windows) {
      if (IsStopping()) break;
      status = MakeWindow(window);
      if (!status) break;
      store_.state().RaiseRolledUpTo(window + kWindowSeconds);
      const base::MutexLock lock(mutex_);
      ++stats_.windows;
      stats_.rolled_up_to = std::max(stats_.rolled_up_to, (window + kWindowSeconds) * base::kNanosPerSecond);
    }
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
    for (const std::string& sql :
         {SpanRollupSql(part), EdgeRollupSql(part, AnsweredCalls(part)), EdgeRollupSql(part, UnansweredCalls(part))}) {
      engine::QueryOptions options = WorkOptions();
      options.cancelled = [this] { return IsStopping(); };
      CLEW_RETURN_IF_ERROR(engine.Execute(sql, {}, options));
    }
  }
  // What was marked meanwhile stays marked: its late spans may have been missed.
  const base::MutexLock marks(store_.state().rollup_marks_mutex());
  return engine.Execute(fmt::format("INSERT INTO rollup_windows (arrived, attempt, version, is_stale) "
                                    "SELECT toDateTime({0}), {1}, max(version) + 1, max(version) != {2} "
                                    "FROM rollup_windows WHERE arrived = toDateTime({0})",
                                    window, part.attempt, version),
                        {}, WorkOptions());
}

}  // namespace clew::store
