// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "clew/store/sender_directory.h"
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

// Calls of databases and queues: what is stored of the call itself, since they send no spans.
std::string NamedPeersSql(std::string_view where) {
  return fmt::format(
      "SELECT client, server, node, {0} FROM (SELECT service_name AS client, peer_name AS server, peer_kind AS node, "
      "status_code = 2 AS failed, greatest(0, duration) AS took FROM spans{1} AND peer_kind IN (1, 2)) "
      "GROUP BY client, server, node ORDER BY client, server, node",
      kFigures, where);
}

// Calls to any other address below which no span of an answerer came.
std::string UnansweredSql(std::string_view where) {
  return fmt::format(
      "SELECT client, server, toUInt8(3) AS node, {0} FROM (SELECT p.service_name AS client, p.peer_name AS server, "
      "p.status_code = 2 AS failed, greatest(0, p.duration) AS took "
      "FROM (SELECT trace_id, span_id, service_name, peer_name, duration, status_code FROM spans{1} AND peer_kind = 3) "
      "AS p LEFT ANTI JOIN (SELECT trace_id, parent_span_id FROM spans{1} AND kind NOT IN (3, 4) "
      "AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id) "
      "GROUP BY client, server ORDER BY client, server",
      kFigures, where);
}

// Which service answers at which address, where only one does.
std::string AddressesSql(std::string_view where) {
  return fmt::format(
      "SELECT peer_name, any(server) FROM (SELECT p.peer_name AS peer_name, c.service_name AS server "
      "FROM (SELECT trace_id, span_id, service_name, peer_name FROM spans{0} AND peer_kind = 3) AS p "
      "INNER JOIN (SELECT trace_id, parent_span_id, service_name FROM spans{0} AND kind NOT IN (3, 4) "
      "AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id WHERE p.service_name != c.service_name) "
      "GROUP BY peer_name HAVING uniqExact(server) = 1",
      where);
}

// Spans by which a service answers: server and consumer, roots, and, where a sender sets no kinds, spans whose parent
// is of another service. Grouped by `keys`, the figures' columns come after them.
std::string StatsSql(std::string_view where, std::string_view keys, std::string_view rest = "") {
  return fmt::format(
      "SELECT {2}, {0}{3} FROM ("
      "SELECT service_name, name, start_time, resource_id, status_code = 2 AS failed, greatest(0, duration) AS took "
      "FROM spans{1} AND (kind IN (2, 5) OR parent_span_id = toFixedString('', 8)) "
      "UNION ALL "
      "SELECT c.service_name AS service_name, c.name AS name, c.start_time AS start_time, c.resource_id AS "
      "resource_id, "
      "c.status_code = 2 AS failed, greatest(0, c.duration) AS took "
      "FROM (SELECT trace_id, span_id, service_name FROM spans{1}) AS p "
      "INNER JOIN (SELECT trace_id, parent_span_id, service_name, name, start_time, resource_id, duration, status_code "
      "FROM spans{1} AND kind = 0 AND parent_span_id != toFixedString('', 8)) AS c "
      "ON p.trace_id = c.trace_id AND p.span_id = c.parent_span_id WHERE p.service_name != c.service_name"
      ")",
      kFigures, where, keys, rest);
}

// The spans that started in the range, once those that were acknowledged are in their table.
base::Result<Conditions> StoredIn(TimeRange range, StoreState& state, const model::RequestContext& context) {
  Question question;
  question.range = range;
  CLEW_RETURN_IF_ERROR(state.FlushForReading(question, context));
  Conditions conditions(context.tenant);
  conditions.AddBucketedRange("start_time", range);
  return conditions;
}

ServiceStats StatsOf(std::string_view service, const Figures& figures) {
  return {std::string(service), figures.calls, figures.errors, figures.total, figures.p50, figures.p95, figures.p99};
}

// Edges of one query: client, server, kind where `kind` is not given, figures.
base::Result<std::vector<ServiceEdge>> ReadEdges(StoreState& state, const std::string& sql, Conditions& conditions,
                                                 const model::RequestContext& context, bool are_services) {
  std::vector<ServiceEdge> edges;
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      const Figures figures = ReadFigures(block, are_services ? 2 : 3, row);
      edges.push_back({std::string(block[0].Text(row)), std::string(block[1].Text(row)),
                       are_services ? NodeKind::kService : static_cast<NodeKind>(block[2].At<uint8_t>(row)),
                       figures.calls, figures.errors, figures.total, figures.p50, figures.p95, figures.p99});
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context), on_block));
  return edges;
}

// A call that nobody answered, to an address where a service answers other calls, is a call of that service.
base::Status NameUnanswered(StoreState& state, Conditions& conditions, const model::RequestContext& context,
                            std::vector<ServiceEdge>& unanswered) {
  std::map<std::string, std::string, std::less<>> services;
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) services.emplace(block[0].Text(row), block[1].Text(row));
    return {};
  };
  CLEW_RETURN_IF_ERROR(
      state.engine().Query(AddressesSql(conditions.where()), conditions.parameters(), OptionsOf(context), on_block));
  for (ServiceEdge& edge : unanswered) {
    const auto found = services.find(edge.server);
    if (found == services.end() || found->second == edge.client) continue;
    edge.server = found->second;
    edge.server_kind = NodeKind::kService;
  }
  return {};
}

