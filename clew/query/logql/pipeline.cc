// SPDX-License-Identifier: Apache-2.0
#include "clew/query/logql/pipeline.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <vector>

#include "clew/base/time.h"

namespace clew::query::logql {
namespace {

using Predicate = std::function<bool(std::string_view line, const model::Labels& labels)>;

base::Result<std::shared_ptr<const RE2>> CompileRegex(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  // A dot of LogQL matches a newline only where the pattern says (?s), as in Go.
  auto regex = std::make_shared<const RE2>(pattern, options);
  if (!regex->ok()) return base::InvalidArgument("invalid regular expression: " + regex->error());
  return regex;
}

base::Result<Predicate> CompileLine(const LineFilter& filter) {
  const bool negative = filter.op == LineFilterOp::kNotContains || filter.op == LineFilterOp::kNotMatches;
  if (filter.op == LineFilterOp::kContains || filter.op == LineFilterOp::kNotContains) {
    return Predicate([texts = filter.alternatives, negative](std::string_view line, const model::Labels&) {
      const bool found = std::ranges::any_of(texts, [&](const std::string& text) { return line.contains(text); });
      return found != negative;
    });
  }
  std::vector<std::shared_ptr<const RE2>> regexes;
  for (const std::string& pattern : filter.alternatives) {
    CLEW_ASSIGN_OR_RETURN(auto regex, CompileRegex(pattern));
    regexes.push_back(std::move(regex));
  }
  return Predicate([regexes = std::move(regexes), negative](std::string_view line, const model::Labels&) {
    const bool found = std::ranges::any_of(regexes, [&](const auto& regex) {
      return RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *regex);
    });
    return found != negative;
  });
}

bool ReadNumber(std::string_view text, LabelComparison::Unit unit, double& value) {
  const char* end = text.data() + text.size();
  if (const auto [rest, error] = std::from_chars(text.data(), end, value); error == std::errc() && rest == end) {
    return true;
  }
  if (unit != LabelComparison::Unit::kDuration) return false;
  const auto duration = base::ParseDuration(text);
  if (!duration) return false;
  value = static_cast<double>(duration->count()) / static_cast<double>(base::kNanosPerSecond);
  return true;
}

bool Compare(CompareOp op, double left, double right) {
  switch (op) {
    case CompareOp::kEqual: return left == right;
    case CompareOp::kNotEqual: return left != right;
    case CompareOp::kGreater: return left > right;
    case CompareOp::kGreaterOrEqual: return left >= right;
    case CompareOp::kLess: return left < right;
    case CompareOp::kLessOrEqual: return left <= right;
    default: return false;
  }
}

base::Result<Predicate> CompileComparison(const LabelComparison& comparison) {
  if (comparison.op == CompareOp::kRegex || comparison.op == CompareOp::kNotRegex) {
    CLEW_ASSIGN_OR_RETURN(auto regex, CompileRegex("^(?:" + comparison.text + ")$"));
    const bool negative = comparison.op == CompareOp::kNotRegex;
    return Predicate(
        [regex = std::move(regex), negative, label = comparison.label](std::string_view, const model::Labels& labels) {
          const std::string_view value = labels.Get(label);
          return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex) != negative;
        });
  }
  if (comparison.unit == LabelComparison::Unit::kText) {
    const bool negative = comparison.op == CompareOp::kNotEqual;
    return Predicate(
        [text = comparison.text, negative, label = comparison.label](std::string_view, const model::Labels& labels) {
          return (labels.Get(label) == text) != negative;
        });
  }
  return Predicate([comparison](std::string_view, const model::Labels& labels) {
    double value = 0;
    const std::string_view text = labels.Get(comparison.label);
    return !text.empty() && ReadNumber(text, comparison.unit, value) &&
           Compare(comparison.op, value, comparison.number);
  });
}

base::Result<Predicate> CompileFilter(const LabelFilter& filter) {
  if (const auto* comparison = std::get_if<LabelComparison>(&filter.node)) return CompileComparison(*comparison);
  const auto& pair = std::get<LabelFilterPair>(filter.node);
  CLEW_ASSIGN_OR_RETURN(Predicate left, CompileFilter(*pair.left));
  CLEW_ASSIGN_OR_RETURN(Predicate right, CompileFilter(*pair.right));
  return Predicate([left = std::move(left), right = std::move(right), is_and = pair.is_and](
                       std::string_view line, const model::Labels& labels) {
    return is_and ? left(line, labels) && right(line, labels) : left(line, labels) || right(line, labels);
  });
}

}  // namespace

struct Pipeline::Impl {
  std::vector<Predicate> predicates;
};

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

base::Result<Pipeline> Pipeline::Compile(const std::vector<Stage>& stages) {
  auto impl = std::make_unique<Impl>();
  for (const Stage& stage : stages) {
    auto predicate = std::holds_alternative<LineFilter>(stage) ? CompileLine(std::get<LineFilter>(stage))
                                                               : CompileFilter(std::get<LabelFilter>(stage));
    if (!predicate) return std::unexpected(std::move(predicate).error());
    impl->predicates.push_back(*std::move(predicate));
  }
  return Pipeline(std::move(impl));
}

bool Pipeline::Matches(std::string_view line, const model::Labels& labels) const {
  return std::ranges::all_of(impl_->predicates, [&](const Predicate& predicate) { return predicate(line, labels); });
}

}  // namespace clew::query::logql
