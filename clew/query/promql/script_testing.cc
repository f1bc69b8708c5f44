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

bool Matches(const model::LabelMatcher& matcher, const model::Labels& labels) {
  const std::string_view value = labels.Get(matcher.name);
  switch (matcher.type) {
    case model::MatchType::kEqual: return value == matcher.value;
    case model::MatchType::kNotEqual: return value != matcher.value;
    case model::MatchType::kRegex:
    case model::MatchType::kNotRegex: break;
  }
  RE2::Options options;
  options.set_dot_nl(true);
  const bool matches = RE2::FullMatch(re2::StringPiece(value.data(), value.size()), RE2(matcher.value, options));
  return matches == (matcher.type == model::MatchType::kRegex);
}

bool AlmostEqual(double a, double b) {
  if (IsAbsent(a) || IsAbsent(b)) return IsAbsent(a) && IsAbsent(b);
  if ((std::isnan(a) && std::isnan(b)) || a == b) return true;
  constexpr double kEpsilon = 1e-6;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  if (a == 0 || b == 0 || sum < kMinNormal) return std::abs(a - b) < kEpsilon * kMinNormal;
  return std::abs(a - b) / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

// Where the labels end and the values begin.
size_t EndOfMetric(std::string_view text) {
  char quote = '\0';
  bool braces = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '{') {
      braces = true;
    } else if (c == '}') {
      return i + 1;
    } else if ((c == ' ' || c == '\t') && !braces) {
      return i;
    }
  }
  return text.size();
}

base::Result<model::Labels> ParseMetric(std::string_view text) {
  // A selector of equalities; an empty one is fine here.
  if (Trimmed(text) == "{}") return model::Labels();
  const auto matchers = ParseSelector(text);
  if (!matchers) return std::unexpected(matchers.error());
  std::vector<model::Label> labels;
  for (const model::LabelMatcher& matcher : *matchers) {
    if (matcher.type != model::MatchType::kEqual) return base::InvalidArgument("a metric has equalities only");
    labels.push_back({matcher.name, matcher.value});
  }
  return model::Labels(std::move(labels));
}

base::Result<double> ParseSample(std::string_view text) {
  if (text == "stale") return Absent();
  if (const auto number = ParseNumber(text)) return *number;
  return base::InvalidArgument(fmt::format("not a value: {}", text));
}

// "3", "1+2x4", "5x2", "_", "_x3".
base::Status ParseItem(std::string_view item, std::vector<std::optional<double>>& values) {
  size_t times = 0;
  std::string_view body = item;
  bool repeated = false;
  if (const size_t x = item.rfind('x'); x != std::string_view::npos && x > 0) {
    const std::string_view count = item.substr(x + 1);
    const auto [rest, error] = std::from_chars(count.data(), count.data() + count.size(), times);
    if (error != std::errc() || rest != count.data() + count.size()) {
      return base::InvalidArgument(fmt::format("not a repetition: {}", item));
    }
    body = item.substr(0, x);
    repeated = true;
  }
  if (body == "_") {
    values.insert(values.end(), repeated ? times : 1, std::nullopt);
    return {};
  }
  // A sign that is neither the first character nor an exponent's begins the step.
  size_t step_at = std::string_view::npos;
  for (size_t i = 1; i < body.size(); ++i) {
    if ((body[i] == '+' || body[i] == '-') && body[i - 1] != 'e' && body[i - 1] != 'E') step_at = i;
  }
  double step = 0;
  if (repeated && step_at != std::string_view::npos) {
    CLEW_ASSIGN_OR_RETURN(step, ParseSample(body.substr(step_at)));
    body = body.substr(0, step_at);
  }
  CLEW_ASSIGN_OR_RETURN(double value, ParseSample(body));
  for (size_t i = 0; i <= times; ++i) {
    values.emplace_back(value);
    if (step != 0) value += step;
  }
  return {};
}

std::string ValuesText(const ResultSeries& series) {
  std::string text = series.labels.ToString();
  for (size_t i = 0; i < series.values.size(); ++i) {
    text += fmt::format(" {}@{}", FormatGeneral(series.values[i]), series.times_ms[i]);
  }
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

base::Result<std::vector<SourceSeries>> MemorySource::Select(std::span<const model::LabelMatcher> matchers,
                                                             int64_t from_ms, int64_t to_ms) {
  std::vector<SourceSeries> result;
  for (const SourceSeries& series : series_) {
    if (!std::ranges::all_of(matchers, [&](const auto& matcher) { return Matches(matcher, series.labels); })) continue;
    SourceSeries selected;
    selected.labels = series.labels;
    for (size_t i = 0; i < series.times_ms.size(); ++i) {
      if (series.times_ms[i] < from_ms || series.times_ms[i] > to_ms) continue;
      selected.times_ms.push_back(series.times_ms[i]);
      selected.values.push_back(series.values[i]);
    }
    if (!selected.values.empty()) result.push_back(std::move(selected));
  }
  std::ranges::sort(result, [](const auto& a, const auto& b) { return a.labels < b.labels; });
  return result;
}

void MemorySource::Add(SourceSeries series) {
  for (SourceSeries& known : series_) {
    if (known.labels != series.labels) continue;
    known.times_ms.insert(known.times_ms.end(), series.times_ms.begin(), series.times_ms.end());
    known.values.insert(known.values.end(), series.values.begin(), series.values.end());
    return;
  }
  series_.push_back(std::move(series));
}

base::Result<SeriesDescription> ParseSeriesDescription(std::string_view text) {
  const size_t end = EndOfMetric(text);
  SeriesDescription description;
  CLEW_ASSIGN_OR_RETURN(description.labels, ParseMetric(text.substr(0, end)));
  std::string_view rest = text.substr(end);
  if (rest.find("{{") != std::string_view::npos) return base::Unimplemented("native histograms in scripts");
  while (true) {
    const size_t begin = rest.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    const size_t size = std::min(rest.find_first_of(" \t"), rest.size());
    CLEW_RETURN_IF_ERROR(ParseItem(rest.substr(0, size), description.values));
    rest.remove_prefix(size);
  }
  return description;
}

struct ScriptRunner::Expected {
  int position = 0;
  std::vector<std::optional<double>> values;
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
  static const RE2 kLoad(R"(^load(?:_with_nhcb)?\s+(\S+)$)");
  std::string gap;
  const size_t line = at_;
  const bool known = RE2::FullMatch(head, kLoad, &gap);
  const auto step = ParsePromDuration(gap);
  if (!known || !step) FailAt(line, "cannot load: " + head);
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
      series.times_ms.push_back(static_cast<int64_t>(i) * *step);
      series.values.push_back(*description->values[i]);
    }
    source_.Add(std::move(series));
  }
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
    for (size_t i = 0; i < series.values.size(); ++i) {
      if (series.times_ms[i] == time_ms) middle.series.push_back({series.labels, {time_ms}, {series.values[i]}});
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
    std::vector<std::pair<int64_t, double>> points;
    for (size_t i = 0; i < expected->second.values.size(); ++i) {
      if (!expected->second.values[i]) continue;
      const int64_t time = as_range ? eval.start_ms + static_cast<int64_t>(i) * eval.step_ms : 0;
      points.emplace_back(time, *expected->second.values[i]);
    }
    bool equal = points.size() == series.values.size();
    for (size_t i = 0; equal && i < points.size(); ++i) {
      equal = AlmostEqual(points[i].second, series.values[i]) && (!as_range || points[i].first == series.times_ms[i]);
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
