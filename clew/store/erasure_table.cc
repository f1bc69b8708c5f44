// SPDX-License-Identifier: Apache-2.0
#include "clew/store/erasure_table.h"

#include <utility>

#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {

base::Status ErasureTable::Put(const Erasure& erasure, int64_t now) {
  std::vector<std::string> tables;
  std::vector<uint64_t> rows;
  for (const auto& [table, count] : erasure.rows) {
    tables.push_back(table);
    rows.push_back(count);
  }
  engine::Parameters parameters;
  parameters.Text("tenant", context_.tenant.name()).Text("id", erasure.id).Int("written", now);
  parameters.Int("started", erasure.started).Int("finished", erasure.finished);
  parameters.Text("who", erasure.who).Text("digest", erasure.digest).Uint("identifiers", erasure.identifiers);
  parameters.Text("state", erasure.state).Text("note", erasure.note).Texts("tables", tables).Uints("rows", rows);
  return store_.state().engine().Execute(
      "INSERT INTO erasures (tenant, id, written, started, finished, who, digest, identifiers, state, rows, note) "
      "SELECT {tenant:String}, {id:String}, {written:Int64}, {started:Int64}, {finished:Int64}, {who:String}, "
      "{digest:String}, {identifiers:UInt32}, {state:String}, "
      "mapFromArrays({tables:Array(String)}, {rows:Array(UInt64)}), {note:String}",
      parameters, OptionsOf(context_));
}

base::Result<std::vector<Erasure>> ErasureTable::List() {
  Conditions conditions(context_.tenant);
  std::vector<Erasure> erasures;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      "SELECT id, argMax(started, written) AS began, argMax(finished, written), argMax(who, written), "
      "argMax(digest, written), argMax(identifiers, written), argMax(state, written), "
      "mapKeys(argMax(rows, written) AS newest), mapValues(newest), argMax(note, written) FROM erasures" +
          conditions.where() + " GROUP BY id ORDER BY began DESC, id",
      conditions.parameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          Erasure erasure;
          erasure.id = block[0].Text(row);
          erasure.started = block[1].At<int64_t>(row);
          erasure.finished = block[2].At<int64_t>(row);
          erasure.who = block[3].Text(row);
          erasure.digest = block[4].Text(row);
          erasure.identifiers = block[5].At<uint32_t>(row);
          erasure.state = block[6].Text(row);
          const auto [first, last] = block[7].Elements(row);
          for (size_t i = first; i < last; ++i) {
            erasure.rows.emplace(block[7].element(0).Text(i), block[8].element(0).At<uint64_t>(i));
          }
          erasure.note = block[9].Text(row);
          erasures.push_back(std::move(erasure));
        }
        return {};
      }));
  return erasures;
}

}  // namespace clew::store
