// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/model/log_batch.h"
#include "clew/model/span_batch.h"

namespace clew::query::evidence {

// Counts the values of attributes (of rows and of their resources) in a group of rows and in the rest. What takes more
// than kMostValues values is an identifier and sets nothing apart: it is left out. Not thread-safe.
class AttributeCounter {
 public:
  static constexpr size_t kMostValues = 500;
  static constexpr size_t kMostKeys = 500;
  static constexpr size_t kLongestValue = 200;  // bytes; longer ones are left out

  // `inside` says which rows belong to the group; rows for which `counts` is false are passed over.
  using RowTest = std::function<bool(size_t row)>;
  void Add(const model::SpanBatch& batch, const RowTest& counts, const RowTest& inside);
  void Add(const model::LogBatch& batch, const RowTest& counts, const RowTest& inside);

  uint64_t inside() const { return inside_; }
  uint64_t outside() const { return outside_; }
  // By key and value.
  std::vector<model::AttributeCount> Counts() const;

 private:
  struct Sides {
    uint64_t inside = 0;
    uint64_t outside = 0;
  };
  struct Key {
    std::unordered_map<std::string, Sides> values;
    bool is_identifier = false;
  };

  template <typename Batch>
  void AddRows(const Batch& batch, const RowTest& counts, const RowTest& inside);
  Sides* SidesOf(std::string_view key, std::string value);

  std::unordered_map<std::string, Key> keys_;
  uint64_t inside_ = 0;
  uint64_t outside_ = 0;
};

}  // namespace clew::query::evidence
