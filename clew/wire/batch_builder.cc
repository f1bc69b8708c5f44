// SPDX-License-Identifier: Apache-2.0
#include "clew/wire/batch_builder.h"

#include "clew/base/bytes.h"

namespace clew::wire {

void BatchBuilder::ReserveFor(size_t message_bytes) {
  // An attribute takes some forty bytes as instrumentation sends them.
  attributes_.key_values.reserve(message_bytes / 40);
}

void BatchBuilder::Repair(model::StringId id, std::string_view text) {
  if (!base::IsUtf8(text)) strings_.Replace(id, base::ToUtf8(text));
}

model::Range BatchBuilder::EndKeyValues(size_t mark) {
  auto& rows = attributes_.key_values;
  const model::Range range{static_cast<uint32_t>(rows.size()), static_cast<uint32_t>(key_values_.size() - mark)};
  rows.insert(rows.end(), key_values_.begin() + static_cast<ptrdiff_t>(mark), key_values_.end());
  key_values_.resize(mark);
  return range;
}

model::Range BatchBuilder::EndValues(size_t mark) {
  auto& rows = attributes_.values;
  const model::Range range{static_cast<uint32_t>(rows.size()), static_cast<uint32_t>(values_.size() - mark)};
  rows.insert(rows.end(), values_.begin() + static_cast<ptrdiff_t>(mark), values_.end());
  values_.resize(mark);
  return range;
}

}  // namespace clew::wire
