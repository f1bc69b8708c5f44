// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clew/base/json_writer.h"
#include "clew/model/span_batch.h"

namespace clew::api::clew_api {

// One trace as its waterfall needs it (openapi.yaml: Outline): by column and without attributes, so that 100,000 spans
// are a few megabytes. Not thread-safe.
class TraceOutline {
 public:
  // Spans may come in any order.
  void Add(const model::SpanBatch& batch);
  // Writes the fields of the outline into the object that is open, spans by start time; their number.
  size_t Write(base::JsonWriter& json);

 private:
  struct Row {
    uint64_t start = 0;
    int64_t duration = 0;
    model::SpanId span_id;
    model::SpanId parent;
    uint32_t service = 0;
    uint32_t name = 0;
    model::SpanKind kind = model::SpanKind::kUnspecified;
    bool failed = false;
  };
  // Each text once.
  struct Texts {
    std::vector<std::string> all;
    std::unordered_map<std::string, uint32_t> places;
    uint32_t Place(std::string_view text);
  };

  std::vector<Row> rows_;
  Texts services_;
  Texts names_;
};

}  // namespace clew::api::clew_api
