// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/script_testing.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "clew/query/promql/check.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/text.h"
#include "clew/query/promql/value.h"

namespace clew::query::promql {
namespace {

// Floats and histograms by time.
std::vector<std::pair<int64_t, ScriptValue>> PointsOf(const ResultSeries& series) {
  std::vector<std::pair<int64_t, ScriptValue>> points;
  for (size_t i = 0; i < series.values.size(); ++i)
    points.emplace_back(series.times_ms[i], ScriptValue{series.values[i]});
  for (size_t i = 0; i < series.histograms.size(); ++i) {
    points.emplace_back(series.histogram_times_ms[i], ScriptValue{0, series.histograms[i]});
  }
  std::ranges::sort(points, {}, &std::pair<int64_t, ScriptValue>::first);
  return points;
}

std::string ValuesText(const ResultSeries& series) {
  std::string text = series.labels.ToString();
  for (const auto& [time, value] : PointsOf(series)) text += fmt::format(" {}@{}", ToText(value), time);
  return text;
}

// Whether a part may change with the time of evaluation although its selectors are fixed.
bool AnyDependsOnTime(const Expr& expr) {
  if (const auto* call = expr.As<Call>()) {
    if (DependsOnTime(call->function->id)) return true;
    return std::ranges::any_of(call->args, [](const ExprPtr& arg) { return AnyDependsOnTime(*arg); });
  }
  if (const auto* unary = expr.As<UnaryExpr>()) return AnyDependsOnTime(*unary->expr);
  if (const auto* paren = expr.As<ParenExpr>()) return AnyDependsOnTime(*paren->expr);
  if (const auto* subquery = expr.As<SubqueryExpr>()) return AnyDependsOnTime(*subquery->expr);
  if (const auto* binary = expr.As<BinaryExpr>()) {
    return AnyDependsOnTime(*binary->left) || AnyDependsOnTime(*binary->right);
  }
  if (const auto* aggregate = expr.As<AggregateExpr>()) {
    return AnyDependsOnTime(*aggregate->expr) || (aggregate->param != nullptr && AnyDependsOnTime(*aggregate->param));
  }
  return false;
}

// Fixes every selector that has no @ yet; the outer one of nested subqueries decides.
void SetAt(Expr& expr, int64_t time_ms) {
  const auto fix = [time_ms](TimeModifiers& modifiers) {
    if (modifiers.at != TimeModifiers::At::kNone) return;
    modifiers.at = TimeModifiers::At::kTime;
    modifiers.at_ms = time_ms;
  };
  if (auto* selector = expr.As<VectorSelector>()) {
    fix(selector->modifiers);
  } else if (auto* matrix = expr.As<MatrixSelector>()) {
    fix(matrix->selector.modifiers);
  } else if (auto* subquery = expr.As<SubqueryExpr>()) {
    fix(subquery->modifiers);
  } else if (auto* unary = expr.As<UnaryExpr>()) {
    SetAt(*unary->expr, time_ms);
  } else if (auto* paren = expr.As<ParenExpr>()) {
    SetAt(*paren->expr, time_ms);
  } else if (auto* binary = expr.As<BinaryExpr>()) {
    SetAt(*binary->left, time_ms);
    SetAt(*binary->right, time_ms);
  } else if (auto* aggregate = expr.As<AggregateExpr>()) {
    SetAt(*aggregate->expr, time_ms);
    if (aggregate->param != nullptr) SetAt(*aggregate->param, time_ms);
  } else if (auto* call = expr.As<Call>()) {
    for (const ExprPtr& arg : call->args) SetAt(*arg, time_ms);
  }
}

}  // namespace

struct ScriptRunner::Expected {
  int position = 0;
  std::vector<std::optional<ScriptValue>> values;
};

struct ScriptRunner::Eval {
  struct Expectation {
    std::string kind;     // fail, warn, no_warn, info, no_info
    std::string message;  // exactly, where not empty
    std::string regex;    // somewhere, where not empty
  };

  size_t line = 0;
  std::string query;
  bool is_range = false;
  bool ordered = false;
  bool fail = false;
  bool warn = false;
  bool info = false;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 1;
  bool only_instant = false;  // "expect range vector", "expect string"
  std::optional<std::string> expected_string;
  std::optional<double> expected_scalar;
  std::vector<Expectation> expectations;
  std::map<model::Labels, Expected> expected;

