// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "clew/engine/native_writer.h"
#include "clew/model/log_batch.h"
#include "clew/store/sender_writer.h"
#include "clew/store/store.h"

namespace clew::store {

// Makes blocks of table `logs`; see SpanEncoder.
class LogEncoder {
 public:
  LogEncoder();
  ~LogEncoder();

  // One block from the batches of a cut, which are consistent. It is good until the next call.
  engine::EncodedBlock Encode(const Cut<model::LogBatch>& cut, SenderWriter& senders);
  void GiveBackMemory();

  struct Columns;

 private:
  std::unique_ptr<Columns> columns_;
  engine::ReorderRoom room_;
};

}  // namespace clew::store
