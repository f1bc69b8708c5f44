// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clew/query/promql/ast.h"
#include "clew/query/promql/engine.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/script_testing.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ErrorOf(std::string_view query) {
  const auto expr = ParseExpr(query);
  return expr ? "no error: " + Print(**expr) : expr.error().message;
}

std::string Printed(std::string_view query) {
  const auto expr = ParseExpr(query);
  return expr ? Print(**expr) : expr.error().message;
}

TEST(Text, Numbers) {
  EXPECT_EQ(FormatFixed(1e23), "100000000000000000000000");
  EXPECT_EQ(FormatFixed(-0.000001), "-0.000001");
  EXPECT_EQ(FormatFixed(123.25), "123.25");
  EXPECT_EQ(FormatFixed(0), "0");
  EXPECT_EQ(FormatGeneral(1e21), "1e+21");
  EXPECT_EQ(FormatGeneral(1e20), "100000000000000000000");
  EXPECT_EQ(FormatGeneral(0.00001), "1e-05");
  const auto sample = [](double value) {
    std::string out;
    AppendSampleValue(value, out);
    return out;
  };
  EXPECT_EQ(sample(1e-7), "1e-07");
  EXPECT_EQ(sample(0.000001), "0.000001");
  EXPECT_EQ(sample(1.5e21), "1.5e+21");
  EXPECT_EQ(sample(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(sample(std::nan("")), "NaN");
}

TEST(Text, ReadsNumbers) {
  EXPECT_EQ(ParseNumber("0x1F"), 31);
  EXPECT_EQ(ParseNumber("0755"), 493);
  EXPECT_EQ(ParseNumber("08"), 8);
  EXPECT_EQ(ParseNumber("1_000.5"), 1000.5);
  EXPECT_EQ(ParseNumber("5."), 5);
  EXPECT_EQ(ParseNumber(".5e1"), 5);
  EXPECT_EQ(ParseNumber("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseNumber("1e-999"), 0);
  EXPECT_EQ(ParseNumber("1e999"), std::nullopt);
  EXPECT_EQ(ParseNumber("--1"), std::nullopt);
  EXPECT_EQ(ParseNumber(""), std::nullopt);
}

TEST(Text, Durations) {
  EXPECT_EQ(*ParsePromDuration("1h30m"), 5400000);
  EXPECT_EQ(*ParsePromDuration("1s500ms"), 1500);
  EXPECT_EQ(*ParsePromDuration("1y"), int64_t{365} * 86400000);
  for (const char* wrong : {"", "5", "5m1h", "5m1m", "1mm", "5hs", "300y", "99999999999999999999s"}) {
    EXPECT_FALSE(ParsePromDuration(wrong)) << wrong;
  }
  EXPECT_EQ(FormatPromDuration(5400000), "1h30m");
  EXPECT_EQ(FormatPromDuration(7 * 86400000), "1w");
  EXPECT_EQ(FormatPromDuration(8 * 86400000), "8d");
  EXPECT_EQ(FormatPromDuration(1), "1ms");
}

TEST(Text, Quotes) {
  EXPECT_EQ(Quote("a\"b\\\n\x01\xFFü"), "\"a\\\"b\\\\\\n\\x01\\xffü\"");
  EXPECT_EQ(Unquote("'it\\'s \\u00fc \\x41 \\101'"), "it's ü A A");
  EXPECT_EQ(Unquote("`raw \\n`"), "raw \\n");
  for (const char* wrong : {"\"", "'a\"", "\"\\q\"", "\"\\ud800\"", "\"\\x4\"", "abc"}) {
    EXPECT_EQ(Unquote(wrong), std::nullopt) << wrong;
  }
}

TEST(Parser, ErrorsInPrometheusWords) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "unknown position: parse error: no expression found in input"},
      {"1 +", "1:4: parse error: unexpected end of input"},
      {"(1", "1:3: parse error: unclosed left parenthesis"},
      {"1)", "1:2: parse error: unexpected right parenthesis ')'"},
      {"1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"},
      {"foo{", "1:5: parse error: unexpected end of input inside braces"},
      {"foo{a~\"b\"}", "1:6: parse error: unexpected character inside braces: '~'"},
      {"foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
      {"foo{a=\"b\" c=\"d\"}",
       "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""},
      {"foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"},
      {"{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
      {"foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""},
      {"foo[5m1h]", "1:5: parse error: not a valid duration string: \"5m1h\""},
      {"foo[0m]", "1:5: parse error: duration must be greater than 0"},
      {"foo[\"5m\"]", "1:5: parse error: unexpected character in duration expression: '\"'"},
      {"foo[]",
       "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
       "step(), or range()"},
      {"sum(foo)[5m]", "1:9: parse error: ranges only allowed for vector selectors"},
      {"foo offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"},
      {"foo offset",
       "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or "
       "range()"},
      {"foo offset 1m[5m]", "1:14: parse error: no offset modifiers allowed before range"},
      {"1 offset 1m",
       "1:1: parse error: offset modifier must be preceded by an instant vector selector or range "
       "vector selector or a subquery"},
      {"foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
      {"foo @", "1:6: parse error: unexpected end of input in @, expected timestamp"},
      {"rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"},
      {"foo[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"},
      {"1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"},
      {"foo and on(a) group_left(b) bar", "1:1: parse error: no grouping allowed for \"and\" operation"},
      {"foo * on(a) group_left(a) bar", "1:5: parse error: label \"a\" must not occur in ON and GROUP clause at once"},
      {"1 + on(a) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"-\"s\"",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, "
       "got \"string\""},
      {"sum some_metric", "1:5: parse error: unexpected identifier \"some_metric\""},
      {"sum by foo (bar)", "1:8: parse error: unexpected identifier \"foo\" in grouping opts, expected \"(\""},
      {"sum by (1) (bar)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
      {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
      {"topk(foo)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
      {"topk(foo, bar)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
      {"floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"},
      {"hour(a, b)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
      {"round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
      {"nope(foo)", "1:1: parse error: unknown function with name \"nope\""},
      {"floor(foo,)", "1:10: parse error: trailing commas not allowed in function call args"},
      {"foo\n  + + bar {", "2:12: parse error: unexpected end of input inside braces"},
      {"rate(foo[5m:1m] offset 3", "1:25: parse error: unclosed left parenthesis"},
      {"foo[5m][1h:5m]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
      {"\"unterminated", "1:1: parse error: unterminated quoted string"},
      {"foo{a=\"\\q\"}", "1:7: parse error: unknown escape sequence U+0071 'q'"},
      {"foo{a=~\"(\"}", "1:5: parse error: error parsing regexp: missing ): ^(?s:()$"},
  };
  for (const auto& [query, message] : cases) EXPECT_EQ(ErrorOf(query), message) << query;
}

TEST(Parser, SaysWhatIsNotThereYet) {
  for (const char* query :
       {"limitk(1, a)", "info(a)", "a anchored", "rate(a[1m] smoothed)", "a </ b", "a + fill(0) b", "a[5m + 1m]",
        "a[step()]", "a offset (1m)", "mad_over_time(a[1m])", "sort_by_label(a, \"b\")", "start()", "max_of(1, 2)",
        "double_exponential_smoothing(a[5m], 0.5, 0.5)"}) {
    EXPECT_THAT(ErrorOf(query), HasSubstr("is not supported yet")) << query;
  }
}

TEST(Printer, NormalForm) {
  EXPECT_EQ(Printed("sum by(a,\"b.c\")(rate(foo{z='1',a!~`x`}[5m]offset 1d))"),
            "sum by (a, \"b.c\") (rate(foo{a!~\"x\",z=\"1\"}[5m] offset 1d))");
  EXPECT_EQ(Printed("sum(a)without()"), "sum without () (a)");
  EXPECT_EQ(Printed("a*on(x)group_left(y,z)b"), "a * on (x) group_left (y, z) b");
  EXPECT_EQ(Printed("a>=bool ignoring(x)b"), "a >= bool ignoring (x) b");
  EXPECT_EQ(Printed("foo@1.5 offset -5m"), "foo @ 1.500 offset -5m");
  EXPECT_EQ(Printed("max_over_time(x[1h:]@end())"), "max_over_time(x[1h:] @ end())");
  EXPECT_EQ(Printed("{\"dotted.name\", \"label.name\"=~\"a\"}"), "{\"label.name\"=~\"a\",__name__=\"dotted.name\"}");
  EXPECT_EQ(Printed("- - 2 ^ -1"), "--2 ^ -1");
  EXPECT_EQ(Printed("+1e3 == bool 0x10"), "1000 == bool 16");
  EXPECT_EQ(Printed("1h * 2"), "1h * 2");
  EXPECT_EQ(Printed("sum{job=\"a\"} or on"),
            "1:19: parse error: unexpected end of input in grouping opts, expected \"(\"");
  EXPECT_EQ(Printed("# comment\nfoo # more"), "foo");
  EXPECT_EQ(Printed("quantile(.9,(a))"), "quantile(0.9, (a))");
}

TEST(Printer, SplitsLongLines) {
  const auto expr = ParseExpr(
      "histogram_quantile(0.99, sum by (le, job) (rate(http_server_request_duration_seconds_bucket{job=\"frontend\"}"
      "[5m]))) / ignoring(job) group_left up * 3");
  ASSERT_TRUE(expr) << expr.error().message;
  EXPECT_EQ(PrintPretty(**expr), R"(    histogram_quantile(
      0.99,
      sum by (le, job) (rate(http_server_request_duration_seconds_bucket{job="frontend"}[5m]))
    )
  / ignoring (job) group_left ()
    up
*
  3)");
}

TEST(Printer, ReadsBackTheSame) {
  for (const char* query :
       {"a + b * c ^ d ^ e % 2", "-(a) ^ 2", "(-1) ^ 2", "a unless on() b", "rate(a{b=\"\\\"\\n\"}[1y]) > bool 0",
        "count_values without (x) (\"v\", {__name__=\"a b\"})", "label_join(a, \"\", \"\", \"\")", "NaN", "-Inf",
        "a[5m:1s] @ start() offset 1w1d"}) {
    const auto first = ParseExpr(query);
    ASSERT_TRUE(first) << query << ": " << first.error().message;
    for (const std::string& text : {Print(**first), PrintPretty(**first)}) {
      const auto second = ParseExpr(text);
      ASSERT_TRUE(second) << text << ": " << second.error().message;
      EXPECT_TRUE(SameExpr(**first, **second)) << query << " became " << text;
    }
  }
}

TEST(Parser, BoundsDepthAndLength) {
  std::string deep(100'000, '(');
  EXPECT_THAT(ErrorOf(deep), HasSubstr("nested too deeply"));
  std::string signs(100'000, '-');
  EXPECT_THAT(ErrorOf(signs), HasSubstr("nested too deeply"));
  std::string chain = "a";
  for (int i = 0; i < 20'000; ++i) chain += "+a";
  EXPECT_THAT(ErrorOf(chain), HasSubstr("nested too deeply"));
  std::string allowed = "a";
  for (int i = 0; i < 900; ++i) allowed += "+a";
  EXPECT_EQ(Printed(allowed).size(), 901 + 900 * 3);
  EXPECT_THAT(ErrorOf(std::string(kMaxQueryBytes + 1, ' ')), HasSubstr("longer than"));
}

TEST(Parser, Selectors) {
  const auto selector = ParseSelector("up{job=~\"a|b\"}");
  ASSERT_TRUE(selector) << selector.error().message;
  EXPECT_THAT(*selector, ElementsAre(model::LabelMatcher{model::MatchType::kRegex, "job", "a|b"},
                                     model::LabelMatcher{model::MatchType::kEqual, "__name__", "up"}));
  EXPECT_FALSE(ParseSelector("up[5m]"));
  EXPECT_FALSE(ParseSelector("1"));
  EXPECT_EQ(ParseSelector("{a=\"\"}").error().message, "match[] must contain at least one non-empty matcher");
}

class Engine : public testing::Test {
 protected:
  Engine() {
    SourceSeries series;
    series.labels = model::Labels({{"__name__", "m"}, {"x", "1"}});
    for (int i = 0; i < 1000; ++i) {
      series.times_ms.push_back(i * 1000);
      series.values.push_back(i);
    }
    source_.Add(std::move(series));
  }

  MemorySource source_;
  model::RequestContext context_;
};

TEST_F(Engine, RangeLimits) {
  EXPECT_TRUE(EvaluateRange(source_, context_, "m", 0, 11'000, 1));
  EXPECT_THAT(EvaluateRange(source_, context_, "m", 0, 11'001, 1).error().message,
              HasSubstr("exceeded maximum resolution of 11,000 points"));
  EXPECT_FALSE(EvaluateRange(source_, context_, "m", 0, 10, 0));
  EXPECT_FALSE(EvaluateRange(source_, context_, "m", 10, 0, 1));
  EXPECT_THAT(EvaluateRange(source_, context_, "m[5m]", 0, 10, 1).error().message,
              HasSubstr("invalid expression type \"range vector\" for range query"));
  EXPECT_FALSE(EvaluateInstant(source_, context_, "m", std::numeric_limits<int64_t>::max()));
}

TEST_F(Engine, HoldsNoMoreThanItsBudget) {
  context_.memory_budget_bytes = 64 << 10;
  EXPECT_TRUE(EvaluateInstant(source_, context_, "sum_over_time(m[1m])", 500'000));
  const auto many = EvaluateRange(source_, context_, "m + m + m", 0, 999'000, 100);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, base::Code::kResourceExhausted);
  EXPECT_THAT(many.error().message, HasSubstr("too many samples"));
  // Nothing is made before it is known to fit.
  const auto huge = EvaluateInstant(source_, context_, "count_over_time(vector(1)[200y:1ms])", 0);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, base::Code::kResourceExhausted);
}

TEST_F(Engine, HistogramsTakeOfTheBudget) {
  auto histogram = std::make_shared<Histogram>();
  for (int32_t i = 0; i < 100; ++i) histogram->positive.push_back({i, 1});
  SourceSeries native;
  native.labels.Set("__name__", "h");
  native.histogram_times_ms = {0, 100'000};
  native.histograms = {histogram, histogram};
  source_.Add(std::move(native));
  context_.memory_budget_bytes = 100 << 10;
  // One histogram at all steps is held once, but each product is another.
  EXPECT_TRUE(EvaluateRange(source_, context_, "h", 0, 200'000, 1000));
  for (const char* query :
       {"h * 2", "-h", "h + h", "sum(h)", "avg_over_time(h[3m])", "h * on () group_left () vector(1)"}) {
    const auto result = EvaluateRange(source_, context_, query, 100'000, 200'000, 1000);
    ASSERT_FALSE(result) << query;
    EXPECT_EQ(result.error().code, base::Code::kResourceExhausted);
  }
}

TEST_F(Engine, EndsWithItsContext) {
  context_.cancellation.Cancel();
  EXPECT_EQ(EvaluateInstant(source_, context_, "m", 0).error().code, base::Code::kCancelled);
  model::RequestContext late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(EvaluateInstant(source_, late, "m", 0).error().code, base::Code::kDeadlineExceeded);
}

TEST_F(Engine, NamesAreDroppedAtOnceByDefault) {
  SourceSeries other;
  other.labels = model::Labels({{"__name__", "n"}, {"x", "1"}});
  other.times_ms = {0};
  other.values = {5};
  source_.Add(std::move(other));
  // With the names gone the two are one.
  const auto result = EvaluateInstant(source_, context_, "abs({x=\"1\"})", 0);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, base::Code::kFailedPrecondition);
  EXPECT_EQ(result.error().message, "vector cannot contain metrics with the same labelset");
  EngineOptions delayed;
  delayed.delayed_name_removal = true;
  const auto kept = EvaluateInstant(source_, context_,
                                    "label_replace(abs({x=\"1\"}), \"y\", \"$1\", \"__name__\", \"(.*)\")", 0, delayed);
  ASSERT_TRUE(kept) << kept.error().message;
  ASSERT_EQ(kept->series.size(), 2u);
  EXPECT_EQ(kept->series[0].labels.ToString(), "{x=\"1\", y=\"m\"}");
}

TEST_F(Engine, Results) {
  const auto vector = EvaluateInstant(source_, context_, "m", 7500);
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->type, ValueType::kVector);
  ASSERT_EQ(vector->series.size(), 1u);
  EXPECT_THAT(vector->series[0].times_ms, ElementsAre(7500));
  EXPECT_THAT(vector->series[0].values, ElementsAre(7));
  const auto matrix = EvaluateInstant(source_, context_, "m[3s]", 7500);
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->type, ValueType::kMatrix);
  EXPECT_THAT(matrix->series[0].times_ms, ElementsAre(5000, 6000, 7000));
  const auto scalar = EvaluateRange(source_, context_, "1", 0, 2, 1);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->type, ValueType::kMatrix);
  EXPECT_THAT(scalar->series[0].times_ms, ElementsAre(0, 1, 2));
  const auto none = EvaluateInstant(source_, context_, "nothing", 0);
  ASSERT_TRUE(none);
  EXPECT_THAT(none->series, IsEmpty());
}

}  // namespace
}  // namespace clew::query::promql
