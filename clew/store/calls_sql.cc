// SPDX-License-Identifier: Apache-2.0
#include "clew/store/calls_sql.h"

#include <fmt/format.h>

namespace clew::store {

std::string MinuteSql(std::string_view table) {
  return fmt::format("toUInt32(intDiv({}.start_time, 60000000000))", table);
}

std::string AnsweredCallsSql(const CallsScope& scope) {
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
      fmt::arg("minute", MinuteSql("c")), fmt::arg("client_name", scope.client_name),
      fmt::arg("server_name", scope.server_name), fmt::arg("near", scope.near), fmt::arg("own", scope.own),
      fmt::arg("has_parent", kHasParentSql));
}

std::string UnansweredCallsSql(const CallsScope& scope) {
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
      fmt::arg("minute", MinuteSql("p")), fmt::arg("client_name", scope.client_name), fmt::arg("own", scope.own),
      fmt::arg("near", scope.near), fmt::arg("has_parent", kHasParentSql));
}

}  // namespace clew::store