void Merge(std::vector<ServiceEdge> more, std::vector<ServiceEdge>& edges) {
  for (ServiceEdge& edge : more) {
    const auto same = std::ranges::find_if(edges, [&](const ServiceEdge& other) {
      return other.client == edge.client && other.server == edge.server && other.server_kind == edge.server_kind;
    });
    if (same == edges.end()) {
      edges.push_back(std::move(edge));
      continue;
    }
    same->calls += edge.calls;
    same->errors += edge.errors;
    same->duration_sum += edge.duration_sum;
  }
}

}  // namespace

base::Result<std::vector<ServiceEdge>> SpanReader::Edges(TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(Conditions conditions, StoredIn(range, state, context_));
  const std::string& where = conditions.where();
  CLEW_ASSIGN_OR_RETURN(auto edges, ReadEdges(state, ServiceEdgesSql(where), conditions, context_, true));
  CLEW_ASSIGN_OR_RETURN(auto peers, ReadEdges(state, NamedPeersSql(where), conditions, context_, false));
  CLEW_ASSIGN_OR_RETURN(auto unanswered, ReadEdges(state, UnansweredSql(where), conditions, context_, false));
  if (!unanswered.empty()) CLEW_RETURN_IF_ERROR(NameUnanswered(state, conditions, context_, unanswered));
  Merge(std::move(peers), edges);
  Merge(std::move(unanswered), edges);
  return edges;
}

base::Result<std::vector<ServiceStats>> SpanReader::Stats(TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(Conditions conditions, StoredIn(range, state, context_));
  std::vector<ServiceStats> stats;
  const std::string sql = StatsSql(conditions.where(), "service_name") + " GROUP BY service_name ORDER BY service_name";
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      stats.push_back(StatsOf(block[0].Text(row), ReadFigures(block, 1, row)));
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context_), on_block));
  return stats;
}

base::Result<std::vector<ServiceStep>> SpanReader::StatsOverTime(TimeRange range, std::chrono::nanoseconds step,
                                                                 std::string_view service) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(Conditions conditions, StoredIn(range, state, context_));
  conditions.parameters().Uint("step", static_cast<uint64_t>(step.count()));
  std::string sql = StatsSql(conditions.where(), "service_name, intDiv(start_time, {step:UInt64}) AS at");
  if (!service.empty()) {
    conditions.parameters().Text("service", service);
    sql += " WHERE service_name = {service:String}";
  }
  sql += " GROUP BY service_name, at ORDER BY service_name, at";
  std::vector<ServiceStep> steps;
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      const auto start = static_cast<base::UnixNanos>(block[1].At<uint64_t>(row)) * step.count();
      steps.push_back({start, StatsOf(block[0].Text(row), ReadFigures(block, 2, row))});
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context_), on_block));
  return steps;
}

base::Result<std::vector<OperationStats>> SpanReader::StatsOfOperations(std::string_view service, TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(Conditions conditions, StoredIn(range, state, context_));
  conditions.parameters().Text("service", service);
  const std::string sql = StatsSql(conditions.where(), "name") +
                          " WHERE service_name = {service:String} GROUP BY name ORDER BY calls DESC, name";
  std::vector<OperationStats> operations;
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      operations.push_back({std::string(block[0].Text(row)), StatsOf(service, ReadFigures(block, 1, row))});
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context_), on_block));
  return operations;
}

base::Result<std::vector<InstanceStats>> SpanReader::StatsOfInstances(std::string_view service, TimeRange range) {
  StoreState& state = store_.state();
  CLEW_ASSIGN_OR_RETURN(Conditions conditions, StoredIn(range, state, context_));
  conditions.parameters().Text("service", service);
  const std::string sql =
      StatsSql(conditions.where(), "resource_id", ", max(start_time) AS newest") +
      " WHERE service_name = {service:String} GROUP BY resource_id ORDER BY calls DESC, resource_id";
  std::vector<InstanceStats> instances;
  const auto on_block = [&](const engine::Block& block) -> base::Status {
    for (size_t row = 0; row < block.rows; ++row) {
      InstanceStats instance;
      instance.stats = StatsOf(service, ReadFigures(block, 1, row));
      instance.last_start = block[5].At<uint64_t>(row);
      if (const auto record = state.resources().Find(context_.tenant.name(), block[0].At<uint64_t>(row))) {
        model::BatchBase batch;
        CLEW_ASSIGN_OR_RETURN(const model::Resource resource, ReadResourceRecord(*record, batch));
        batch.resources.push_back(resource);
        instance.instance = batch.ResourceText(0, "service.instance.id");
        instance.version = batch.ResourceText(0, "service.version");
        instance.host = batch.ResourceText(0, "host.name");
      }
      instances.push_back(std::move(instance));
    }
    return {};
  };
  CLEW_RETURN_IF_ERROR(state.engine().Query(sql, conditions.parameters(), OptionsOf(context_), on_block));
  return instances;
}

}  // namespace clew::store
