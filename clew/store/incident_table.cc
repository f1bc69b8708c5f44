// SPDX-License-Identifier: Apache-2.0
#include "clew/store/incident_table.h"

#include <fmt/format.h>

#include <utility>

#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {

base::Status IncidentTable::Put(const Incident& incident, int64_t now) {
  CLEW_RETURN_IF_ERROR(context_.Check());
  engine::Parameters parameters;
  parameters.Text("tenant", context_.tenant.name()).Text("id", incident.id).Int("written", now);
  parameters.Int("onset", incident.onset).Int("opened", incident.opened).Int("closed", incident.closed);
  parameters.Text("service", incident.service).Text("kind", incident.kind);
  parameters.Text("summary", incident.summary).Text("answer", incident.answer);
  return store_.state().engine().Execute(
      "INSERT INTO incidents (tenant, id, written, onset, opened, closed, service, kind, summary, answer) "
      "SELECT {tenant:String}, {id:String}, {written:Int64}, {onset:Int64}, {opened:Int64}, {closed:Int64}, "
      "{service:String}, {kind:String}, {summary:String}, {answer:String}",
      parameters, OptionsOf(context_));
}

base::Result<std::vector<Incident>> IncidentTable::Select(std::string_view having, Conditions& conditions) {
  CLEW_RETURN_IF_ERROR(context_.Check());
  const std::string sql = fmt::format(
      "SELECT id, argMax(onset, written) AS began, argMax(opened, written), argMax(closed, written) AS over, "
      "argMax(service, written), argMax(kind, written), argMax(summary, written), argMax(answer, written) "
      "FROM incidents{} GROUP BY id HAVING {}",
      conditions.where(), having);
  std::vector<Incident> incidents;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(sql, conditions.parameters(), OptionsOf(context_),
                                                     [&](const engine::Block& block) -> base::Status {
                                                       for (size_t row = 0; row < block.rows; ++row) {
                                                         Incident incident;
                                                         incident.id = block[0].Text(row);
                                                         incident.onset = block[1].At<int64_t>(row);
                                                         incident.opened = block[2].At<int64_t>(row);
                                                         incident.closed = block[3].At<int64_t>(row);
                                                         incident.service = block[4].Text(row);
                                                         incident.kind = block[5].Text(row);
                                                         incident.summary = block[6].Text(row);
                                                         incident.answer = block[7].Text(row);
                                                         incidents.push_back(std::move(incident));
                                                       }
                                                       return {};
                                                     }));
  return incidents;
}

base::Result<std::vector<Incident>> IncidentTable::List(TimeRange range, uint32_t limit) {
  Conditions conditions(context_.tenant);
  conditions.parameters().Int("from", range.from).Int("to", range.to).Uint("limit", limit);
  return Select(
      "began < {to:Int64} AND (over = 0 OR over >= {from:Int64}) ORDER BY began DESC, id "
      "LIMIT {limit:UInt32}",
      conditions);
}

base::Result<Incident> IncidentTable::Get(std::string_view id) {
  Conditions conditions(context_.tenant);
  conditions.AddText("id = {id:String}", "id", id);
  CLEW_ASSIGN_OR_RETURN(std::vector<Incident> found, Select("1", conditions));
  if (found.empty()) return base::NotFound("no incident has this id; GET /api/clew/incidents lists them");
  return std::move(found.front());
}

}  // namespace clew::store
