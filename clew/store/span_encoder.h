// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "clew/engine/native_writer.h"
#include "clew/model/span_batch.h"
#include "clew/store/sender_writer.h"
#include "clew/store/store.h"

namespace clew::store {

// Makes blocks of table `spans`. The room of its columns is kept from cut to cut: to have the system make and clear it
// for each costs more than to fill it. One thread at a time.
class SpanEncoder {
 public:
  SpanEncoder();
  ~SpanEncoder();

  // One block from the batches of a cut, which are consistent. It is good until the next call.
  engine::EncodedBlock Encode(const Cut<model::SpanBatch>& cut, SenderWriter& senders);
  void GiveBackMemory();

  struct Columns;

 private:
  std::unique_ptr<Columns> columns_;
  engine::ReorderRoom room_;
};

}  // namespace clew::store
