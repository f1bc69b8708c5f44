// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/time.h"
#include "clew/model/labels.h"
#include "clew/model/series_batch.h"

namespace clew::wire {

// Prometheus' text format 0.0.4, or OpenMetrics 1.0 (with exemplars, units and created times).
enum class TextFormat : uint8_t { kPrometheus, kOpenMetrics };

// The Content-Type of a page in `format`.
std::string_view ContentTypeOf(TextFormat format);
// The format that an Accept header (RFC 9110 section 12.5.1) prefers; OpenMetrics only where it is named.
TextFormat TextFormatFor(std::string_view accept);

struct TextExemplar {
  std::vector<model::Label> labels;  // trace_id, span_id; over 128 characters in all it is left out (OpenMetrics 1.0)
  double value = 0;
  base::UnixNanos time = 0;  // 0: not said
};

// One line of a page.
struct TextSample {
  // Behind the family's name: "_bucket", "_sum", "_count", "_created", …; a counter's "" is "_total", an info's
  // "_info".
  std::string suffix;
  std::vector<model::Label> labels;  // in the order in which they are to stand; values of any UTF-8
  double value = 0;
  std::optional<TextExemplar> exemplar;  // written in OpenMetrics, on counters and buckets
};

// One metric family. A counter's name may end in _total or not, an info's in _info or not (model::FamilyName gives the
// former): each format gets what it wants. Characters that no name may hold are written as underscores.
struct MetricFamily {
  std::string name;
  std::string help;
  std::string unit;  // written in OpenMetrics where the name ends in it
  model::FamilyType type = model::FamilyType::kUnknown;
  std::vector<TextSample> samples;
};

// Appends the samples of one classic histogram to `family`: a _bucket for each bound with its `le`, one for +Inf, _sum
// and _count. `counts` are one more than `bounds`, each that of its own bucket (not cumulative). `exemplars` is empty
// or as long as `counts`.
void AddHistogram(MetricFamily& family, std::span<const model::Label> labels, std::span<const double> bounds,
                  std::span<const uint64_t> counts, double sum,
                  std::span<const std::optional<TextExemplar>> exemplars = {});

// The whole page. No timestamps, so that the scraper's own count.
std::string WritePrometheusText(std::span<const MetricFamily> families, TextFormat format);

}  // namespace clew::wire