  bool ExpectsFailure() const {
    return fail || std::ranges::any_of(expectations, [](const Expectation& one) { return one.kind == "fail"; });
  }
};

ScriptRunner::Report ScriptRunner::Run(std::string_view script) {
  report_ = {};
  lines_.clear();
  source_.Clear();
  while (!script.empty()) {
    const size_t end = std::min(script.find('\n'), script.size());
    std::string line = Trimmed(script.substr(0, end));
    if (line.starts_with('#')) line.clear();
    lines_.push_back(std::move(line));
    script.remove_prefix(std::min(end + 1, script.size()));
  }
  for (at_ = 0; at_ < lines_.size(); ++at_) {
    const std::string& line = lines_[at_];
    if (line.empty()) continue;
    if (line.starts_with("clear")) {
      source_.Clear();
    } else if (line.starts_with("load")) {
      Load(line);
    } else if (line.starts_with("eval")) {
      ReadEval(line);
    } else {
      FailAt(at_, "not a command: " + line);
    }
  }
  return std::move(report_);
}

void ScriptRunner::FailAt(size_t line, const std::string& message) {
  report_.failures.push_back(fmt::format("line {}: {}", line + 1, message));
}

void ScriptRunner::Fail(const Eval& eval, const std::string& message) {
  FailAt(eval.line, fmt::format("{}: {}", eval.query, message));
}

void ScriptRunner::Load(const std::string& head) {
  static const RE2 kLoad(R"(^load(_with_nhcb)?\s+(\S+)$)");
  std::string with_native;
  std::string gap;
  const size_t line = at_;
  const bool known = RE2::FullMatch(head, kLoad, &with_native, &gap);
  const auto step = ParsePromDuration(gap);
  if (!known || !step) FailAt(line, "cannot load: " + head);
  std::vector<SourceSeries> loaded;
  while (at_ + 1 < lines_.size() && !lines_[at_ + 1].empty()) {
    ++at_;
    const auto description = ParseSeriesDescription(lines_[at_]);
    if (!description || !step) {
      FailAt(at_, description ? "no step" : description.error().message);
      continue;
    }
    SourceSeries series;
    series.labels = description->labels;
    for (size_t i = 0; i < description->values.size(); ++i) {
      if (!description->values[i]) continue;
      const int64_t time = static_cast<int64_t>(i) * *step;
      if (description->values[i]->histogram != nullptr) {
        series.histogram_times_ms.push_back(time);
        series.histograms.push_back(description->values[i]->histogram);
      } else {
        series.times_ms.push_back(time);
        series.values.push_back(description->values[i]->number);
      }
    }
    loaded.push_back(std::move(series));
  }
  if (!with_native.empty()) {
    for (SourceSeries& native : NativeOfClassic(loaded)) source_.Add(std::move(native));
  }
  for (SourceSeries& series : loaded) source_.Add(std::move(series));
}

void ScriptRunner::ReadEval(const std::string& head) {
  static const RE2 kInstant(R"(^eval(?:_(fail|warn|ordered|info))?\s+instant\s+at\s+(\S+)\s+(.+)$)");
  static const RE2 kRange(R"(^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$)");
  Eval eval;
  eval.line = at_;
  std::string modifier, from, to, step;
  bool known = true;
  const auto millis = [&known](const std::string& text) {
    const auto parsed = ParsePromDuration(text);
    known = known && parsed.has_value();
    return parsed.value_or(0);
  };
  if (RE2::FullMatch(head, kInstant, &modifier, &from, &eval.query)) {
    eval.start_ms = eval.end_ms = millis(from);
  } else if (RE2::FullMatch(head, kRange, &modifier, &from, &to, &step, &eval.query)) {
    eval.is_range = true;
    eval.start_ms = millis(from);
    eval.end_ms = millis(to);
    eval.step_ms = millis(step);
  } else {
    known = false;
  }
  if (!known) FailAt(at_, "cannot read: " + head);
  eval.fail = modifier == "fail";
  eval.warn = modifier == "warn";
  eval.info = modifier == "info";
  eval.ordered = modifier == "ordered";
  int position = 0;
  while (at_ + 1 < lines_.size() && !lines_[at_ + 1].empty()) {
    ++at_;
    const std::string& line = lines_[at_];
    if (line.starts_with("expect ") || line.starts_with("expected_fail")) {
      ReadExpectLine(line, eval);
    } else {
      ReadExpectation(line, eval, ++position);
    }
  }
  if (known) Check(eval);
}

void ScriptRunner::ReadExpectLine(const std::string& line, Eval& eval) {
  static const RE2 kExpect(R"(^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$)");
  static const RE2 kRangeVector(R"(^expect range vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$)");
  static const RE2 kString(R"(^expect string (.+)$)");
  static const RE2 kOldFail(R"(^expected_fail_(message|regexp)\s+(.+)$)");
  std::string first, second, third;
  if (RE2::FullMatch(line, kExpect, &first, &second, &third)) {
    if (first == "ordered") {
      eval.ordered = true;
      return;
    }
    Eval::Expectation expectation{first, {}, {}};
    (second == "msg" ? expectation.message : expectation.regex) = Trimmed(third);
    eval.expectations.push_back(std::move(expectation));
  } else if (RE2::FullMatch(line, kRangeVector, &first, &second, &third)) {
    eval.only_instant = true;
    eval.start_ms = ParsePromDuration(first).value_or(0);
    eval.end_ms = ParsePromDuration(second).value_or(0);
    eval.step_ms = ParsePromDuration(third).value_or(1);
  } else if (RE2::FullMatch(line, kString, &first)) {
    eval.only_instant = true;
    eval.expected_string = Unquote(first).value_or(first);
  } else if (RE2::FullMatch(line, kOldFail, &first, &second)) {
    Eval::Expectation expectation{"fail", {}, {}};
    (first == "message" ? expectation.message : expectation.regex) = Trimmed(second);
    eval.expectations.push_back(std::move(expectation));
  } else {
    FailAt(at_, "cannot read: " + line);
  }
}

void ScriptRunner::ReadExpectation(const std::string& line, Eval& eval, int position) {
  if (const auto number = ParseNumber(line)) {
    eval.expected_scalar = *number;
    return;
  }
  auto description = ParseSeriesDescription(line);
  if (!description) {
    FailAt(at_, description.error().message);
    return;
  }
  eval.expected[description->labels] = {position, std::move(description->values)};
}

void ScriptRunner::Check(const Eval& eval) {
  ++report_.evaluations;
  if (!eval.is_range) {
    CheckInstant(eval, eval.query, eval.only_instant ? eval.end_ms : eval.start_ms);
    if (!eval.ExpectsFailure()) CheckWithAt(eval);
    return;
  }
  const model::RequestContext context;
  const auto result = EvaluateRange(source_, context, eval.query, eval.start_ms, eval.end_ms, eval.step_ms, options_);
  if (!result) {
    CheckFailure(eval, result.error().message);
    return;
  }
  if (eval.ExpectsFailure()) Fail(eval, "was expected to fail");
  CheckAnnotations(eval, *result);
  CompareSeries(eval, *result, true);
}

void ScriptRunner::CheckFailure(const Eval& eval, const std::string& message) {
  if (!eval.ExpectsFailure()) {
    Fail(eval, message);
    return;
  }
  for (const Eval::Expectation& one : eval.expectations) {
    if (one.kind != "fail") continue;
    const bool as_expected =
        (one.message.empty() || one.message == message) && (one.regex.empty() || RE2::PartialMatch(message, one.regex));
    if (!as_expected) Fail(eval, fmt::format("expected failure {}{}, got {}", one.message, one.regex, message));
  }
}

void ScriptRunner::CheckAnnotations(const Eval& eval, const QueryResult& result) {
  if (eval.warn && result.warnings.empty()) Fail(eval, "expected a warning");
  if (eval.info && result.infos.empty()) Fail(eval, "expected an info");
  const auto fits = [](const Eval::Expectation& one, const std::string& text) {
    return (one.message.empty() || one.message == text) && (one.regex.empty() || RE2::PartialMatch(text, one.regex));
  };
  for (const auto& [kind, texts] : {std::pair<std::string, const std::vector<std::string>&>("warn", result.warnings),
                                    std::pair<std::string, const std::vector<std::string>&>("info", result.infos)}) {
    bool any = false;
    for (const Eval::Expectation& one : eval.expectations) {
      if (one.kind == "no_" + kind && !texts.empty()) Fail(eval, fmt::format("unexpected {}: {}", kind, texts[0]));
      if (one.kind != kind) continue;
      any = true;
      if (std::ranges::none_of(texts, [&](const std::string& text) { return fits(one, text); })) {
        Fail(eval, fmt::format("expected {} {}{}, got {}", kind, one.message, one.regex, fmt::join(texts, "; ")));
      }
    }
    for (const std::string& text : texts) {
      const bool expected = std::ranges::any_of(
          eval.expectations, [&](const Eval::Expectation& one) { return one.kind == kind && fits(one, text); });
      if (any && !expected) Fail(eval, fmt::format("unexpected {}: {}", kind, text));
    }
  }
}

void ScriptRunner::CheckInstant(const Eval& eval, const std::string& query, int64_t time_ms) {
  const model::RequestContext context;
  const auto result = EvaluateInstant(source_, context, query, time_ms, options_);
  if (!result) {
    CheckFailure(eval, result.error().message);
    return;
  }
  if (eval.ExpectsFailure()) Fail(eval, "was expected to fail");
  CheckAnnotations(eval, *result);
  switch (result->type) {
    case ValueType::kScalar:
      if (!eval.expected_scalar || !AlmostEqual(*eval.expected_scalar, result->scalar)) {
        Fail(eval, fmt::format("{} at {}: scalar {}", query, time_ms, FormatGeneral(result->scalar)));
      }
      break;
    case ValueType::kString:
      if (eval.expected_string != result->text) Fail(eval, fmt::format("string {}", Quote(result->text)));
      return;
    case ValueType::kMatrix: CompareSeries(eval, *result, true); return;
    default: CompareSeries(eval, *result, false); break;
  }
  if (!eval.only_instant) CheckMiddleOfRange(eval, query, time_ms);
}

void ScriptRunner::CheckMiddleOfRange(const Eval& eval, const std::string& query, int64_t time_ms) {
  if (eval.ordered) return;
  const model::RequestContext context;
  const auto range = EvaluateRange(source_, context, query, time_ms - 60'000, time_ms + 60'000, 60'000, options_);
  if (!range) {
    Fail(eval, fmt::format("in a range: {}", range.error().message));
    return;
  }
  QueryResult middle;
  middle.type = ValueType::kVector;
  for (const ResultSeries& series : range->series) {
    for (const auto& [time, value] : PointsOf(series)) {
      if (time != time_ms) continue;
      middle.series.push_back({series.labels, {}, {}});
      if (value.histogram != nullptr) {
        middle.series.back().histogram_times_ms = {time};
        middle.series.back().histograms = {value.histogram};
      } else {
        middle.series.back().times_ms = {time};
        middle.series.back().values = {value.number};
      }
    }
  }
  if (!eval.expected_scalar) {
    CompareSeries(eval, middle, false);
  } else if (middle.series.size() != 1 || !AlmostEqual(middle.series[0].values[0], *eval.expected_scalar)) {
    Fail(eval, "another scalar in a range");
  }
}

void ScriptRunner::CheckWithAt(const Eval& eval) {
  const auto expr = ParseExpr(eval.query);
  if (!expr || AnyDependsOnTime(**expr)) return;
  const int64_t time = eval.only_instant ? eval.end_ms : eval.start_ms;
  SetAt(**expr, time);
  const std::string query = Print(**expr);
  const std::vector<int64_t> others =
      time == 0 ? std::vector<int64_t>{-1000, 1000} : std::vector<int64_t>{-10 * time, 0, time / 5, time, 10 * time};
  for (const int64_t other : others) CheckInstant(eval, query, other);
}

void ScriptRunner::CompareSeries(const Eval& eval, const QueryResult& result, bool as_range) {
  if (eval.expected_scalar) Fail(eval, "expected a scalar");
  size_t found = 0;
  for (size_t position = 0; position < result.series.size(); ++position) {
    const ResultSeries& series = result.series[position];
    const auto expected = eval.expected.find(series.labels);
    if (expected == eval.expected.end()) {
      Fail(eval, "unexpected " + ValuesText(series));
      continue;
    }
    ++found;
    if (eval.ordered && expected->second.position != static_cast<int>(position) + 1) {
      Fail(eval, fmt::format("{} stands at position {}", series.labels.ToString(), position + 1));
    }
    std::vector<std::pair<int64_t, ScriptValue>> points;
    for (size_t i = 0; i < expected->second.values.size(); ++i) {
      if (!expected->second.values[i]) continue;
      const int64_t time = as_range ? eval.start_ms + static_cast<int64_t>(i) * eval.step_ms : 0;
      points.emplace_back(time, *expected->second.values[i]);
    }
    const auto found_points = PointsOf(series);
    bool equal = points.size() == found_points.size();
    for (size_t i = 0; equal && i < points.size(); ++i) {
      equal = AlmostEqual(points[i].second, found_points[i].second) &&
              (!as_range || points[i].first == found_points[i].first);
    }
    if (!equal) Fail(eval, "other values: " + ValuesText(series));
  }
  if (found == eval.expected.size()) return;
  for (const auto& [labels, expected] : eval.expected) {
    if (std::ranges::none_of(result.series, [&](const ResultSeries& one) { return one.labels == labels; })) {
      Fail(eval, "missing " + labels.ToString());
    }
  }
}

}  // namespace clew::query::promql
