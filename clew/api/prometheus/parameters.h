// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/net/url.h"
#include "clew/store/time_range.h"

namespace clew::api::prometheus {

// Parameters as Prometheus' HTTP API reads them (web/api/v1). Errors are INVALID_ARGUMENT in its words.

// Unix milliseconds of seconds ("1435781451.781") or RFC 3339.
base::Result<int64_t> ParseTime(std::string_view text);
// Milliseconds of seconds ("15", "0.5") or a Prometheus duration ("1h30m").
base::Result<int64_t> ParseDuration(std::string_view text);

// The errors of these name the parameter: `invalid parameter "start": …`.
base::Result<int64_t> TimeParameter(const net::Parameters& parameters, std::string_view name, int64_t otherwise_ms);
base::Result<int64_t> RequiredTime(const net::Parameters& parameters, std::string_view name);
base::Result<int64_t> RequiredDuration(const net::Parameters& parameters, std::string_view name);
// At most how many results; 0 where there is no limit.
base::Result<size_t> LimitParameter(const net::Parameters& parameters);
// `start` and `end`, both included, for ever where they are missing.
base::Result<store::TimeRange> RangeParameters(const net::Parameters& parameters);
// All of match[].
base::Result<std::vector<std::vector<model::LabelMatcher>>> MatchParameters(const net::Parameters& parameters);

// The label that a path names: U__ and its escapes stand for characters that paths cannot carry (Prometheus,
// model.UnescapeName).
std::string UnescapeLabelName(std::string_view name);

std::unexpected<base::Error> InvalidParameter(std::string_view name, std::string_view message);

}  // namespace clew::api::prometheus
