// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clew/query/promql/lexer.h"

namespace clew::query::promql {

// What an evaluation has to say beside its result, each thing once. Texts are Prometheus' own
// (util/annotations), with the place in the query behind them.
class Annotations {
 public:
  explicit Annotations(std::string_view query) : query_(query) {}

  void InvalidQuantile(double quantile, PositionRange range);
  void BadBucketLabel(std::string_view metric, std::string_view label, PositionRange range);
  void SortInRangeQuery(PositionRange range);
  void PossibleNonCounter(std::string_view metric, PositionRange range);
  // Of native histograms.
  void MixedFloatsHistograms(std::string_view metric, PositionRange range);
  void MixedFloatsHistogramsInAggregation(PositionRange range);
  void MixedClassicNative(std::string_view metric, PositionRange range);
  void MixedExponentialCustom(std::string_view metric, PositionRange range);
  void NotCounter(std::string_view metric, PositionRange range);
  void NotGauge(std::string_view metric, PositionRange range);
  void ResetCollision(std::string_view operation, PositionRange range);
  void IncompatibleBuckets(std::string_view op, PositionRange range);
  void IncompatibleTypes(std::string_view left, std::string_view op, std::string_view right, PositionRange range);
  void IgnoredInAggregation(std::string_view aggregation, PositionRange range);
  void IgnoredInMixedRange(std::string_view metric, PositionRange range);
  void BoundsReconciled(std::string_view operation, PositionRange range);
  void QuantileOfNan(std::string_view metric, PositionRange range);
  void QuantileSkewed(std::string_view metric, PositionRange range);
  void FractionWithoutNans(std::string_view metric, PositionRange range);
  // Of one histogram at one time; several are told as one.
  void ForcedMonotonicity(std::string_view metric, PositionRange range, int64_t time_ms, double min_bucket,
                          double max_bucket, double max_difference);

  // At most `limit` each, then how many were left out.
  std::vector<std::string> Warnings(size_t limit = 10) const;
  std::vector<std::string> Infos(size_t limit = 10) const;

 private:
  struct Forced {
    PositionRange range;
    int64_t min_time_ms = 0;
    int64_t max_time_ms = 0;
    double min_bucket = 0;
    double max_bucket = 0;
    double max_difference = 0;
    int64_t count = 0;
  };

  void Add(std::map<std::string, PositionRange>& to, std::string text, PositionRange range);
  std::vector<std::string> Texts(const std::map<std::string, PositionRange>& from) const;

  std::string_view query_;
  // By text, so that each stands once.
  std::map<std::string, PositionRange> warnings_;
  std::map<std::string, PositionRange> infos_;
  std::map<std::string, Forced> forced_;
};

}  // namespace clew::query::promql
