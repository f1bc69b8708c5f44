// SPDX-License-Identifier: Apache-2.0
#include "clew/store/edge_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "clew/store/calls_sql.h"
#include "clew/store/rollup_reader.h"
#include "clew/store/rollup_windows.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr int64_t kNanosPerMinute = 60 * base::kNanosPerSecond;
constexpr int64_t kExactRange = 15 * kNanosPerMinute;
// How far the other end of a call may lie outside of the piece of time that is read.
constexpr int64_t kNearNanos = 10 * kNanosPerMinute;

bool IsOpen(TimeRange range) { return range.from == TimeRange().from || range.to == TimeRange().to; }
bool IsShort(TimeRange range) { return !IsOpen(range) && range.to - range.from <= kExactRange; }

// The minutes that lie wholly in a range.
TimeRange WholeMinutes(TimeRange range) {
  range.from = std::max<int64_t>(0, range.from);
  range.from = (range.from / kNanosPerMinute + (range.from % kNanosPerMinute != 0 ? 1 : 0)) * kNanosPerMinute;
  if (range.to != TimeRange().to) range.to = std::max<int64_t>(0, range.to) / kNanosPerMinute * kNanosPerMinute;
  return range;
}

// Spans that rollups do not tell of: a piece of time, and which of them by their arrival.
struct Rest {
  TimeRange range;
  std::string arrived;  // empty: whenever
  // Of the other end of their calls.
  std::string near_arrived;
};

// A range as what rollups tell of it, and the rest. `up_to`: seconds of arrival.
struct Parts {
  TimeRange minutes;
  std::vector<Rest> rest;
};

Parts PartsOf(TimeRange range, uint32_t up_to) {
  Parts parts;
  parts.minutes = WholeMinutes(range);
  if (parts.minutes.IsEmpty()) {
    parts.rest.push_back({range, "", ""});
    return parts;
  }
  const std::string counted = fmt::format("arrived < toDateTime({})", up_to);
  parts.rest.push_back({range, fmt::format("arrived >= toDateTime({})", up_to),
                        fmt::format("arrived >= toDateTime({})", up_to - std::min(up_to, kNeighbourSeconds))});
  const TimeRange before{range.from, parts.minutes.from};
  if (!before.IsEmpty() && range.from != TimeRange().from) parts.rest.push_back({before, counted, ""});
  const TimeRange after{parts.minutes.to, range.to};
  if (!after.IsEmpty()) parts.rest.push_back({after, counted, ""});
  return parts;
}

void AddMinutes(TimeRange minutes, uint32_t up_to, Conditions& conditions) {
  conditions.AddInt("minute >= {from:UInt32}", "from", minutes.from / kNanosPerMinute);
  if (minutes.to != TimeRange().to) conditions.AddInt("minute < {to:UInt32}", "to", minutes.to / kNanosPerMinute);
  conditions.AddInt("arrived < toDateTime({up_to:UInt32})", "up_to", up_to).Add(kIsNamedWindow);
}

// What one statement has counted, with the address that clients named.
class Calls {
 public:
  static constexpr std::string_view kGroup = "client, server, server_kind, address";

  // Columns: those of kGroup, calls, errors, sum of durations, durations.
  base::Status Add(const engine::Block& block) {
    for (size_t row = 0; row < block.rows; ++row) {
      const auto kind = static_cast<NodeKind>(block[2].At<uint8_t>(row));
      Sum& sum = sums_[{std::string(block[0].Text(row)), std::string(block[1].Text(row)), kind}];
      sum.calls += block[4].At<uint64_t>(row);
      sum.errors += block[5].At<uint64_t>(row);
      sum.duration_sum += block[6].At<double>(row);
      sum.durations.Add(ReadDurationCounts(block[7], row));
      if (kind == NodeKind::kService && !block[3].Text(row).empty()) {
        servers_[std::string(block[3].Text(row))].insert(std::string(block[1].Text(row)));
      }
    }
    return {};
  }

  // A call that nobody answered, to an address where one service answers other calls, is a call of that service.
  std::vector<ServiceEdge> Take() {
    std::map<Key, Sum> named;
    for (auto& [key, sum] : sums_) {
      Key own = key;
      auto& [client, server, kind] = own;
      const auto at = servers_.find(server);
      if (kind == NodeKind::kExternal && at != servers_.end() && at->second.size() == 1 &&
          *at->second.begin() != client) {
        server = *at->second.begin();
        kind = NodeKind::kService;
      }
      Sum& all = named[own];
      all.calls += sum.calls;
      all.errors += sum.errors;
      all.duration_sum += sum.duration_sum;
      all.durations.Add(sum.durations);
    }
    std::vector<ServiceEdge> edges;
    for (const auto& [key, sum] : named) {
      const auto& [client, server, kind] = key;
      edges.push_back({client, server, kind, sum.calls, sum.errors, sum.duration_sum, sum.durations.Quantile(0.5),
                       sum.durations.Quantile(0.95), sum.durations.Quantile(0.99)});
    }
    return edges;
  }

