// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/engine/native_writer.h"
#include "clew/model/span_batch.h"
#include "clew/store/sender_writer.h"
#include "clew/store/store.h"

namespace clew::store {

// One block of table `spans` from the batches of a cut, which are consistent.
engine::EncodedBlock EncodeSpans(const Cut<model::SpanBatch>& cut, SenderWriter& senders);

}  // namespace clew::store
