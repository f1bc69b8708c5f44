// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string_view>

#include "clew/base/result.h"
#include "clew/query/logql/parser.h"
#include "clew/query/logql/pipeline.h"

// Whatever parses keeps its meaning through Format, and runs over a line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::query::logql;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto query = Parse(text);
  if (!query) return 0;
  const std::string formatted = Format(*query);
  const auto again = Parse(formatted);
  CLEW_CHECK(again.has_value());
  CLEW_CHECK(Format(*again) == formatted);
  if (const auto* log_query = std::get_if<LogQuery>(&*query)) {
    const auto pipeline = Pipeline::Compile(log_query->pipeline);
    CLEW_CHECK(pipeline.has_value());
    pipeline->Matches("GET /cart 503 1.5s", clew::model::Labels({{"path", "/cart"}, {"status", "503"}}));
  }
  return 0;
}
