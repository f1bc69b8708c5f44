// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// What lies in the rings. Records are self-contained; little-endian, unaligned inside.
//
//   record     := RecordHeader payload, padded with zeros to 8 bytes
//   payload    := by type, below
//   text       := u32 length, bytes (UTF-8 as the service had it; not checked by the writer)
//   key        := u8 code; code 0: u16 length, bytes; else kKnownKeys[code]
//   value      := u8 ValueType, then: empty nothing, bool u8, int i64, double f64, string and bytes text,
//                 array u16 count and values, key-value list an attribute list
//   attributes := u16 count, then key and value of each
//   scope      := u8 code; code 0: text name, text version, text schema URL; else kKnownScopes[code]
//
//   span       := SpanFixed, scope, text name, text trace state, text status message, attributes,
//                 u16 count, event …, u16 count, link …
//   event      := i64 time, u8 time is Unix, u32 dropped attributes, text name, attributes
//   link       := trace id [16], span id [8], u32 flags, u32 dropped attributes, text trace state, attributes
//   log        := LogFixed, scope, text severity, text event name, value body, attributes
//   note       := u8 NoteKind, text
//
// Not in rings but in the worker's heap, in the same encoding:
//   identity   := attributes of the process (process.runtime.name, process.executable.path, …)
//   definition := u8 MetricKind, u8 is int, scope, text name, text unit, text description,
//                 u16 count of bounds and f64 each, attributes
namespace clew::agent::record {

enum class RecordType : uint16_t {
  kPad = 1,   // fills a ring's end: only the first 8 bytes of its header are sure to fit; skip `bytes`
  kSpan = 2,  // a finished span
  kLog = 3,
  kNote = 4,  // for the start line or the agent's status
};

inline constexpr uint16_t kRecordTruncated = 1;  // RecordHeader::flags: text was cut or attributes left out

struct RecordHeader {
  uint32_t bytes;  // header and payload without padding; of a pad: all that is skipped
  uint16_t type;
  uint16_t flags;
  uint32_t sum;       // Checksum() over the header with this field 0, and the payload
  uint32_t sequence;  // one more each record of a tenure
};
static_assert(sizeof(RecordHeader) == 16);

// Bits of SpanFixed::clocks. Times are CLOCK_MONOTONIC nanoseconds (the drainer adds the offset to the time of day)
// unless the service gave them itself, as Unix nanoseconds.
inline constexpr uint8_t kStartIsUnix = 1;
inline constexpr uint8_t kEndIsUnix = 2;

// Trace flags as in W3C trace context; bits 8 and 9 as in OTLP's SpanFlags.
inline constexpr uint32_t kFlagSampled = 0x01;
inline constexpr uint32_t kFlagRandom = 0x02;
inline constexpr uint32_t kFlagHasIsRemote = 0x100;
inline constexpr uint32_t kFlagIsRemote = 0x200;

struct SpanFixed {
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t parent_span_id[8];  // zero: a root
  int64_t start;
  int64_t end;  // 0: still open (only in an OpenSpanSlot)
  uint32_t flags;
  uint8_t kind;    // OTLP SpanKind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer
  uint8_t status;  // OTLP StatusCode: 0 unset, 1 ok, 2 error
  uint8_t clocks;
  uint8_t unused;
  uint32_t dropped_attributes;
  uint32_t dropped_events;
  uint32_t dropped_links;
  uint32_t unused2;
};
static_assert(sizeof(SpanFixed) == 72);

struct LogFixed {
  int64_t time_unix;     // when it happened as the logger said; 0: not known
  int64_t observed;      // CLOCK_MONOTONIC
  uint8_t trace_id[16];  // zero: none
  uint8_t span_id[8];
  uint32_t flags;
  uint32_t dropped_attributes;
  uint8_t severity;  // OTLP SeverityNumber
  uint8_t unused[7];
};
static_assert(sizeof(LogFixed) == 56);

enum class NoteKind : uint8_t { kInfo = 1, kWarning = 2 };

// Numbered as model::ValueKind.
enum class ValueType : uint8_t { kEmpty, kString, kBool, kInt, kDouble, kBytes, kArray, kKeyValueList };

// Deepest nesting of values: what is deeper the writer makes empty and the reader refuses.
inline constexpr int kMaxValueDepth = 8;

// Keys that native hooks write, by one byte. Append only within a layout version.
enum KnownKey : uint8_t {
  kKeyLiteral = 0,
  kHttpRequestMethod,
  kHttpRequestMethodOriginal,
  kHttpRoute,
  kHttpResponseStatusCode,
  kUrlPath,
  kUrlQuery,
  kUrlScheme,
  kUrlFull,
  kServerAddress,
  kServerPort,
  kClientAddress,
  kClientPort,
  kNetworkPeerAddress,
  kNetworkPeerPort,
  kNetworkProtocolName,
  kNetworkProtocolVersion,
  kUserAgentOriginal,
  kErrorType,
  kExceptionType,
  kExceptionMessage,
  kExceptionStacktrace,
  kExceptionEscaped,
  kCodeFilePath,
  kCodeLineNumber,
  kCodeFunctionName,
  kDbSystemName,
  kDbNamespace,
  kDbOperationName,
  kDbCollectionName,
  kDbQueryText,
  kDbQuerySummary,
  kDbResponseStatusCode,
  kDbOperationBatchSize,
  kThreadId,
  kThreadName,
  kHttpMethod,  // http/dup from here on
  kHttpUrl,
  kHttpTarget,
  kHttpHost,
  kHttpScheme,
  kHttpStatusCode,
  kHttpFlavor,
  kHttpServerName,
  kHttpUserAgent,
  kNetHostName,
  kNetHostPort,
  kNetPeerName,
  kNetPeerIp,
  kNetPeerPort,
  kDbSystem,  // database/dup from here on
  kDbName,
  kDbStatement,
  kProcessPid,
  kProcessParentPid,
  kProcessExecutableName,
  kProcessExecutablePath,
  kProcessCommand,
  kProcessCommandArgs,
  kProcessRuntimeName,
  kProcessRuntimeVersion,
  kProcessRuntimeDescription,
  kMetricOverflow,
  kTelemetryDistroName,
  kKnownKeyCount,
};

inline constexpr std::array<std::string_view, kKnownKeyCount> kKnownKeys = {
    "",
    "http.request.method",
    "http.request.method_original",
    "http.route",
    "http.response.status_code",
    "url.path",
    "url.query",
    "url.scheme",
    "url.full",
    "server.address",
    "server.port",
    "client.address",
    "client.port",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.name",
    "network.protocol.version",
    "user_agent.original",
    "error.type",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "exception.escaped",
    "code.file.path",
    "code.line.number",
    "code.function.name",
    "db.system.name",
    "db.namespace",
    "db.operation.name",
    "db.collection.name",
    "db.query.text",
    "db.query.summary",
    "db.response.status_code",
    "db.operation.batch.size",
    "thread.id",
    "thread.name",
    "http.method",
    "http.url",
    "http.target",
    "http.host",
    "http.scheme",
    "http.status_code",
    "http.flavor",
    "http.server_name",
    "http.user_agent",
    "net.host.name",
    "net.host.port",
    "net.peer.name",
    "net.peer.ip",
    "net.peer.port",
    "db.system",
    "db.name",
    "db.statement",
    "process.pid",
    "process.parent_pid",
    "process.executable.name",
    "process.executable.path",
    "process.command",
    "process.command_args",
    "process.runtime.name",
    "process.runtime.version",
    "process.runtime.description",
    "otel.metric.overflow",
    "telemetry.distro.name",
};
static_assert(!kKnownKeys.back().empty());

// Instrumentation scopes of native hooks; version is Clew's own, schema URL kSchemaUrl. Append only.
enum KnownScope : uint8_t {
  kScopeLiteral = 0,
  kScopeFlask,
  kScopeRequests,
  kScopeUrllib3,
  kScopeSqlite3,
  kScopeLogging,
  kKnownScopeCount,
};
inline constexpr std::array<std::string_view, kKnownScopeCount> kKnownScopes = {
    "", "clew.flask", "clew.requests", "clew.urllib3", "clew.sqlite3", "clew.logging",
};
inline constexpr std::string_view kScopeVersion = "0.1.0";
// The conventions that native hooks follow.
inline constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

// Detects altered and torn records; not against malice. Reads 16 bytes a step, so it keeps up with memcpy.
inline uint32_t Checksum(const uint8_t* bytes, size_t size, uint64_t seed) {
  constexpr uint64_t kA = 0xA0761D6478BD642F, kB = 0xE7037ED1A0B428DB;
  auto mix = [](uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  auto word = [](const uint8_t* at) {
    uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  uint64_t state = mix(seed ^ kA, size ^ kB);
  while (size >= 16) {
    state = mix(word(bytes) ^ kA ^ state, word(bytes + 8) ^ kB);
    bytes += 16;
    size -= 16;
  }
  uint8_t rest[16] = {};
  std::memcpy(rest, bytes, size);
  state = mix(word(rest) ^ kB ^ state, word(rest + 8) ^ kA);
  return static_cast<uint32_t>(state ^ (state >> 32));
}

// RecordHeader::sum of a record whose payload lies at `payload`.
inline uint32_t RecordSum(const RecordHeader& header, const uint8_t* payload) {
  const uint64_t seed = (uint64_t{header.bytes} << 32 | uint64_t{header.type} << 16 | header.flags) ^
                        (uint64_t{header.sequence} * 0x9E3779B97F4A7C15u);
  return Checksum(payload, header.bytes - sizeof(RecordHeader), seed);
}

}  // namespace clew::agent::record
