// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Field numbers of OTLP 1.x, one namespace a message (opentelemetry-proto, opentelemetry/proto/**/v1/*.proto), for the
// decoders and the encoders.
namespace clew::wire::field {

// ExportTraceServiceRequest, ExportLogsServiceRequest, ExportMetricsServiceRequest: alike but for their names.
namespace request {
enum : uint32_t { kResourceGroups = 1 };
}
// ResourceSpans, ResourceLogs, ResourceMetrics.
namespace resource_group {
enum : uint32_t { kResource = 1, kScopeGroups = 2, kSchemaUrl = 3 };
}
// ScopeSpans, ScopeLogs, ScopeMetrics.
namespace scope_group {
enum : uint32_t { kScope = 1, kRecords = 2, kSchemaUrl = 3 };
}
namespace resource {
enum : uint32_t { kAttributes = 1, kDroppedAttributesCount = 2 };
}
namespace scope {
enum : uint32_t { kName = 1, kVersion = 2, kAttributes = 3, kDroppedAttributesCount = 4 };
}

namespace any_value {
enum : uint32_t { kString = 1, kBool = 2, kInt = 3, kDouble = 4, kArray = 5, kKeyValueList = 6, kBytes = 7 };
}
// ArrayValue and KeyValueList.
namespace value_list {
enum : uint32_t { kValues = 1 };
}
namespace key_value {
enum : uint32_t { kKey = 1, kValue = 2 };
}

namespace span {
enum : uint32_t {
  kTraceId = 1,
  kSpanId = 2,
  kTraceState = 3,
  kParentSpanId = 4,
  kName = 5,
  kKind = 6,
  kStartTime = 7,
  kEndTime = 8,
  kAttributes = 9,
  kDroppedAttributesCount = 10,
  kEvents = 11,
  kDroppedEventsCount = 12,
  kLinks = 13,
  kDroppedLinksCount = 14,
  kStatus = 15,
  kFlags = 16,
};
}
namespace event {
enum : uint32_t { kTime = 1, kName = 2, kAttributes = 3, kDroppedAttributesCount = 4 };
}
namespace link {
enum : uint32_t {
  kTraceId = 1,
  kSpanId = 2,
  kTraceState = 3,
  kAttributes = 4,
  kDroppedAttributesCount = 5,
  kFlags = 6,
};
}
namespace span_status {
enum : uint32_t { kMessage = 2, kCode = 3 };
}

namespace log_record {
enum : uint32_t {
  kTime = 1,
  kSeverityNumber = 2,
  kSeverityText = 3,
  kBody = 5,
  kAttributes = 6,
  kDroppedAttributesCount = 7,
  kFlags = 8,
  kTraceId = 9,
  kSpanId = 10,
  kObservedTime = 11,
  kEventName = 12,
};
}

namespace metric {
enum : uint32_t {
  kName = 1,
  kDescription = 2,
  kUnit = 3,
  kGauge = 5,
  kSum = 7,
  kHistogram = 9,
  kExponentialHistogram = 10,
  kSummary = 11,
  kMetadata = 12,
};
}
// Gauge, Sum, Histogram, ExponentialHistogram, Summary.
namespace metric_data {
enum : uint32_t { kPoints = 1, kTemporality = 2, kIsMonotonic = 3 };
}
namespace number_point {
enum : uint32_t {
  kStartTime = 2,
  kTime = 3,
  kAsDouble = 4,
  kExemplars = 5,
  kAsInt = 6,
  kAttributes = 7,
  kFlags = 8,
};
}
namespace histogram_point {
enum : uint32_t {
  kStartTime = 2,
  kTime = 3,
  kCount = 4,
  kSum = 5,
  kBucketCounts = 6,
  kExplicitBounds = 7,
  kExemplars = 8,
  kAttributes = 9,
  kFlags = 10,
  kMin = 11,
  kMax = 12,
};
}
namespace exponential_point {
enum : uint32_t {
  kAttributes = 1,
  kStartTime = 2,
  kTime = 3,
  kCount = 4,
  kSum = 5,
  kScale = 6,
  kZeroCount = 7,
  kPositive = 8,
  kNegative = 9,
  kFlags = 10,
  kExemplars = 11,
  kMin = 12,
  kMax = 13,
  kZeroThreshold = 14,
};
}
namespace buckets {
enum : uint32_t { kOffset = 1, kBucketCounts = 2 };
}
namespace summary_point {
enum : uint32_t {
  kStartTime = 2,
  kTime = 3,
  kCount = 4,
  kSum = 5,
  kQuantileValues = 6,
  kAttributes = 7,
  kFlags = 8,
};
}
namespace quantile_value {
enum : uint32_t { kQuantile = 1, kValue = 2 };
}
namespace exemplar {
enum : uint32_t {
  kTime = 2,
  kAsDouble = 3,
  kSpanId = 4,
  kTraceId = 5,
  kAsInt = 6,
  kFilteredAttributes = 7,
};
}

// Export…ServiceResponse and its Export…PartialSuccess.
namespace response {
enum : uint32_t { kPartialSuccess = 1 };
}
namespace partial_success {
enum : uint32_t { kRejected = 1, kErrorMessage = 2 };
}
// google/rpc/status.proto, google/protobuf/any.proto, google/rpc/error_details.proto, google/protobuf/duration.proto
namespace rpc_status {
enum : uint32_t { kCode = 1, kMessage = 2, kDetails = 3 };
}
namespace any {
enum : uint32_t { kTypeUrl = 1, kValue = 2 };
}
namespace retry_info {
enum : uint32_t { kRetryDelay = 1 };
}
namespace duration {
enum : uint32_t { kSeconds = 1, kNanos = 2 };
}

}  // namespace clew::wire::field
