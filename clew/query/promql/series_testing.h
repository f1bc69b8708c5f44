// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clew/query/promql/source.h"

namespace clew::query::promql {

// A number or a histogram in a script.
struct ScriptValue {
  double number = 0;
  HistogramPtr histogram = nullptr;
  // Scripts compare the hints of histograms that name one.
  bool has_hint = false;
};

// metric{label="value"} 1 2+3x4 _ stale {{schema:0 count:2 buckets:[1 1]}}: the labels, and a value or nothing for each
// position.
struct SeriesDescription {
  model::Labels labels;
  std::vector<std::optional<ScriptValue>> values;
};
base::Result<SeriesDescription> ParseSeriesDescription(std::string_view text);
std::string Trimmed(std::string_view text);

// Equal but for rounding.
bool AlmostEqual(double a, double b);
bool AlmostEqual(const ScriptValue& expected, const ScriptValue& value);
std::string ToText(const ScriptValue& value);

// Series held in memory, for tests.
class MemorySource final : public Source {
 public:
  base::Result<std::vector<SourceSeries>> Select(std::span<const model::LabelMatcher> matchers, int64_t from_ms,
                                                 int64_t to_ms) override;
  // Appends to the series of these labels, or makes it. Histograms get the hints that Prometheus' storage gives them.
  void Add(SourceSeries series);
  void Clear() { series_.clear(); }

 private:
  std::vector<SourceSeries> series_;
};

// Native histograms with custom bounds, made of the classic ones among the series.
std::vector<SourceSeries> NativeOfClassic(const std::vector<SourceSeries>& series);

}  // namespace clew::query::promql
