// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "clew/base/time.h"
#include "clew/engine/native_writer.h"
#include "clew/model/strings.h"

namespace clew::store {

inline constexpr std::string_view kTextMap = "Map(LowCardinality(String), String)";
inline constexpr std::string_view kWord = "LowCardinality(String)";

// A DateTime of an arrival; what lies outside 1970 to 2106 is the nearest that fits.
inline uint32_t ArrivalSeconds(base::UnixNanos arrival) {
  return static_cast<uint32_t>(std::clamp<int64_t>(arrival / base::kNanosPerSecond, 0, UINT32_MAX));
}

// The dictionary indexes of a batch's strings in one column, each looked up once.
class WordMemo {
 public:
  WordMemo(const model::Strings& strings, engine::LowCardinalityColumn& column)
      : strings_(strings), column_(column), indexes_(strings.size(), kUnknown) {}
  void Add(model::StringId id) {
    if (indexes_[id] == kUnknown) indexes_[id] = column_.IndexOf(strings_.Get(id));
    column_.AddIndex(indexes_[id]);
  }

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  const model::Strings& strings_;
  engine::LowCardinalityColumn& column_;
  std::vector<uint32_t> indexes_;
};

}  // namespace clew::store
