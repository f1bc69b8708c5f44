// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/model/series_batch.h"
#include "clew/query/promql/ast.h"
#include "clew/query/promql/native_histogram.h"

namespace clew::query::promql {

// Counts the bytes that one query holds. Not thread-safe.
class Budget {
 public:
  explicit Budget(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  base::Status Take(uint64_t bytes) {
    if (bytes > limit_bytes_ - used_bytes_) {
      return base::ResourceExhausted("query processing would load too many samples into memory in query execution");
    }
    used_bytes_ += bytes;
    return {};
  }
  void GiveBack(uint64_t bytes) { used_bytes_ -= bytes; }

 private:
  uint64_t limit_bytes_;
  uint64_t used_bytes_ = 0;
};

// Bytes of a budget, given back at the end. The budget outlives it.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(Budget& budget) : budget_(&budget) {}
  Reservation(Reservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() {
    if (budget_ != nullptr) budget_->GiveBack(bytes_);
  }

  base::Status Add(uint64_t bytes) {
    CLEW_RETURN_IF_ERROR(budget_->Take(bytes));
    bytes_ += bytes;
    return {};
  }

 private:
  Budget* budget_ = nullptr;
  uint64_t bytes_ = 0;
};

// The times at which an expression is evaluated: start, start + step, … count of them.
struct Steps {
  int64_t start_ms = 0;
  int64_t step_ms = 1;
  size_t count = 1;

  int64_t At(size_t i) const { return start_ms + static_cast<int64_t>(i) * step_ms; }
  int64_t last_ms() const { return At(count - 1); }
};

// The values of a series at all steps. Where it has none, the column holds the stale marker: it never is a value, since
// selectors take stale markers out and arithmetic makes quiet NaNs only.
using Column = std::vector<double>;

inline double Absent() { return std::bit_cast<double>(model::kStaleNanBits); }
inline bool IsAbsent(double value) { return std::bit_cast<uint64_t>(value) == model::kStaleNanBits; }
inline bool IsPresent(double value) { return !IsAbsent(value); }
inline bool AnyPresent(const Column& column) { return std::ranges::any_of(column, IsPresent); }

struct Series {
  model::Labels labels;
  // The metric's name is to be taken off at the end (delayed name removal).
  bool drop_name = false;
  Column values;
  // Native histograms at the steps where the column holds no float; empty where the series has none at all.
  std::vector<HistogramPtr> histograms = {};

  const Histogram* HistogramAt(size_t step) const { return histograms.empty() ? nullptr : histograms[step].get(); }
  bool Has(size_t step) const { return IsPresent(values[step]) || HistogramAt(step) != nullptr; }
  bool HasAny() const {
    return AnyPresent(values) || std::ranges::any_of(histograms, [](const auto& one) { return one != nullptr; });
  }
  void Set(size_t step, HistogramPtr histogram) {
    histograms.resize(values.size());
    histograms[step] = std::move(histogram);
  }
  void Clear(size_t step) {
    values[step] = Absent();
    if (!histograms.empty()) histograms[step].reset();
  }
  // Most functions are of floats.
  void DropHistograms() { histograms.clear(); }
};

// What an expression evaluates to at all steps.
struct Value {
  ValueType type = ValueType::kNone;
  Column scalar;               // kScalar
  std::string text;            // kString
  std::vector<Series> series;  // kVector
  Reservation reservation;
};

// A series of a range vector, without stale markers. The spans look into the vectors beside them or into what the
// evaluator holds.
struct RangeSeries {
  model::Labels labels;
  bool drop_name = false;
  std::span<const int64_t> times_ms;
  std::span<const double> values;
  std::vector<int64_t> own_times;
  std::vector<double> own_values;
  std::vector<int64_t> histogram_times_ms;
  std::vector<HistogramPtr> histograms;
};

}  // namespace clew::query::promql
