// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/terminal.h"

#include <gtest/gtest.h>

#include <string>

#include "clew/cli/waterfall.h"
#include "clew/cli/why_text.h"

namespace clew::cli {
namespace {

TEST(Terminal, TelemetryCannotCommandIt) {
  EXPECT_EQ(Printable("a\x1b[31mred\x07\n"), "a␛[31mred␇␊");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m");
  EXPECT_EQ(Printable("grüße \xFF"), "grüße \xEF\xBF\xBD");
}

TEST(Terminal, CutsByColumns) {
  EXPECT_EQ(Cut("grüße", 5), "grüße");
  EXPECT_EQ(Cut("grüße", 4), "grü…");
  EXPECT_EQ(Fit("ab", 4), "ab  ");
  EXPECT_EQ(Cut("ab", 0), "");
}

TEST(Waterfall, DrawsSpansLogsAndWhatIsBroken) {
  const auto trace = base::ParseJson(R"({
    "trace_id": "0af7651916cd43dd8448eb211c80319c", "logs_cut": false,
    "spans": [
      {"span_id": "01", "service": "frontend", "name": "GET /", "start": "2026-11-24T19:40:00Z", "duration_ms": 100,
       "status": "error", "events": []},
      {"span_id": "02", "parent_span_id": "01", "service": "cart", "name": "GET /items",
       "start": "2026-11-24T19:40:00.05Z", "duration_ms": 40, "status": "unset",
       "events": [{"name": "exception", "attributes": {"exception.type": "KeyError", "exception.message": "x"}}]},
      {"span_id": "03", "parent_span_id": "04", "service": "loop", "name": "a", "start": "2026-11-24T19:40:00Z",
       "duration_ms": 1, "status": "unset", "events": []},
      {"span_id": "04", "parent_span_id": "03", "service": "loop", "name": "b", "start": "2026-11-24T19:40:00Z",
       "duration_ms": -1, "status": "unset", "events": []}],
    "logs": [
      {"span_id": "02", "time": "2026-11-24T19:40:00.06Z", "level": "warn", "body": "low stock"},
      {"span_id": "99", "time": "2026-11-24T19:40:00.07Z", "level": "info", "body": "no span of mine"}]})");
  ASSERT_TRUE(trace) << trace.error().message;
  const std::string drawn = DrawWaterfall(*trace, Terminal{.colour = false, .width = 80});
  EXPECT_NE(drawn.find("4 spans in 3 services, 1 failed"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("  cart: GET /items"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("KeyError: x"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("+60.0 ms warn low stock"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("no span of mine"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("loop: b"), std::string::npos) << drawn;
}

TEST(Why, SaysThatNothingIsWrong) {
  const auto healthy = base::ParseJson(
      R"({"incident":false,"summary":"Nothing stands out.","baseline_from":"2026-11-24T19:00:00Z","to":"2026-11-24T19:40:00Z"})");
  EXPECT_EQ(DrawDiagnosis(*healthy, Terminal{}).rfind("No incident. Nothing stands out.", 0), 0u);
}

}  // namespace
}  // namespace clew::cli
