// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"
#include "clew/engine/native_block.h"
#include "clew/model/log_batch.h"
#include "clew/store/store_state.h"

namespace clew::store {

// The columns that DecodeLogs takes, in its order.
inline constexpr std::string_view kLogColumnList =
    "service_name, time, time_unknown, observed_delay, severity_number, severity_text, body, body_kind, body_extra, "
    "trace_id, span_id, flags, event_name, resource_id, scope_id, attributes, attribute_kinds, attribute_extra, "
    "dropped_attributes_count";

// Appends the records of a block of kLogColumnList to `batch`. DATA_LOSS where a row makes no sense.
base::Status DecodeLogs(const engine::Block& block, StoreState& state, std::string_view tenant, model::LogBatch& batch);

}  // namespace clew::store
