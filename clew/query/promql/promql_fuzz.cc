// SPDX-License-Identifier: Apache-2.0
// Any text: what parses prints to a text that parses to the same tree, and evaluates within a small budget without
// harm.
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/model/series_batch.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/engine.h"
#include "clew/query/promql/parser.h"
#include "clew/query/promql/source.h"

namespace {

using namespace clew::query::promql;  // NOLINT: a test program of one file

// Native histograms of several layouts.
HistogramPtr SomeHistogram(int step) {
  Histogram histogram;
  histogram.count = step;
  histogram.sum = step * 1.5;
  if (step % 5 == 4) {
    histogram.schema = kCustomBounds;
    histogram.custom_bounds = {0.5, static_cast<double>(step)};
    histogram.positive = {{0, 1}, {2, static_cast<double>(step)}};
  } else {
    histogram.schema = step % 3;
    histogram.zero_threshold = step % 2 == 0 ? 0.001 : 0.1;
    histogram.zero_count = 1;
    histogram.positive = {{-4, 1}, {step, 2}};
    histogram.negative = {{1, static_cast<double>(step % 3)}};
  }
  return std::make_shared<const Histogram>(std::move(histogram));
}

// Two series of floats for any selector, with a reset, a gap and a stale marker, and two with histograms.
class FewSeries final : public Source {
 public:
  clew::base::Result<std::vector<SourceSeries>> Select(std::span<const clew::model::LabelMatcher>, int64_t from_ms,
                                                       int64_t to_ms) override {
    std::vector<SourceSeries> result;
    for (const char* le : {"0.5", "+Inf"}) {
      SourceSeries series;
      series.labels = clew::model::Labels({{"__name__", "m_bucket"}, {"le", le}, {"job", "a"}});
      const double stale = Absent();
      int64_t time = -60'000;
      for (const double value : {1.0, 2.0, 5.0, 1.0, stale, 7.0, 7.5}) {
        time += 15'000;
        if (time < from_ms || time > to_ms) continue;
        series.times_ms.push_back(time);
        series.values.push_back(value);
      }
      if (!series.values.empty()) result.push_back(std::move(series));
    }
    for (const char* job : {"a", "b"}) {
      SourceSeries series;
      series.labels = clew::model::Labels({{"__name__", "m"}, {"job", job}});
      int step = *job == 'a' ? 0 : 3;
      for (int64_t time = -45'000; time <= 45'000; time += 15'000) {
        if (++step; time < from_ms || time > to_ms) continue;
        if (step == 7) {
          series.times_ms.push_back(time);
          series.values.push_back(1);
        } else {
          series.histogram_times_ms.push_back(time);
          series.histograms.push_back(SomeHistogram(step));
        }
      }
      if (!series.empty()) result.push_back(std::move(series));
    }
    return result;
  }

 private:
  static double Absent() { return std::bit_cast<double>(clew::model::kStaleNanBits); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  (void)ParseSelector(query);
  const auto expr = ParseExpr(query);
  if (!expr) return 0;
  for (const std::string& text : {Print(**expr), PrintPretty(**expr)}) {
    const auto again = ParseExpr(text);
    if (!again || !SameExpr(**expr, **again)) __builtin_trap();
  }
  FewSeries source;
  clew::model::RequestContext context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  context.memory_budget_bytes = 1 << 20;
  (void)EvaluateInstant(source, context, query, 20'000);
  (void)EvaluateRange(source, context, query, -30'000, 30'000, 7'000);
  return 0;
}
