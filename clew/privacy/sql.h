// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clew::privacy {

// Whose rules decide what a text in double quotes is: an identifier (PostgreSQL) or a string (MySQL). SQLite takes it
// as either, so there, and where the dialect is not known, its place in the statement decides; in doubt it is a
// string.
enum class SqlDialect : uint8_t { kUnknown, kPostgres, kMySql, kSqlite };

// The dialect that a value of db.system.name or db.system names.
SqlDialect SqlDialectOf(std::string_view db_system);

// The statement with every literal replaced by `?`: strings of all kinds, numbers, binary and dated literals. Comments,
// which hold anything, are dropped. Identifiers, quoted ones too, keywords, operators and placeholders stay. A
// statement cut off inside a literal ends in `?`. Never longer than `sql`; applied twice it changes nothing more.
std::string ReplaceSqlLiterals(std::string_view sql, SqlDialect dialect = SqlDialect::kUnknown);

}  // namespace clew::privacy
