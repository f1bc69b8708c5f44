// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/sql.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <tuple>

namespace clew::privacy {
namespace {

using enum SqlDialect;
constexpr std::array kDialects = {kUnknown, kPostgres, kMySql, kSqlite};

TEST(ReplaceSqlLiterals, LiteralsThatAreTheSameEverywhere) {
  const std::array<std::pair<std::string_view, std::string_view>, 24> cases = {{
      {"SELECT * FROM users WHERE email = 'zoe@example.net'", "SELECT * FROM users WHERE email = ?"},
      {"SELECT id, name FROM t1 WHERE a=1 AND b2 = 2.5e-3", "SELECT id, name FROM t1 WHERE a=? AND b2 = ?"},
      {"INSERT INTO t (a, b) VALUES (1, 'it''s'), (-2, NULL)", "INSERT INTO t (a, b) VALUES (?, ?), (-?, NULL)"},
      {"UPDATE t SET a = 'x', b = b + 1 WHERE id IN (1,2,3)", "UPDATE t SET a = ?, b = b + ? WHERE id IN (?,?,?)"},
      {"SELECT 0xDEADbeef, x'4D', B'01', N'n', 1_000, .5, 1., 12abc", "SELECT ?, ?, ?, ?, ?, ?, ?, ?"},
      {"SELECT DATE '2026-11-24', INTERVAL '1 day'", "SELECT DATE ?, INTERVAL ?"},
      {"SELECT `weird ``name 1` FROM `t`", "SELECT `weird ``name 1` FROM `t`"},
      {"SELECT a FROM t WHERE b = ? AND c = :name AND d = $1 AND e = @v AND f = %s AND g = %(x)s AND h = ?1 AND i = :2",
       "SELECT a FROM t WHERE b = ? AND c = :name AND d = $1 AND e = @v AND f = %s AND g = %(x)s AND h = ?1 AND i = "
       ":2"},
      {"SELECT a -- zoe@example.net\nFROM t", "SELECT a \nFROM t"},
      {"SELECT /* zoe's */ a/**/b FROM t/* cut off", "SELECT  a b FROM t"},
      {"SELECT 'cut of", "SELECT ?"},
      {"SELECT a FROM t WHERE n = 12", "SELECT a FROM t WHERE n = ?"},
      {"SELECT 'a' 'b'", "SELECT ? ?"},
      {"SELECT 'a'\n'b'", "SELECT ?\n?"},
      {"LIMIT 10 OFFSET 20", "LIMIT ? OFFSET ?"},
      {"SELECT $$zoe$$, $tag$ it's $$ $tag$", "SELECT ?, ?"},
      {"SELECT 'x'::text, 5::int", "SELECT ?::text, ?::int"},
      {"SELECT c[1:2] FROM t", "SELECT c[?:2] FROM t"},
      {"SELECT a FROM t WHERE b = ?12345", "SELECT a FROM t WHERE b = ??"},
      {"PRAGMA table_info(users)", "PRAGMA table_info(users)"},
      {"SELECT größe FROM straße WHERE ort='Köln'", "SELECT größe FROM straße WHERE ort=?"},
      {"CALL p('a', 1)", "CALL p(?, ?)"},
      {"", ""},
      {"SELECT 1e5, 1E+5, 0x1e+5", "SELECT ?, ?, ?+?"},
  }};
  for (const auto& [sql, expected] : cases) {
    for (const SqlDialect dialect : kDialects) {
      EXPECT_EQ(ReplaceSqlLiterals(sql, dialect), expected) << static_cast<int>(dialect);
    }
  }
}

TEST(ReplaceSqlLiterals, DialectsDiffer) {
  const std::vector<std::tuple<SqlDialect, std::string_view, std::string_view>> cases = {
      {kPostgres, R"(SELECT "name" FROM "users" WHERE "email" = 'z' OR "a" = "b")",
       R"(SELECT "name" FROM "users" WHERE "email" = ? OR "a" = "b")"},
      {kPostgres, R"(SELECT E'it\'s', 'C:\', u&'d\0061t' FROM t)", "SELECT ?, ?, ? FROM t"},
      {kPostgres, "SELECT a /* outer /* inner */ still 'zoe' */ FROM t", "SELECT a  FROM t"},
      {kPostgres, "SELECT data #> '{a}' FROM t", "SELECT data #> ? FROM t"},
      {kMySql, R"(SELECT name FROM users WHERE email = "zoe@example.net")", "SELECT name FROM users WHERE email = ?"},
      {kMySql, R"(SELECT 'it\'s', "a\"b", "a""b" FROM t)", "SELECT ?, ?, ? FROM t"},
      {kMySql, "SELECT a # zoe's\nFROM t", "SELECT a \nFROM t"},
      {kMySql, "SELECT 5--1, _utf8mb4'abc'", "SELECT ?--?, _utf8mb4?"},
      {kMySql, "SELECT /*!40001 SQL_NO_CACHE */ a FROM t", "SELECT  a FROM t"},
      {kSqlite, R"(SELECT "id", "name" FROM "users" WHERE "email" = "zoe" AND "n" > 3)",
       R"(SELECT "id", "name" FROM "users" WHERE "email" = ? AND "n" > ?)"},
      {kSqlite, R"(INSERT INTO "t" ("a", "b") VALUES ("zoe", 'x'))", R"(INSERT INTO "t" ("a", "b") VALUES (?, ?))"},
      {kSqlite, R"(SELECT 'C:\' FROM t)", "SELECT ? FROM t"},
      {kUnknown, R"(SELECT "u"."id" FROM "users" AS "u" JOIN "orders" ON "u"."id" = "orders"."user" ORDER BY "u"."id")",
       R"(SELECT "u"."id" FROM "users" AS "u" JOIN "orders" ON "u"."id" = "orders"."user" ORDER BY "u"."id")"},
      {kUnknown, R"(SELECT name FROM users WHERE email = "zoe" OR email IN ("a", "b"))",
       "SELECT name FROM users WHERE email = ? OR email IN (?, ?)"},
      {kUnknown, R"(INSERT INTO "t" ("a", "b") VALUES ("zoe", "x"))", R"(INSERT INTO "t" ("a", "b") VALUES (?, ?))"},
      {kUnknown, R"(SELECT "zoe")", "SELECT ?"},
      {kUnknown, R"({"find": "users", "filter": {"email": "zoe@example.net"}})", "{?: ?, ?: {?: ?}}"},
      // A backslash may keep a string open or not.
      {kUnknown, R"(WHERE a = 'O\'Brien' AND b = 'secret')", "WHERE a = ?"},
      {kUnknown, R"(WHERE a = 'C:\' AND b = 'secret')", "WHERE a = ?"},
      {kUnknown, R"(WHERE a = 'no quote \n' AND b = 2)", "WHERE a = ? AND b = ?"},
  };
  for (const auto& [dialect, sql, expected] : cases) {
    EXPECT_EQ(ReplaceSqlLiterals(sql, dialect), expected) << sql << static_cast<int>(dialect);
  }
}

TEST(ReplaceSqlLiterals, CutOffAnywhereNothingOfALiteralStays) {
  const std::string_view sql =
      R"(SELECT "a", x FROM t /* geheim */ WHERE b = 'geheim' AND c = $q$geheim$q$ AND d = E'\'geheim')";
  for (const SqlDialect dialect : kDialects) {
    for (size_t size = 0; size <= sql.size(); ++size) {
      const std::string replaced = ReplaceSqlLiterals(sql.substr(0, size), dialect);
      EXPECT_EQ(replaced.find("ge"), std::string::npos) << replaced;
      EXPECT_LE(replaced.size(), size);
    }
  }
}

TEST(ReplaceSqlLiterals, TwiceChangesNothingMore) {
  constexpr std::string_view kPieces[] = {"'",  "\"",     "`",     "\\", "$", "$a$", "a",   "e'", "/*", "*/", "--",
                                          "\n", "#",      "1",     ".",  "(", ")",   ",",   "=",  "?",  ":",  " ",
                                          "x",  "SELECT", "FROM ", "IN", ";", "1e+", "u&'", "@",  "-",  "/"};
  std::mt19937 random(3);
  for (int i = 0; i < 60000; ++i) {
    std::string sql;
    for (size_t pieces = random() % 14; pieces > 0; --pieces) sql += kPieces[random() % std::size(kPieces)];
    for (const SqlDialect dialect : kDialects) {
      const std::string once = ReplaceSqlLiterals(sql, dialect);
      ASSERT_LE(once.size(), sql.size()) << sql;
      ASSERT_EQ(ReplaceSqlLiterals(once, dialect), once) << sql << " dialect " << static_cast<int>(dialect);
    }
  }
}

TEST(SqlDialectOf, KnowsTheConventionsNames) {
  EXPECT_EQ(SqlDialectOf("postgresql"), kPostgres);
  EXPECT_EQ(SqlDialectOf("MariaDB"), kMySql);
  EXPECT_EQ(SqlDialectOf("sqlite"), kSqlite);
  EXPECT_EQ(SqlDialectOf("db2"), kUnknown);
  EXPECT_EQ(SqlDialectOf(""), kUnknown);
}

}  // namespace
}  // namespace clew::privacy
