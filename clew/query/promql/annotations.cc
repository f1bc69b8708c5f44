// SPDX-License-Identifier: Apache-2.0
#include "clew/query/promql/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clew/base/time.h"
#include "clew/query/promql/text.h"

namespace clew::query::promql {
namespace {

std::string OfMetric(std::string text, std::string_view metric) {
  if (!metric.empty()) text += fmt::format(" for metric name {}", Quote(metric));
  return text;
}

std::vector<std::string> Limited(std::vector<std::string> texts, size_t limit, std::string_view kind) {
  if (texts.size() <= limit) return texts;
  const size_t left_out = texts.size() - limit;
  texts.resize(limit);
  texts.push_back(fmt::format("{} more {} annotations omitted", left_out, kind));
  return texts;
}

std::string Seconds(int64_t time_ms) {
  // Whole seconds, rounded down.
  const int64_t seconds = time_ms >= 0 ? time_ms / 1000 : -((-time_ms + 999) / 1000);
  return base::FormatTime(seconds * base::kNanosPerSecond);
}

}  // namespace

void Annotations::Add(std::map<std::string, PositionRange>& to, std::string text, PositionRange range) {
  to.try_emplace(std::move(text), range);
}

void Annotations::InvalidQuantile(double quantile, PositionRange range) {
  Add(warnings_,
      fmt::format("PromQL warning: quantile value should be between 0 and 1, got {}", FormatGeneral(quantile)), range);
}

void Annotations::BadBucketLabel(std::string_view metric, std::string_view label, PositionRange range) {
  Add(warnings_,
      OfMetric(
          fmt::format("PromQL warning: bucket label \"le\" is missing or has a malformed value of {}", Quote(label)),
          metric),
      range);
}

void Annotations::SortInRangeQuery(PositionRange range) {
  Add(warnings_, "PromQL warning: sort is ineffective for range queries since results are always ordered by labels",
      range);
}

void Annotations::PossibleNonCounter(std::string_view metric, PositionRange range) {
  Add(infos_,
      fmt::format("PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                  Quote(metric)),
      range);
}

void Annotations::MixedFloatsHistograms(std::string_view metric, PositionRange range) {
  Add(warnings_,
      fmt::format("PromQL warning: encountered a mix of histograms and floats for metric name {}", Quote(metric)),
      range);
}

void Annotations::MixedFloatsHistogramsInAggregation(PositionRange range) {
  Add(warnings_, "PromQL warning: encountered a mix of histograms and floats for aggregation", range);
}

void Annotations::MixedClassicNative(std::string_view metric, PositionRange range) {
  Add(warnings_, OfMetric("PromQL warning: vector contains a mix of classic and native histograms", metric), range);
}

void Annotations::MixedExponentialCustom(std::string_view metric, PositionRange range) {
  Add(warnings_,
      fmt::format("PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for "
                  "metric name {}",
                  Quote(metric)),
      range);
}

void Annotations::NotCounter(std::string_view metric, PositionRange range) {
  Add(warnings_, fmt::format("PromQL warning: this native histogram metric is not a counter: {}", Quote(metric)),
      range);
}

void Annotations::NotGauge(std::string_view metric, PositionRange range) {
  Add(warnings_, fmt::format("PromQL warning: this native histogram metric is not a gauge: {}", Quote(metric)), range);
}

void Annotations::ResetCollision(std::string_view operation, PositionRange range) {
  Add(warnings_, fmt::format("PromQL warning: conflicting counter resets during histogram {}", operation), range);
}

void Annotations::IncompatibleBuckets(std::string_view op, PositionRange range) {
  Add(warnings_, fmt::format("PromQL warning: incompatible bucket layout encountered for binary operator {}", op),
      range);
}

void Annotations::IncompatibleTypes(std::string_view left, std::string_view op, std::string_view right,
                                    PositionRange range) {
  Add(infos_,
      fmt::format("PromQL info: incompatible sample types encountered for binary operator {}: {} {} {}", Quote(op),
                  left, op, right),
      range);
}

void Annotations::IgnoredInAggregation(std::string_view aggregation, PositionRange range) {
  Add(infos_, fmt::format("PromQL info: ignored histogram in {} aggregation", aggregation), range);
}

void Annotations::IgnoredInMixedRange(std::string_view metric, PositionRange range) {
  Add(infos_,
      fmt::format("PromQL info: ignored histograms in a range containing both floats and histograms for metric name {}",
                  Quote(metric)),
      range);
}

void Annotations::BoundsReconciled(std::string_view operation, PositionRange range) {
  Add(infos_, fmt::format("PromQL info: mismatched custom buckets were reconciled during {}", operation), range);
}

void Annotations::QuantileOfNan(std::string_view metric, PositionRange range) {
  Add(infos_, OfMetric("PromQL info: input to histogram_quantile has NaN observations, result is NaN", metric), range);
}

void Annotations::QuantileSkewed(std::string_view metric, PositionRange range) {
  Add(infos_,
      OfMetric("PromQL info: input to histogram_quantile has NaN observations, result is skewed higher", metric),
      range);
}

void Annotations::FractionWithoutNans(std::string_view metric, PositionRange range) {
  Add(infos_,
      OfMetric("PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions",
               metric),
      range);
}

void Annotations::ForcedMonotonicity(std::string_view metric, PositionRange range, int64_t time_ms, double min_bucket,
                                     double max_bucket, double max_difference) {
  const std::string text = OfMetric(
      "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
      metric);
  auto [found, is_new] = forced_.try_emplace(text);
  Forced& forced = found->second;
  if (is_new) {
    forced = {range, time_ms, time_ms, min_bucket, max_bucket, max_difference, 1};
    return;
  }
  forced.min_time_ms = std::min(forced.min_time_ms, time_ms);
  forced.max_time_ms = std::max(forced.max_time_ms, time_ms);
  forced.min_bucket = std::min(forced.min_bucket, min_bucket);
  forced.max_bucket = std::max(forced.max_bucket, max_bucket);
  forced.max_difference = std::max(forced.max_difference, max_difference);
  ++forced.count;
}

std::vector<std::string> Annotations::Texts(const std::map<std::string, PositionRange>& from) const {
  std::vector<std::string> texts;
  for (const auto& [text, range] : from) texts.push_back(fmt::format("{} ({})", text, PositionText(query_, range)));
  return texts;
}

std::vector<std::string> Annotations::Warnings(size_t limit) const {
  return Limited(Texts(warnings_), limit, "warning");
}

std::vector<std::string> Annotations::Infos(size_t limit) const {
  std::vector<std::string> texts = Texts(infos_);
  for (const auto& [text, forced] : forced_) {
    texts.push_back(fmt::format(
        "{}, from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {} ({})", text,
        FormatGeneral(forced.min_bucket), FormatGeneral(forced.max_bucket), forced.max_difference, forced.count,
        Seconds(forced.min_time_ms), Seconds(forced.max_time_ms), PositionText(query_, forced.range)));
  }
  return Limited(std::move(texts), limit, "info");
}

}  // namespace clew::query::promql
