// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/bytes.h"
#include "clew/query/promql/evaluator.h"

namespace clew::query::promql {
namespace {

bool IsLabelName(std::string_view name) { return !name.empty() && base::IsUtf8(name); }

const std::string& TextOf(const Expr& expr) { return Unwrap(expr).As<StringLiteral>()->value; }

bool IsWordChar(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What a group's name in a replacement stands for: its number, or its name in the expression. Empty where there is no
// such group, as in Go's regexp.Expand.
std::string_view GroupText(const RE2& regex, std::string_view name, const std::vector<re2::StringPiece>& groups) {
  size_t number = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || rest != name.data() + name.size()) {
    const auto& named = regex.NamedCapturingGroups();
    const auto found = named.find(std::string(name));
    if (found == named.end()) return {};
    number = static_cast<size_t>(found->second);
  }
  if (number >= groups.size() || groups[number].data() == nullptr) return {};
  return {groups[number].data(), groups[number].size()};
}

// $1, ${1}, $name and ${name} replaced, $$ a dollar sign; a dollar sign before anything else stands for itself.
std::string Expand(const RE2& regex, std::string_view replacement, const std::vector<re2::StringPiece>& groups) {
  std::string out;
  while (!replacement.empty()) {
    const size_t dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    const bool braces = replacement.starts_with('{');
    const size_t start = braces ? 1 : 0;
    size_t end = start;
    while (end < replacement.size() && IsWordChar(replacement[end])) ++end;
    const bool closed = !braces || (end < replacement.size() && replacement[end] == '}');
    if (end == start || !closed) {
      out += '$';
      continue;
    }
    out += GroupText(regex, replacement.substr(start, end - start), groups);
    replacement.remove_prefix(end + (braces ? 1 : 0));
  }
  return out;
}

void SetLabel(Series& series, const std::string& name, std::string_view value) {
  series.labels.Set(name, value);
  // A name that was just given stays.
  if (name == model::kMetricName) series.drop_name = false;
}

}  // namespace

base::Result<Value> Evaluator::EvalLabelReplace(const Call& call, const Steps& steps) {
  const std::string& to = TextOf(*call.args[1]);
  const std::string& replacement = TextOf(*call.args[2]);
  const std::string& from = TextOf(*call.args[3]);
  const std::string& pattern = TextOf(*call.args[4]);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(int64_t{8} << 20);
  const RE2 regex("^(?s:" + pattern + ")$", options);
  if (!regex.ok()) {
    return ExecutionError(fmt::format("invalid regular expression in label_replace(): {}", pattern));
  }
  if (!IsLabelName(to)) {
    return ExecutionError(fmt::format("invalid destination label name in label_replace(): {}", to));
  }
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  for (Series& series : value.series) {
    const std::string source(series.labels.Get(from));
    const bool matches =
        regex.Match(source, 0, source.size(), RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size()));
    if (matches) SetLabel(series, to, Expand(regex, replacement, groups));
  }
  CLEW_RETURN_IF_ERROR(Merge(value.series));
  return value;
}

base::Result<Value> Evaluator::EvalLabelJoin(const Call& call, const Steps& steps) {
  const std::string& to = TextOf(*call.args[1]);
  const std::string& separator = TextOf(*call.args[2]);
  std::vector<std::string> from;
  for (size_t i = 3; i < call.args.size(); ++i) {
    from.push_back(TextOf(*call.args[i]));
    if (!IsLabelName(from.back())) {
      return ExecutionError(fmt::format("invalid source label name in label_join(): {}", from.back()));
    }
  }
  if (!IsLabelName(to)) {
    return ExecutionError(fmt::format("invalid destination label name in label_join(): {}", to));
  }
  CLEW_ASSIGN_OR_RETURN(Value value, Eval(*call.args[0], steps));
  for (Series& series : value.series) {
    std::string joined;
    for (size_t i = 0; i < from.size(); ++i) {
      if (i > 0) joined += separator;
      joined += series.labels.Get(from[i]);
    }
    SetLabel(series, to, joined);
  }
  CLEW_RETURN_IF_ERROR(Merge(value.series));
  return value;
}

}  // namespace clew::query::promql
