// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "clew/store/span_reader.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

// Exact quantiles: the same whatever order rows come in, and right where there are only a few.
constexpr std::string_view kFigures =
    "count() AS calls, countIf(failed) AS errors, sum(toFloat64(took)) AS total, "
    "quantilesExact(0.5, 0.95, 0.99)(toFloat64(took)) AS quantiles";

struct Figures {
  uint64_t calls = 0;
  uint64_t errors = 0;
  double total = 0;
  double p50 = 0;
  double p95 = 0;
  double p99 = 0;
};

// From the columns of kFigures, which begin at `column`.
Figures ReadFigures(const engine::Block& block, size_t column, size_t row) {
  Figures figures{block[column].At<uint64_t>(row), block[column + 1].At<uint64_t>(row),
                  block[column + 2].At<double>(row)};
  const engine::Column& quantiles = block[column + 3];
  const size_t first = quantiles.Elements(row).first;
  figures.p50 = quantiles.element().At<double>(first);
  figures.p95 = quantiles.element().At<double>(first + 1);
  figures.p99 = quantiles.element().At<double>(first + 2);
  return figures;
}

// Calls that another service answered: a span whose parent is of another service. Its client is the parent, whatever
// kinds the two have, since not every sender sets them. The smaller side, the children, is the one held in memory.
std::string ServiceEdgesSql(std::string_view where) {
  return fmt::format(
      "SELECT client, server, {0} FROM ("
      "SELECT p.service_name AS client, c.service_name AS server, p.status_code = 2 OR c.status_code = 2 AS failed, "
      "greatest(0, if(p.kind IN (3, 4), p.duration, c.duration)) AS took "
      "FROM (SELECT trace_id, span_id, service_name, kind, duration, status_code FROM spans{1}) AS p "
      "INNER JOIN (SELECT trace_id, parent_span_id, service_name, duration, status_code FROM spans{1} "
      "AND kind NOT IN (3, 4) AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id "
      "WHERE p.service_name != c.service_name) GROUP BY client, server ORDER BY client, server",
      kFigures, where);
}

// Calls that nobody we know answered: client spans and producers without a child in another service, named by what they
// call. 1 database, 2 messaging, 3 external: NodeKind.
std::string LeafEdgesSql(std::string_view where) {
  return fmt::format(
      "WITH if(attributes['db.system.name'] != '', attributes['db.system.name'], attributes['db.system']) AS db, "
      "attributes['messaging.system'] AS messaging, "
      "multiIf(attributes['server.address'] != '', attributes['server.address'], attributes['peer.service'] != '', "
      "attributes['peer.service'], attributes['net.peer.name']) AS address, "
      "multiIf(attributes['server.port'] != '', attributes['server.port'], attributes['net.peer.port']) AS port, "
      "multiIf(address = '', '', port = '', address, concat(address, ':', port)) AS place, "
      "multiIf(db != '', 1, messaging != '', 2, 3) AS node, "
      "multiIf(node = 3, place, place = '', if(db != '', db, messaging), "
      "concat(if(db != '', db, messaging), ' ', place)) AS target "
      "SELECT client, server, node_kind, {0} FROM ("
      "SELECT service_name AS client, target AS server, toUInt8(node) AS node_kind, status_code = 2 AS failed, "
      "greatest(0, duration) AS took FROM spans{1} AND kind IN (3, 4) AND target != '' "
      "AND (node = 1 OR (trace_id, span_id, service_name) NOT IN ("
      "SELECT p.trace_id, p.span_id, p.service_name FROM (SELECT trace_id, span_id, service_name FROM spans{1} "
      "AND kind IN (3, 4)) AS p INNER JOIN (SELECT trace_id, parent_span_id, service_name FROM spans{1} "
      "AND kind NOT IN (3, 4) AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id WHERE p.service_name != c.service_name)) "
      ") GROUP BY client, server, node_kind ORDER BY client, server, node_kind",
      kFigures, where);
}

