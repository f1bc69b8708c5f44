// SPDX-License-Identifier: Apache-2.0
#include "clew/store/rollup_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "clew/store/rollup_windows.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

constexpr int64_t kNanosPerMinute = 60 * base::kNanosPerSecond;

void AddMinutes(TimeRange range, Conditions& conditions) {
  const auto minutes = [](base::UnixNanos time) { return std::max<int64_t>(0, time) / kNanosPerMinute; };
  if (range.from > 0) {
    conditions.AddInt("minute >= {from:UInt32}", "from", minutes(range.from - 1) + (range.from > 0 ? 1 : 0));
  }
  if (range.to != std::numeric_limits<int64_t>::max()) {
    conditions.AddInt("minute < {to:UInt32}", "to", range.to <= 0 ? 0 : minutes(range.to - 1) + 1);
  }
  conditions.Add(kIsNamedWindow);
}

template <typename Id>
Id IdOf(std::string_view bytes) {
  Id id;
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.bytes.size()), reinterpret_cast<char*>(id.bytes.data()));
  return id;
}

}  // namespace

DurationCounts ReadDurationCounts(const engine::Column& column, size_t row) {
  DurationCounts durations;
  const auto [first, last] = column.Elements(row);
  for (size_t i = first; i < last; ++i) {
    durations.Add(column.element(0).At<int16_t>(i), column.element(1).At<uint64_t>(i));
  }
  return durations;
}

double DurationCounts::Quantile(double q) const {
  uint64_t total = 0;
  for (const auto& [bucket, calls] : counts_) total += calls;
  double rank = q * static_cast<double>(total);
  for (const auto& [bucket, calls] : counts_) {
    const auto here = static_cast<double>(calls);
    if (rank > here) {
      rank -= here;
      continue;
    }
    if (bucket < 0) return 0;
    // Between the bounds of the bucket, as if its calls lay evenly on the scale of logarithms.
    return std::exp2((bucket - 1 + rank / here) / 4);
  }
  return counts_.empty() || counts_.rbegin()->first < 0 ? 0 : std::exp2(counts_.rbegin()->first / 4.0);
}

base::Result<std::vector<SpanRollup>> RollupReader::Spans(TimeRange range, std::string_view service) {
  CLEW_RETURN_IF_ERROR(context_.Check());
  Conditions conditions(context_.tenant);
  AddMinutes(range, conditions);
  if (!service.empty()) conditions.AddText("service_name = {service:String}", "service", service);
  std::vector<SpanRollup> rollups;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      fmt::format("SELECT minute, service_name, name, kind, status_code, sum(calls), sum(duration_sum), sum(own_sum), "
                  "sumMap(durations), argMax(exemplar_trace_id, exemplar_duration), "
                  "argMax(exemplar_span_id, exemplar_duration), argMax(exemplar_time, exemplar_duration), "
                  "max(exemplar_duration) FROM span_rollups{} GROUP BY minute, service_name, name, kind, status_code "
                  "ORDER BY minute, service_name, name, kind, status_code",
                  conditions.where()),
      conditions.parameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          rollups.push_back({block[0].At<uint32_t>(row) * kNanosPerMinute, std::string(block[1].Text(row)),
                             std::string(block[2].Text(row)), static_cast<model::SpanKind>(block[3].At<uint8_t>(row)),
                             static_cast<model::StatusCode>(block[4].At<uint8_t>(row)), block[5].At<uint64_t>(row),
                             block[6].At<double>(row), block[7].At<double>(row), ReadDurationCounts(block[8], row),
                             IdOf<model::TraceId>(block[9].Text(row)), IdOf<model::SpanId>(block[10].Text(row)),
                             static_cast<base::UnixNanos>(block[11].At<uint64_t>(row)), block[12].At<int64_t>(row)});
        }
        return {};
      }));
  return rollups;
}

base::Result<std::vector<CallRollup>> RollupReader::Calls(TimeRange range) {
  CLEW_RETURN_IF_ERROR(context_.Check());
  Conditions conditions(context_.tenant);
  AddMinutes(range, conditions);
  std::vector<CallRollup> rollups;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      fmt::format("SELECT minute, client, client_name, server, server_name, server_kind, sum(calls), sum(errors), "
                  "sum(duration_sum), sum(hops), sum(hop_sum), sumMap(durations) FROM edge_rollups{} "
                  "GROUP BY minute, client, client_name, server, server_name, server_kind "
                  "ORDER BY minute, client, client_name, server, server_name, server_kind",
                  conditions.where()),
      conditions.parameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          rollups.push_back({block[0].At<uint32_t>(row) * kNanosPerMinute, std::string(block[1].Text(row)),
                             std::string(block[2].Text(row)), std::string(block[3].Text(row)),
                             std::string(block[4].Text(row)), static_cast<NodeKind>(block[5].At<uint8_t>(row)),
                             block[6].At<uint64_t>(row), block[7].At<uint64_t>(row), block[8].At<double>(row),
                             block[9].At<uint64_t>(row), block[10].At<double>(row),
                             ReadDurationCounts(block[11], row)});
        }
        return {};
      }));
  return rollups;
}

base::UnixNanos RollupReader::UpTo() const { return store_.state().rolled_up_to() * base::kNanosPerSecond; }

}  // namespace clew::store