 private:
  using Key = std::tuple<std::string, std::string, NodeKind>;
  struct Sum {
    uint64_t calls = 0;
    uint64_t errors = 0;
    double duration_sum = 0;
    DurationCounts durations;
  };

  std::map<Key, Sum> sums_;
  std::map<std::string, std::set<std::string>> servers_;  // by address
};

base::Status AddCounted(engine::Engine& engine, const model::RequestContext& context, TimeRange minutes, uint32_t up_to,
                        Calls& calls) {
  Conditions conditions(context.tenant);
  AddMinutes(minutes, up_to, conditions);
  const std::string sql = fmt::format(
      "SELECT {0}, sum(calls), sum(errors), sum(duration_sum), sumMap(durations) FROM edge_rollups{1} GROUP BY {0}",
      Calls::kGroup, conditions.where());
  return engine.Query(sql, conditions.parameters(), OptionsOf(context),
                      [&](const engine::Block& block) { return calls.Add(block); });
}

// The condition of the spans of `rest`, as text for subqueries; its parameters are bound under the names of Conditions.
base::Status AddRest(engine::Engine& engine, const model::RequestContext& context, const Rest& rest, Calls& calls) {
  Conditions own(context.tenant);
  own.AddBucketedRange("start_time", rest.range);
  if (!rest.arrived.empty()) own.Add(rest.arrived);
  // Begins with WHERE.
  const std::string condition = own.where().substr(own.where().find("WHERE") + 5);
  std::string near = "tenant = {tenant:String}";
  const auto bound = [&](std::string_view what, int64_t time) {
    near += fmt::format(" AND start_time {0} {1} AND intDiv(start_time, 1000000000) {0}= {2}", what, time,
                        time / base::kNanosPerSecond);
  };
  if (rest.range.from > kNearNanos) bound(">", rest.range.from - kNearNanos);
  if (rest.range.to < TimeRange().to - kNearNanos) bound("<", rest.range.to + kNearNanos);
  if (!rest.near_arrived.empty()) near += " AND " + rest.near_arrived;
  near += fmt::format(" AND trace_id IN (SELECT trace_id FROM spans WHERE {})", condition);
  const CallsScope scope{condition, near};
  for (const std::string& rows : {AnsweredCallsSql(scope), UnansweredCallsSql(scope)}) {
    const std::string sql = fmt::format(
        "SELECT {0}, count(), countIf(failed), sum(toFloat64(took)), sumMap(map({1}, toUInt64(1))) FROM ({2}) "
        "GROUP BY {0}",
        Calls::kGroup, kDurationBucketSql, rows);
    CLEW_RETURN_IF_ERROR(engine.Query(sql, own.parameters(), OptionsOf(context),
                                      [&](const engine::Block& block) { return calls.Add(block); }));
  }
  return {};
}

base::Status Flush(StoreState& state, TimeRange range, const model::RequestContext& context) {
  Question question;
  question.range = range;
  return state.FlushForReading(question, context);
}

}  // namespace

base::Result<std::vector<ServiceEdge>> EdgeReader::Edges(TimeRange range) {
  if (IsShort(range)) return SpanReader(store_, context_).Edges(range);
  StoreState& state = store_.state();
  CLEW_RETURN_IF_ERROR(Flush(state, range, context_));
  // First: a window that is made meanwhile is counted once.
  const uint32_t up_to = state.rolled_up_to();
  const Parts parts = PartsOf(range, up_to);
  Calls calls;
  CLEW_RETURN_IF_ERROR(AddCounted(state.engine(), context_, parts.minutes, up_to, calls));
  for (const Rest& rest : parts.rest) CLEW_RETURN_IF_ERROR(AddRest(state.engine(), context_, rest, calls));
  return calls.Take();
}

base::Result<std::vector<std::string>> EdgeReader::Services(TimeRange range) {
  if (IsShort(range)) return SpanReader(store_, context_).Services(range);
  StoreState& state = store_.state();
  CLEW_RETURN_IF_ERROR(Flush(state, range, context_));
  const uint32_t up_to = state.rolled_up_to();
  const Parts parts = PartsOf(range, up_to);
  std::set<std::string> services;
  const auto read = [&](std::string_view table, Conditions& conditions) {
    return state.engine().Query(fmt::format("SELECT DISTINCT service_name FROM {}{}", table, conditions.where()),
                                conditions.parameters(), OptionsOf(context_),
                                [&](const engine::Block& block) -> base::Status {
                                  for (size_t row = 0; row < block.rows; ++row) services.emplace(block[0].Text(row));
                                  return {};
                                });
  };
  Conditions counted(context_.tenant);
  AddMinutes(parts.minutes, up_to, counted);
  CLEW_RETURN_IF_ERROR(read("span_rollups", counted));
  for (const Rest& rest : parts.rest) {
    Conditions conditions(context_.tenant);
    conditions.AddBucketedRange("start_time", rest.range);
    if (!rest.arrived.empty()) conditions.Add(rest.arrived);
    CLEW_RETURN_IF_ERROR(read("spans", conditions));
  }
  return std::vector<std::string>(services.begin(), services.end());
}

}  // namespace clew::store
