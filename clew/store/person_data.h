// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clew/base/result.h"
#include "clew/engine/engine.h"
#include "clew/model/request_context.h"
#include "clew/store/person_pattern.h"
#include "clew/store/store.h"

namespace clew::store {

// Rows of one table that hold something of a person.
struct PersonRows {
  std::string table;
  std::string service;  // empty: of none
  uint64_t rows = 0;
};
using RowsByTable = std::map<std::string, uint64_t>;

// One person's rows in all tables of the context's tenant: every text column of every table there is, however nested.
// Rows of telemetry are removed whole; of a series that names the person all points too. Who sent telemetry and
// incidents stay, with kErased in the person's place, since they are about services.
//
// What is to be removed is noted in the table `erasing`, as hashes of rows, so that nothing of the person comes into a
// statement that ClickHouse writes to disk. Every step may be done again after a crash. Rows must be in their tables
// (WritePath::EmptyLog). One thread; all references outlive it.
class PersonData {
 public:
  // `act`: letters and digits that name this erasure.
  PersonData(Store& store, const model::RequestContext& context, const PersonPattern& pattern, std::string act);

  base::Result<std::vector<PersonRows>> Count();
  // Notes the rows there are; gives all that this act has noted so far.
  base::Result<RowsByTable> Mark();
  // Writes senders and incidents anew, without the person. After Mark, which noted their old rows.
  base::Status Rewrite();
  // Removes what was noted, and forgets it in memory. Returns when ClickHouse has rewritten the parts.
  base::Status Remove();
  // Returns once the parts that were replaced are no longer on disk.
  base::Status AwaitOldParts();
  // The act is over.
  base::Status ForgetMarks();
  // Parts that lie aside as damaged: nobody can say what is in them.
  base::Result<uint64_t> PartsAside();

 private:
  struct Table;
  base::Result<std::vector<Table>> Tables();
  base::Status MarkTable(const Table& table);
  base::Status RewriteSenders(const Table& table);
  base::Status RewriteIncidents(const Table& table);
  base::Result<std::vector<uint64_t>> MarkedSeries();
  std::string Condition(const Table& table) const;
  engine::Parameters BaseParameters() const;

  Store& store_;
  const model::RequestContext& context_;
  const PersonPattern& pattern_;
  const std::string act_;
};

// Files below the store's folder in which the person stands byte for byte, as paths within it.
base::Result<std::vector<std::string>> FilesWithPerson(const Store& store, const PersonPattern& pattern,
                                                       const model::RequestContext& context);

}  // namespace clew::store
