// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "clew/model/metric_batch.h"
#include "clew/wire/batch_builder.h"

namespace clew::wire {

// Adds data points to a batch for the protobuf and the JSON decoder. While a point is read, its exemplars, counts,
// bounds and quantiles collect behind those of the points before it; Add() gives it its ranges of them. Not
// thread-safe.
class MetricRows {
 public:
  MetricRows(model::MetricBatch& batch, BatchBuilder& builder) : batch_(batch), builder_(builder) {}

  // The ends of all columns that points add to.
  struct Mark {
    BatchBuilder::Mark attributes;
    size_t numbers = 0;
    size_t histograms = 0;
    size_t exponential_histograms = 0;
    size_t summaries = 0;
    size_t exemplars = 0;
    size_t doubles = 0;
    size_t counts = 0;
  };
  Mark Here() const;
  void BackTo(const Mark& mark);

  // Adds a point that began at `mark`, its attributes at `attributes` of the builder. Answers why it cannot be kept, or
  // nothing; the caller takes it away again by BackTo(mark).
  std::string_view Add(model::NumberPoint point, const Mark& mark, uint32_t metric, size_t attributes);
  std::string_view Add(model::HistogramPoint point, const Mark& mark, uint32_t metric, size_t attributes);
  std::string_view Add(model::ExponentialHistogramPoint point, const Mark& mark, uint32_t metric, size_t attributes);
  std::string_view Add(model::SummaryPoint point, const Mark& mark, uint32_t metric, size_t attributes);

  // The buckets of the exponential histogram point that is being read, and the quantiles of the summary point: they may
  // come in any order, but each column of theirs is contiguous.
  std::vector<uint64_t>& positive() { return positive_; }
  std::vector<uint64_t>& negative() { return negative_; }
  void AddQuantile(double quantile, double value) {
    quantiles_.push_back(quantile);
    quantile_values_.push_back(value);
  }

 private:
  void SetBase(model::PointBase& point, const Mark& mark, uint32_t metric, size_t attributes);

  model::MetricBatch& batch_;
  BatchBuilder& builder_;
  std::vector<uint64_t> positive_;
  std::vector<uint64_t> negative_;
  std::vector<double> quantiles_;
  std::vector<double> quantile_values_;
};

}  // namespace clew::wire
