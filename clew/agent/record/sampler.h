// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "clew/agent/record/layout.h"

// Head sampling and W3C trace context, over caller's buffers.
namespace clew::agent::record {

// tracestate is kept up to here; what is longer is dropped whole, as W3C trace context allows.
inline constexpr size_t kMaxTraceStateBytes = 512;
inline constexpr size_t kTraceparentBytes = 55;

struct TraceContext {
  uint8_t trace_id[16] = {};
  uint8_t span_id[8] = {};
  uint8_t flags = 0;
};

// W3C Trace Context level 2, section 3.2: any version but ff, ids not zero, lower-case digits.
bool ParseTraceparent(std::string_view text, TraceContext& out) noexcept;
// Writes exactly kTraceparentBytes.
void FormatTraceparent(const uint8_t* trace_id, const uint8_t* span_id, uint8_t flags, char* out) noexcept;

struct SamplingInput {
  const uint8_t* trace_id = nullptr;
  bool has_parent = false;
  uint8_t parent_flags = 0;
  std::string_view trace_state;  // of the parent
};

struct SamplingDecision {
  bool sampled = false;
  // Whether the tracestate differs from the parent's; then `trace_state` holds the new one.
  bool changes_trace_state = false;
  uint32_t trace_state_bytes = 0;
  char trace_state[kMaxTraceStateBytes + 32];
};

// OpenTelemetry: "TraceState: Probability Sampling" (ot=th, ot=rv) for the ratio samplers; th is written only by them,
// and only where the span is sampled. rv is read and never written; other members are kept as they came.
void Sample(const Config& config, const SamplingInput& input, SamplingDecision& out) noexcept;

}  // namespace clew::agent::record
