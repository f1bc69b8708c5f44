// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "clew/query/logql/parser.h"
#include "clew/query/logql/pipeline.h"

namespace clew::query::logql {
namespace {

TEST(Parse, KeepsItsMeaningThroughFormat) {
  for (const std::string text : {
           R"({service_name="payment"})",
           R"({service_name=~"pay.*", k8s_pod_name!="a\"b"} |= "timeout" != "retry" |~ "(?i)err" !~ "x")",
           R"({service_name="a"} |= "one" or "two" | trace_id="0af7651916cd43dd8448eb211c80319c")",
           R"({service_name="a"} | (status>=500 and duration<1.5s) or size>5MB)",
           R"({service_name="a"} | level!~"deb.*")",
       }) {
    const auto query = Parse(text);
    ASSERT_TRUE(query) << text << ": " << query.error().message;
    const std::string formatted = Format(*query);
    const auto again = Parse(formatted);
    ASSERT_TRUE(again) << formatted << ": " << again.error().message;
    EXPECT_EQ(Format(*again), formatted);
  }
}

TEST(Parse, TheHealthCheck) {
  const auto query = Parse("vector(1)+vector(1)");
  ASSERT_TRUE(query);
  EXPECT_EQ(std::get<ConstantVector>(*query).value, 2);
}

TEST(Parse, SaysWhereAndWhat) {
  const auto error = Parse("{service_name=\"a\"\n oops}");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(error.error().message, "parse error at line 2, col 2: syntax error: unexpected oops, expecting } or ,");
  for (const std::string wrong : {"", "{", "{}", R"({a=~".*"})", R"({a="b)", R"({a="b"} |=)", R"({a=~"("})",
                                  R"({a="b"} | c > "x")", R"({a="b"} trailing)", R"({a="\q"})"}) {
    const auto query = Parse(wrong);
    ASSERT_FALSE(query) << wrong;
    EXPECT_EQ(query.error().code, base::Code::kInvalidArgument) << wrong;
  }
}

TEST(Parse, NamesWhatIsNotThereYet) {
  for (const std::string text : {R"({a="b"} | json)", R"(rate({a="b"}[5m]))", R"({a="b"} |> "<_> x")",
                                 R"(sum by (level) (count_over_time({a="b"}[1m])))"}) {
    const auto query = Parse(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code, base::Code::kUnimplemented) << text << query.error().message;
  }
}

TEST(Parse, EndsOnDeepNesting) {
  EXPECT_FALSE(Parse(R"({a="b"} | )" + std::string(10000, '(')));
  EXPECT_FALSE(Parse(std::string(10000, '(')));
}

bool Matches(const std::string& pipeline, std::string_view line, const model::Labels& labels = {}) {
  const auto query = Parse(R"({a="b"})" + pipeline);
  EXPECT_TRUE(query) << pipeline << (query ? "" : query.error().message);
  if (!query) return false;
  const auto compiled = Pipeline::Compile(std::get<LogQuery>(*query).pipeline);
  EXPECT_TRUE(compiled);
  return compiled->Matches(line, labels);
}

TEST(Pipeline, Lines) {
  EXPECT_TRUE(Matches(R"(|= "error")", "an error here"));
  EXPECT_FALSE(Matches(R"(|= "Error")", "an error here"));
  EXPECT_TRUE(Matches(R"(|= "x" or "error")", "an error here"));
  EXPECT_FALSE(Matches(R"(!= "x" or "error")", "an error here"));
  EXPECT_TRUE(Matches(R"(|~ "err(or)? here$")", "an error here"));
  EXPECT_FALSE(Matches(R"(!~ "(?i)ERROR")", "an error here"));
}

TEST(Pipeline, Labels) {
  const model::Labels labels({{"status", "503"}, {"duration", "1.5s"}, {"trace_id", "abc"}});
  EXPECT_TRUE(Matches(R"(| trace_id="abc")", "", labels));
  EXPECT_FALSE(Matches(R"(| trace_id="ab")", "", labels));
  EXPECT_TRUE(Matches(R"(| missing!="x")", "", labels));
  EXPECT_TRUE(Matches("| status>=500, status<504", "", labels));
  EXPECT_FALSE(Matches("| status==500", "", labels));
  EXPECT_TRUE(Matches("| duration>1s", "", labels));
  EXPECT_FALSE(Matches("| missing>1", "", labels));
  EXPECT_TRUE(Matches(R"(| status=~"5..")", "", labels));
  EXPECT_FALSE(Matches(R"(| status=~"5")", "", labels));
  EXPECT_TRUE(Matches(R"(| (status=404 or trace_id="abc") and duration<2s)", "", labels));
}

}  // namespace
}  // namespace clew::query::logql
