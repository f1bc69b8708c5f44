// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/agent/drain/key_value_list.h"
#include "clew/agent/record/layout.h"
#include "clew/wire/otlp.h"

namespace clew::agent::drain {

using wire::Signal;
inline constexpr std::array<Signal, 3> kSignals = {Signal::kTraces, Signal::kLogs, Signal::kMetrics};
inline constexpr size_t kSignalCount = kSignals.size();
constexpr size_t IndexOf(Signal signal) { return static_cast<size_t>(signal); }
// "traces", "logs", "metrics".
std::string_view SignalName(Signal signal);

enum class Protocol : uint8_t { kHttpProtobuf, kHttpJson, kGrpc };
std::string_view ProtocolName(Protocol protocol);

// Where the records of one signal go, and how.
struct SignalConfig {
  bool otlp = true;
  bool console = false;
  Protocol protocol = Protocol::kHttpProtobuf;
  std::string endpoint;  // the whole URL; set by FinishEndpoints
  KeyValuePairs headers;
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};  // of one batch, all attempts together
  std::string certificate_file;
  std::string client_certificate_file;
  std::string client_key_file;
  bool insecure = false;  // grpc endpoints without a scheme

  // As set, before the rules of the specification make `endpoint` of them.
  std::string own_endpoint;
  std::string common_endpoint;

  // When a batch leaves, and what may wait.
  std::chrono::milliseconds delay{1'000};
  size_t max_batch = 4096;
  size_t max_queue_records = SIZE_MAX;
  // Kept small: it may be the service's memory limit that this counts against.
  size_t max_queue_bytes = 16u << 20;
};

// Everything that the environment and the command line say about the agent. Plain data; thread-compatible.
struct Config {
  bool disabled = false;  // CLEW_DISABLED, OTEL_SDK_DISABLED
  std::optional<std::string> service_name;
  KeyValuePairs resource_attributes;
  std::array<SignalConfig, kSignalCount> signals;

  // The metrics page: on unless OTEL_METRICS_EXPORTER=none or --prometheus none.
  bool page = true;
  bool page_explicit = false;  // a taken port is reported; otherwise the next free one is taken
  std::string page_host = "127.0.0.1";
  uint16_t page_port = 9464;

  std::chrono::milliseconds metric_interval{10'000};

  // What the recorder obeys.
  record::Config recorder;

  // Names of OTEL_* variables that took effect, and those that did not, with the reason.
  std::vector<std::string> honoured;
  std::vector<std::pair<std::string, std::string>> not_honoured;

  SignalConfig& of(Signal signal) { return signals[IndexOf(signal)]; }
  const SignalConfig& of(Signal signal) const { return signals[IndexOf(signal)]; }
};

// What the command line says; it goes before the environment.
struct CommandLine {
  std::optional<std::string> service;
  std::optional<std::string> endpoint;    // as OTEL_EXPORTER_OTLP_ENDPOINT, for all signals
  std::optional<std::string> prometheus;  // HOST:PORT, or "none"
};

using Environment = std::vector<std::pair<std::string, std::string>>;
// Of NAME=value entries.
Environment ParseEnvironment(const std::vector<std::string>& entries);

// Reads OTEL_* and CLEW_* (OpenTelemetry specification 1.60, "Environment variable specification", "SDK configuration
// exporters"). An empty variable is as good as none; one with a value that makes no sense is ignored and named with the
// reason. Errors only for the command line: INVALID_ARGUMENT.
base::Result<Config> ParseConfig(const Environment& environment, const CommandLine& command_line);

// The URL that a signal's records go to ("Protocol exporter", "Endpoint URLs for OTLP/HTTP"): the signal's own endpoint
// as it is, or the common one with v1/traces and its like appended.
std::string EndpointOf(Signal signal, Protocol protocol, const std::string& own, const std::string& common,
                       bool insecure);

// Bits of record::Config::signals: what somebody takes.
uint32_t RecordedSignals(const Config& config);

// The rejection threshold of the consistent probability samplers for a ratio in [0, 1]: 56 bits, 2^56 for none.
uint64_t ThresholdOf(double ratio);

}  // namespace clew::agent::drain
