// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/span_batch.h"

// OTLP 1.x (opentelemetry-proto, docs/specification.md) to and from the model's batches, in protobuf and in OTLP/JSON.
// All functions are pure and may be called from any thread.
namespace clew::wire {

enum class Signal : uint8_t { kTraces, kLogs, kMetrics };
enum class Format : uint8_t { kProtobuf, kJson };

// Larger messages are refused (OUT_OF_RANGE): the text of one batch must fit 32-bit offsets, repaired text included.
inline constexpr size_t kMaxMessageBytes = size_t{512} << 20;

// What a request held, as far as it could be taken.
template <typename Batch>
struct Decoded {
  Batch batch;
  // Records (spans, log records, data points) left out, and why the first of them was: for OTLP's partial success.
  uint64_t rejected = 0;
  std::string reason;
};

// Decode an Export…ServiceRequest (the same bytes as TracesData, LogsData, MetricsData).
//
// Errors: INVALID_ARGUMENT where the bytes are no such message or nest deeper than model::kMaxValueDepth, OUT_OF_RANGE
// over kMaxMessageBytes. The message says what is wrong and where, and quotes nothing of what came.
//
// Left out and counted, the rest kept: records with an id of a wrong length (a link's or an exemplar's counts for its
// record), spans whose trace or span id is missing or all zeros, histogram points whose counts do not fit their bounds,
// exponential histogram points whose bucket indexes leave 32 bits.
//
// Normalised: unknown fields are skipped; ill-formed UTF-8 becomes U+FFFD; numbers of an enum that are not in
// OTLP 1.x become its zero; an id of zeros that may be missing is missing; an absent resource or scope is an empty one;
// resources and scopes without records vanish; an exemplar without a value has the value 0. A field that comes twice
// is merged as protobuf does.
base::Result<Decoded<model::SpanBatch>> DecodeTraces(std::string_view protobuf);
base::Result<Decoded<model::LogBatch>> DecodeLogs(std::string_view protobuf);
base::Result<Decoded<model::MetricBatch>> DecodeMetrics(std::string_view protobuf);

// The same of OTLP/JSON (specification, "JSON Protobuf Encoding"): ids in hexadecimal, lowerCamelCase or snake_case
// names, 64-bit integers as strings or numbers, enums as numbers or names, null is absent.
base::Result<Decoded<model::SpanBatch>> DecodeTracesJson(std::string_view json);
base::Result<Decoded<model::LogBatch>> DecodeLogsJson(std::string_view json);
base::Result<Decoded<model::MetricBatch>> DecodeMetricsJson(std::string_view json);

// An Export…ServiceRequest of the batch. Rows that follow each other with the same resource and scope stand in one
// group, in the order of the rows. The batch must be consistent (IsConsistent).
std::string EncodeTraces(const model::SpanBatch& batch);
std::string EncodeLogs(const model::LogBatch& batch);
std::string EncodeMetrics(const model::MetricBatch& batch);
std::string EncodeTracesJson(const model::SpanBatch& batch);
std::string EncodeLogsJson(const model::LogBatch& batch);
std::string EncodeMetricsJson(const model::MetricBatch& batch);

// What a server left out of a request that it otherwise took. rejected = 0 with a message is a warning.
struct PartialSuccess {
  uint64_t rejected = 0;
  std::string message;
};

// An Export…ServiceResponse; without rejections and message the plain success, as the specification asks.
std::string EncodePartialSuccess(Signal signal, uint64_t rejected, std::string_view message, Format format);
base::Result<PartialSuccess> DecodePartialSuccess(Signal signal, std::string_view bytes,
                                                  Format format = Format::kProtobuf);

// google.rpc.Status; retry_after travels as google.rpc.RetryInfo among its details.
std::string EncodeStatus(const base::Error& error, Format format);
// The other way; the outer error says that the bytes are no Status. Codes outside the canonical ones are UNKNOWN.
base::Result<base::Error> DecodeStatus(std::string_view bytes, Format format = Format::kProtobuf);

}  // namespace clew::wire
