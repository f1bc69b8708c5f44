// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a statement of a dialect (the first byte chooses): what comes out is no longer than what went in,
// holds no quoted string, and applied once more changes nothing.
#include "clew/base/result.h"
#include "clew/privacy/sql.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::privacy;
  if (size == 0) return 0;
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto dialect = static_cast<SqlDialect>(data[0] % 4);
  const std::string once = ReplaceSqlLiterals(sql, dialect);
  CLEW_CHECK(once.size() <= sql.size());
  CLEW_CHECK(ReplaceSqlLiterals(once, dialect) == once);
  // Quotes stand only within names that are quoted otherwise.
  if (once.find('\'') != std::string::npos) CLEW_CHECK(once.find_first_of("\"`") != std::string::npos);
  return 0;
}
