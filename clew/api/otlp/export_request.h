// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "clew/api/otlp/batch_sink.h"
#include "clew/base/result.h"
#include "clew/ingest/memory_budget.h"
#include "clew/model/request_context.h"
#include "clew/wire/compression.h"
#include "clew/wire/otlp.h"

namespace clew::api::otlp {

// One Export…ServiceRequest as it came, whichever door it came by.
struct ExportRequest {
  wire::Signal signal = wire::Signal::kTraces;
  wire::Format format = wire::Format::kProtobuf;
  wire::Compression compression = wire::Compression::kNone;
  std::string_view body;
  // Of the body once unpacked.
  size_t limit_bytes = 0;
};

// What a body may hold while it is unpacked and decoded, over all doors.
inline constexpr uint64_t kDecodeMemoryBytes = 256u << 20;

// Called once, from any thread. A value: all but what it rejects is kept. An error: nothing is; OUT_OF_RANGE says that
// the body is too large, INVALID_ARGUMENT that it is none.
using Exported = std::move_only_function<void(base::Result<wire::PartialSuccess>)>;

// Unpacks, decodes and writes, on the calling thread up to `sink`; `request.body` is not needed any more on return.
// RESOURCE_EXHAUSTED with retry_after where other requests hold what `memory` has.
void Export(BatchSink& sink, ingest::MemoryBudget& memory, const model::RequestContext& context,
            const ExportRequest& request, Exported done);

}  // namespace clew::api::otlp
