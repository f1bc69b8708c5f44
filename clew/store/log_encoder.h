// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/engine/native_writer.h"
#include "clew/model/log_batch.h"
#include "clew/store/sender_writer.h"
#include "clew/store/store.h"

namespace clew::store {

// One block of table `logs` from the batches of a cut, which are consistent.
engine::EncodedBlock EncodeLogs(const Cut<model::LogBatch>& cut, SenderWriter& senders);

}  // namespace clew::store
