// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "clew/base/result.h"
#include "clew/engine/native_block.h"
#include "clew/model/span_batch.h"
#include "clew/store/store_state.h"

namespace clew::store {

// The columns that DecodeSpans takes, in its order: all, or all but attributes, events, links and texts of single
// spans.
std::string_view SpanColumnList(bool with_attributes);

// Appends the spans of a block of SpanColumnList to `batch`. DATA_LOSS where a row makes no sense.
base::Status DecodeSpans(const engine::Block& block, bool with_attributes, StoreState& state, std::string_view tenant,
                         model::SpanBatch& batch);

}  // namespace clew::store