// Spans by which a service answers: server and consumer, roots, and, where a sender sets no kinds, spans whose parent
// is of another service.
std::string StatsSql(std::string_view where) {
  return fmt::format(
      "SELECT service_name, {0} FROM ("
      "SELECT service_name, status_code = 2 AS failed, greatest(0, duration) AS took FROM spans{1} "
      "AND (kind IN (2, 5) OR parent_span_id = toFixedString('', 8)) "
      "UNION ALL "
      "SELECT c.service_name AS service_name, c.status_code = 2 AS failed, greatest(0, c.duration) AS took "
      "FROM (SELECT trace_id, span_id, service_name FROM spans{1}) AS p "
      "INNER JOIN (SELECT trace_id, parent_span_id, service_name, duration, status_code FROM spans{1} AND kind = 0 "
      "AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id WHERE p.service_name != c.service_name"
      ") GROUP BY service_name ORDER BY service_name",
      kFigures, where);
}

ServiceEdge EdgeOf(const engine::Block& block, size_t row, NodeKind kind, const Figures& figures) {
  ServiceEdge edge;
  edge.client = block[0].Text(row);
  edge.server = block[1].Text(row);
  edge.server_kind = kind;
  edge.calls = figures.calls;
  edge.errors = figures.errors;
  edge.duration_sum = figures.total;
  edge.p50 = figures.p50;
  edge.p95 = figures.p95;
  edge.p99 = figures.p99;
  return edge;
}

}  // namespace

base::Result<std::vector<ServiceEdge>> SpanReader::Edges(TimeRange range) {
  StoreState& state = store_.state();
  Question question;
  question.range = range;
  CLEW_RETURN_IF_ERROR(state.Flush(question, context_));
  Conditions conditions(context_.tenant);
  conditions.AddBucketedRange("start_time", range);
  const engine::QueryOptions options = OptionsOf(context_);
  std::vector<ServiceEdge> edges;
  CLEW_RETURN_IF_ERROR(state.engine().Query(ServiceEdgesSql(conditions.where()), conditions.parameters(), options,
                                            [&](const engine::Block& block) -> base::Status {
                                              for (size_t row = 0; row < block.rows; ++row) {
                                                edges.push_back(
                                                    EdgeOf(block, row, NodeKind::kService, ReadFigures(block, 2, row)));
                                              }
                                              return {};
                                            }));
  CLEW_RETURN_IF_ERROR(state.engine().Query(LeafEdgesSql(conditions.where()), conditions.parameters(), options,
                                            [&](const engine::Block& block) -> base::Status {
                                              for (size_t row = 0; row < block.rows; ++row) {
                                                const auto kind = static_cast<NodeKind>(block[2].At<uint8_t>(row));
                                                edges.push_back(EdgeOf(block, row, kind, ReadFigures(block, 3, row)));
                                              }
                                              return {};
                                            }));
  return edges;
}

base::Result<std::vector<ServiceStats>> SpanReader::Stats(TimeRange range) {
  StoreState& state = store_.state();
  Question question;
  question.range = range;
  CLEW_RETURN_IF_ERROR(state.Flush(question, context_));
  Conditions conditions(context_.tenant);
  conditions.AddBucketedRange("start_time", range);
  std::vector<ServiceStats> stats;
  CLEW_RETURN_IF_ERROR(state.engine().Query(StatsSql(conditions.where()), conditions.parameters(), OptionsOf(context_),
                                            [&](const engine::Block& block) -> base::Status {
                                              for (size_t row = 0; row < block.rows; ++row) {
                                                const Figures figures = ReadFigures(block, 1, row);
                                                stats.push_back({std::string(block[0].Text(row)), figures.calls,
                                                                 figures.errors, figures.total, figures.p50,
                                                                 figures.p95, figures.p99});
                                              }
                                              return {};
                                            }));
  return stats;
}

}  // namespace clew::store
