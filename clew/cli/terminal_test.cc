// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/terminal.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(Why, DrawsTheCourseOfTheFirstObservationInFewLines) {
  std::string causes;
  for (int rank = 1; rank <= 10; ++rank) {
    std::string evidence;
    for (int i = 0; i < 6; ++i) {
      evidence += std::string(i == 0 ? "" : ",") +
                  R"({"signal":"traces","text":"time","before":10,"after":80,"unit":"ms")" +
                  (i == 1 ? R"(,"history":{"before":[10,0],"during":[80,40]}})" : "}");
    }
    causes += std::string(rank == 1 ? "" : ",") + R"({"rank":)" + std::to_string(rank) +
              R"(,"service":"cart","kind":"latency","score":0.9,"pod":"","where":"GET /","evidence":[)" + evidence +
              "]}";
  }
  std::string impact;
  for (int i = 0; i < 20; ++i) impact += std::string(i == 0 ? "" : ",") + R"({"service":"s","text":"slow"})";
  const auto broken =
      base::ParseJson(R"({"incident":true,"summary":"cart.","causes":[)" + causes + R"(],"impact":[)" + impact + "]}");
  ASSERT_TRUE(broken) << broken.error().message;
  const std::string text = DrawDiagnosis(*broken, Terminal{});
  EXPECT_NE(text.find("▂▁ │ █▅  before │ during"), std::string::npos) << text;
  EXPECT_LT(std::ranges::count(text, '\n'), 40);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(DrawDiagnosis(*broken, Terminal{.colour = true}).find("\x1b["), std::string::npos);
}

}  // namespace
}  // namespace clew::cli
