// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/result.h"

namespace clew::query::promql {

// How Prometheus writes and reads numbers, durations and strings.

// Shortest digits that read back the same, never with an exponent: "0.1", "100000", "NaN", "+Inf" (Go's 'f', -1).
std::string FormatFixed(double value);
// The same with an exponent where that is shorter to read (Go's 'g', -1): "1e+06".
std::string FormatGeneral(double value);
// As the HTTP API carries sample values: an exponent below 1e-6 and from 1e21 on.
void AppendSampleValue(double value, std::string& out);

// "5m", "1h30m", "100ms", "0s" for zero; years and weeks only where nothing is left over. `millis` is not negative.
std::string FormatPromDuration(int64_t millis);
// Milliseconds of "1h30m", units y w d h m s ms in this order, each at most once.
base::Result<int64_t> ParsePromDuration(std::string_view text);

// The double of a number token: decimal, 0x hexadecimal, octal with a leading 0, underscores between digits, Inf, NaN.
std::optional<double> ParseNumber(std::string_view text);

// In double quotes with Go's escapes.
std::string Quote(std::string_view text);
// The text within "…", '…' or `…`; nothing where the quotes or escapes are wrong.
std::optional<std::string> Unquote(std::string_view text);

// Whether a label name needs no quotes: [a-zA-Z_][a-zA-Z0-9_]*.
bool IsLegacyLabelName(std::string_view name);
// Whether a metric name needs no quotes: the same with colons.
bool IsLegacyMetricName(std::string_view name);

}  // namespace clew::query::promql
