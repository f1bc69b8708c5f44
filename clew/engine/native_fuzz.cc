// SPDX-License-Identifier: Apache-2.0
// The decoder of Native blocks: no input may crash it, read outside, or take more memory than it was allowed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "clew/engine/native_block.h"

namespace {

size_t Walk(const clew::engine::Column& column) {
  using clew::engine::TypeKind;
  size_t sum = 0;
  for (size_t row = 0; row < column.size(); ++row) {
    switch (column.type().kind) {
      case TypeKind::kString:
      case TypeKind::kFixedString:
      case TypeKind::kLowCardinality: sum += column.Text(row).size(); break;
      case TypeKind::kArray:
      case TypeKind::kMap: sum += column.Elements(row).second - column.Elements(row).first; break;
      case TypeKind::kNullable: sum += column.IsNull(row) ? 1 : 0; break;
      default: break;
    }
  }
  for (size_t i = 0; i < column.type().arguments.size(); ++i) sum += Walk(column.element(i));
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const auto block = clew::engine::DecodeBlock(rest, {.max_rows = 1 << 20, .max_bytes = 16 << 20});
    if (!block) break;
    size_t sum = 0;
    for (const auto& column : block->columns) sum += Walk(column.column);
    volatile size_t sink = sum;
    (void)sink;
  }
  return 0;
}
