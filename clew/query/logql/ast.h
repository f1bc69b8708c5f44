// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "clew/model/labels.h"

namespace clew::query::logql {

// What a query says, after parsing (Loki's LogQL, https://grafana.com/docs/loki/latest/query/). Plain values, owned by
// whoever parsed.

enum class LineFilterOp { kContains, kNotContains, kMatches, kNotMatches };

// |= != |~ !~ with one text or several joined by `or`.
struct LineFilter {
  LineFilterOp op = LineFilterOp::kContains;
  std::vector<std::string> alternatives;
};

enum class CompareOp { kEqual, kNotEqual, kRegex, kNotRegex, kGreater, kGreaterOrEqual, kLess, kLessOrEqual };

// `status >= 500`, `trace_id="…"`, `duration > 1s`: text compares as text; a number, duration (in seconds) or size (in
// bytes) compares with the label's value read in the same unit.
struct LabelComparison {
  enum class Unit { kText, kNumber, kDuration, kBytes };
  std::string label;
  CompareOp op = CompareOp::kEqual;
  Unit unit = Unit::kText;
  std::string text;
  double number = 0;
};

struct LabelFilter;
struct LabelFilterPair {
  std::unique_ptr<LabelFilter> left;
  std::unique_ptr<LabelFilter> right;
  bool is_and = true;
};
struct LabelFilter {
  std::variant<LabelComparison, LabelFilterPair> node;
};

using Stage = std::variant<LineFilter, LabelFilter>;

// A stream selector with the pipeline behind it.
struct LogQuery {
  std::vector<model::LabelMatcher> matchers;
  std::vector<Stage> pipeline;
};

// Arithmetic over vector(n), already worked out: the health check that Grafana sends.
struct ConstantVector {
  double value = 0;
};

using Query = std::variant<LogQuery, ConstantVector>;

}  // namespace clew::query::logql
