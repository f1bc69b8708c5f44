// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "clew/base/log.h"
#include "clew/net/address.h"
#include "clew/net/url.h"

namespace clew::agent::drain {
namespace {

using record::Sampler;

// What a rule works on: the configuration, and the signals that the variable is about.
struct Target {
  Config& config;
  std::vector<Signal> signals;

  void Each(const auto& set) {
    for (Signal signal : signals) set(config.of(signal));
  }
};
// Applies a value; says why it does not take effect, or nothing.
using Problem = std::string;
using Apply = Problem (*)(Target& target, std::string_view value);

Problem Unknown(std::string_view value, std::string_view expected) {
  return fmt::format("\"{}\" is not one of {}", value.substr(0, 40), expected);
}

std::string Lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view word = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    if (!word.empty()) result.push_back(word);
  }
  return result;
}

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Problem SetMilliseconds(std::string_view value, std::chrono::milliseconds& out, int64_t least) {
  const auto number = ParseNumber<int64_t>(value);
  if (!number || *number < least || *number > 86'400'000) {
    return fmt::format("expected milliseconds from {} to 86400000", least);
  }
  out = std::chrono::milliseconds(*number);
  return {};
}

// A limit of the recorder; a negative number is none (specification: "no limit").
template <uint32_t record::Config::* Field>
Problem SetLimit(Target& target, std::string_view value) {
  const auto number = ParseNumber<int64_t>(value);
  if (!number) return "expected a whole number";
  target.config.recorder.*Field = *number < 0 || *number > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(*number);
  return {};
}

Problem SetAttributeLimits(Target& target, std::string_view value) {
  if (Problem problem = SetLimit<&record::Config::span_attributes>(target, value); !problem.empty()) return problem;
  record::Config& recorder = target.config.recorder;
  recorder.event_attributes = recorder.link_attributes = recorder.log_attributes = recorder.span_attributes;
  return {};
}

Problem SetValueLimits(Target& target, std::string_view value) {
  if (Problem problem = SetLimit<&record::Config::attribute_value_bytes>(target, value); !problem.empty()) {
    return problem;
  }
  target.config.recorder.log_attribute_value_bytes = target.config.recorder.attribute_value_bytes;
  return {};
}

Problem SetDisabled(Target& target, std::string_view value) {
  const std::string word = Lower(value);
  if (word != "true" && word != "false") return Unknown(value, "true, false");
  if (word == "true") target.config.disabled = true;
  return {};
}

Problem SetServiceName(Target& target, std::string_view value) {
  target.config.service_name = std::string(value);
  return {};
}

Problem SetResourceAttributes(Target& target, std::string_view value) {
  auto pairs = ParseKeyValueList(value);
  if (!pairs) return pairs.error().message;
  target.config.resource_attributes = std::move(*pairs);
  return {};
}

Problem SetLogLevel(Target&, std::string_view value) {
  std::string word = Lower(value);
  if (word == "warn") word = "warning";
  return base::SetLogLevel(word) ? Problem() : Unknown(value, "debug, info, warn, error, off");
}

Problem SetPropagators(Target&, std::string_view value) {
  for (std::string_view word : SplitList(value)) {
    if (word != "tracecontext") return fmt::format("{} is not there yet, tracecontext is used", word.substr(0, 40));
  }
  return {};
}

Problem SetSampler(Target& target, std::string_view value) {
  static constexpr std::pair<std::string_view, Sampler> kSamplers[] = {
      {"always_on", Sampler::kAlwaysOn},
      {"always_off", Sampler::kAlwaysOff},
      {"traceidratio", Sampler::kRatio},
      {"parentbased_always_on", Sampler::kParentBasedAlwaysOn},
      {"parentbased_always_off", Sampler::kParentBasedAlwaysOff},
      {"parentbased_traceidratio", Sampler::kParentBasedRatio},
  };
  for (const auto& [name, sampler] : kSamplers) {
    if (value != name) continue;
    target.config.recorder.sampler = sampler;
    return {};
  }
  return Unknown(value, "always_on, always_off, traceidratio and their parentbased_ forms");
}

Problem SetSamplerArgument(Target& target, std::string_view value) {
  const Sampler sampler = target.config.recorder.sampler;
  if (sampler != Sampler::kRatio && sampler != Sampler::kParentBasedRatio) return "the sampler takes no argument";
  const auto ratio = ParseNumber<double>(value);
  if (!ratio || !(*ratio >= 0 && *ratio <= 1)) return "expected a ratio from 0 to 1";
  target.config.recorder.threshold = ThresholdOf(*ratio);
  return {};
}

Problem SetExporters(Target& target, std::string_view value) {
  bool otlp = false;
  bool console = false;
  bool none = false;
  bool prometheus = false;
  const bool metrics = target.signals.front() == Signal::kMetrics;
  for (std::string_view word : SplitList(value)) {
    if (word == "otlp") {
      otlp = true;
    } else if (word == "console") {
      console = true;
    } else if (word == "none") {
      none = true;
    } else if (word == "prometheus" && metrics) {
      prometheus = true;
    } else {
      return Unknown(word, metrics ? "otlp, prometheus, console, none" : "otlp, console, none");
    }
  }
  if (none && (otlp || console || prometheus)) return "none does not go with others";
  target.Each([&](SignalConfig& signal) {
    signal.otlp = otlp;
    signal.console = console;
  });
  if (metrics && none) target.config.page = false;
  return {};
}

Problem SetEndpoint(Target& target, std::string_view value) {
  // gRPC endpoints may come without a scheme, so these are looked at once the protocol is known.
  const bool common = target.signals.size() > 1;
  target.Each([&](SignalConfig& signal) { (common ? signal.common_endpoint : signal.own_endpoint) = value; });
  return {};
}

Problem SetProtocol(Target& target, std::string_view value) {
  for (Protocol protocol : {Protocol::kHttpProtobuf, Protocol::kHttpJson, Protocol::kGrpc}) {
    if (value != ProtocolName(protocol)) continue;
    target.Each([&](SignalConfig& signal) { signal.protocol = protocol; });
    return {};
  }
  return Unknown(value, "grpc, http/protobuf, http/json");
}

Problem SetHeaders(Target& target, std::string_view value) {
  auto pairs = ParseHeaderList(value);
  if (!pairs) return pairs.error().message;
  target.Each([&](SignalConfig& signal) { signal.headers = *pairs; });
  return {};
}

Problem SetCompression(Target& target, std::string_view value) {
  const std::string word = Lower(value);
  if (word != "gzip" && word != "none") return Unknown(value, "gzip, none");
  target.Each([&](SignalConfig& signal) { signal.gzip = word == "gzip"; });
  return {};
}

Problem SetTimeout(Target& target, std::string_view value) {
  std::chrono::milliseconds timeout{};
  if (Problem problem = SetMilliseconds(value, timeout, 1); !problem.empty()) return problem;
  target.Each([&](SignalConfig& signal) { signal.timeout = timeout; });
  return {};
}

template <std::string SignalConfig::* Field>
Problem SetFile(Target& target, std::string_view value) {
  target.Each([&](SignalConfig& signal) { signal.*Field = value; });
  return {};
}

Problem SetInsecure(Target& target, std::string_view value) {
  const std::string word = Lower(value);
  if (word != "true" && word != "false") return Unknown(value, "true, false");
  target.Each([&](SignalConfig& signal) { signal.insecure = word == "true"; });
  return {};
}

Problem SetDelay(Target& target, std::string_view value) {
  std::chrono::milliseconds delay{};
  if (Problem problem = SetMilliseconds(value, delay, 0); !problem.empty()) return problem;
  target.Each([&](SignalConfig& signal) { signal.delay = delay; });
  return {};
}

template <size_t SignalConfig::* Field>
Problem SetCount(Target& target, std::string_view value) {
  const auto number = ParseNumber<uint32_t>(value);
  if (!number || *number == 0) return "expected a whole number from 1";
  target.Each([&](SignalConfig& signal) { signal.*Field = *number; });
  return {};
}

Problem SetMetricInterval(Target& target, std::string_view value) {
  return SetMilliseconds(value, target.config.metric_interval, 10);
}

Problem SetTemporality(Target&, std::string_view value) {
  return Lower(value) == "cumulative" ? Problem() : "only cumulative is there yet";
}

Problem SetHistogramAggregation(Target&, std::string_view value) {
  return Lower(value) == "explicit_bucket_histogram" ? Problem() : "only explicit_bucket_histogram is there yet";
}

Problem SetExemplarFilter(Target&, std::string_view value) {
  return value == "trace_based" ? Problem() : "only trace_based is there yet";
}

Problem SetPageHost(Target& target, std::string_view value) {
  target.config.page_host = value;
  target.config.page_explicit = true;
  return {};
}

Problem SetPagePort(Target& target, std::string_view value) {
  const auto port = ParseNumber<uint16_t>(value);
  if (!port) return "expected a port from 0 to 65535";
  target.config.page_port = *port;
  target.config.page_explicit = true;
  return {};
}

Problem SetStability(Target& target, std::string_view value) {
  Problem problem;
  for (std::string_view word : SplitList(value)) {
    if (word == "http/dup") {
      target.config.recorder.conventions |= record::kHttpDup;
    } else if (word == "database/dup") {
      target.config.recorder.conventions |= record::kDatabaseDup;
    } else if (word != "http" && word != "database") {
      problem = fmt::format("{} is not there yet", word.substr(0, 40));
    }
  }
  return problem;
}

Problem SetExceptionSignal(Target& target, std::string_view value) {
  if (value == "logs") {
    target.config.recorder.conventions |= record::kExceptionLogs;
  } else if (value == "logs/dup") {
    target.config.recorder.conventions |= record::kExceptionLogsDup;
  } else {
    return Unknown(value, "logs, logs/dup");
  }
  return {};
}

struct Rule {
  std::string_view name;
  Apply apply;
  // The signals it is about; empty: all.
  std::string_view signal = {};
};

// In order of application: what holds for all signals before what one signal says, a sampler before its argument.
constexpr Rule kRules[] = {
    {"OTEL_SDK_DISABLED", SetDisabled},
    {"OTEL_LOG_LEVEL", SetLogLevel},
    {"OTEL_SERVICE_NAME", SetServiceName},
    {"OTEL_RESOURCE_ATTRIBUTES", SetResourceAttributes},
    {"OTEL_PROPAGATORS", SetPropagators},
    {"OTEL_TRACES_SAMPLER", SetSampler},
    {"OTEL_TRACES_SAMPLER_ARG", SetSamplerArgument},
    {"OTEL_SEMCONV_STABILITY_OPT_IN", SetStability},
    {"OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", SetExceptionSignal},

    {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", SetValueLimits},
    {"OTEL_ATTRIBUTE_COUNT_LIMIT", SetAttributeLimits},
    {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", SetLimit<&record::Config::attribute_value_bytes>},
    {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", SetLimit<&record::Config::span_attributes>},
    {"OTEL_SPAN_EVENT_COUNT_LIMIT", SetLimit<&record::Config::span_events>},
    {"OTEL_SPAN_LINK_COUNT_LIMIT", SetLimit<&record::Config::span_links>},
    {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", SetLimit<&record::Config::event_attributes>},
    {"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", SetLimit<&record::Config::link_attributes>},
    {"OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", SetLimit<&record::Config::log_attribute_value_bytes>},
    {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", SetLimit<&record::Config::log_attributes>},

    {"OTEL_TRACES_EXPORTER", SetExporters, "traces"},
    {"OTEL_LOGS_EXPORTER", SetExporters, "logs"},
    {"OTEL_METRICS_EXPORTER", SetExporters, "metrics"},
    {"OTEL_EXPORTER_OTLP_PROTOCOL", SetProtocol},
    {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", SetProtocol, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", SetProtocol, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", SetProtocol, "metrics"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", SetEndpoint},
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", SetEndpoint, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", SetEndpoint, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", SetEndpoint, "metrics"},
    {"OTEL_EXPORTER_OTLP_HEADERS", SetHeaders},
    {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", SetHeaders, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_HEADERS", SetHeaders, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", SetHeaders, "metrics"},
    {"OTEL_EXPORTER_OTLP_COMPRESSION", SetCompression},
    {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", SetCompression, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", SetCompression, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", SetCompression, "metrics"},
    {"OTEL_EXPORTER_OTLP_TIMEOUT", SetTimeout},
    {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", SetTimeout, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", SetTimeout, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", SetTimeout, "metrics"},
    {"OTEL_EXPORTER_OTLP_CERTIFICATE", SetFile<&SignalConfig::certificate_file>},
    {"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", SetFile<&SignalConfig::certificate_file>, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", SetFile<&SignalConfig::certificate_file>, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", SetFile<&SignalConfig::certificate_file>, "metrics"},
    {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", SetFile<&SignalConfig::client_certificate_file>},
    {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", SetFile<&SignalConfig::client_certificate_file>, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", SetFile<&SignalConfig::client_certificate_file>, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", SetFile<&SignalConfig::client_certificate_file>, "metrics"},
    {"OTEL_EXPORTER_OTLP_CLIENT_KEY", SetFile<&SignalConfig::client_key_file>},
    {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", SetFile<&SignalConfig::client_key_file>, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", SetFile<&SignalConfig::client_key_file>, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", SetFile<&SignalConfig::client_key_file>, "metrics"},
    {"OTEL_EXPORTER_OTLP_INSECURE", SetInsecure},
    {"OTEL_EXPORTER_OTLP_TRACES_INSECURE", SetInsecure, "traces"},
    {"OTEL_EXPORTER_OTLP_LOGS_INSECURE", SetInsecure, "logs"},
    {"OTEL_EXPORTER_OTLP_METRICS_INSECURE", SetInsecure, "metrics"},

    {"OTEL_BSP_SCHEDULE_DELAY", SetDelay, "traces"},
    {"OTEL_BSP_EXPORT_TIMEOUT", SetTimeout, "traces"},
    {"OTEL_BSP_MAX_QUEUE_SIZE", SetCount<&SignalConfig::max_queue_records>, "traces"},
    {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", SetCount<&SignalConfig::max_batch>, "traces"},
    {"OTEL_BLRP_SCHEDULE_DELAY", SetDelay, "logs"},
    {"OTEL_BLRP_EXPORT_TIMEOUT", SetTimeout, "logs"},
    {"OTEL_BLRP_MAX_QUEUE_SIZE", SetCount<&SignalConfig::max_queue_records>, "logs"},
    {"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", SetCount<&SignalConfig::max_batch>, "logs"},

    {"OTEL_METRIC_EXPORT_INTERVAL", SetMetricInterval},
    {"OTEL_METRIC_EXPORT_TIMEOUT", SetTimeout, "metrics"},
    {"OTEL_METRICS_EXEMPLAR_FILTER", SetExemplarFilter},
    {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", SetTemporality},
    {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", SetHistogramAggregation},
    {"OTEL_EXPORTER_PROMETHEUS_HOST", SetPageHost},
    {"OTEL_EXPORTER_PROMETHEUS_PORT", SetPagePort},
};

std::vector<Signal> SignalsOf(std::string_view name) {
  std::vector<Signal> result;
  for (Signal signal : kSignals) {
    if (name.empty() || name == SignalName(signal)) result.push_back(signal);
  }
  return result;
}

std::string_view ValueOf(const Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment) {
    if (key == name) return value;
  }
  return {};
}

void ApplyEnvironment(const Environment& environment, Config& config) {
  for (const Rule& rule : kRules) {
    const std::string_view value = ValueOf(environment, rule.name);
    if (value.empty()) continue;
    Target target{config, SignalsOf(rule.signal)};
    const Problem problem = rule.apply(target, value);
    if (problem.empty()) {
      config.honoured.emplace_back(rule.name);
    } else {
      config.not_honoured.emplace_back(rule.name, problem);
    }
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("OTEL_") || value.empty()) continue;
    if (std::ranges::none_of(kRules, [&](const Rule& rule) { return rule.name == name; })) {
      config.not_honoured.emplace_back(name, "not there yet");
    }
  }
  const std::string_view disabled = ValueOf(environment, "CLEW_DISABLED");
  if (!disabled.empty() && disabled != "0" && Lower(disabled) != "false") config.disabled = true;
  if (Lower(ValueOf(environment, "CLEW_LOG_IDS")) == "off") config.recorder.conventions |= record::kNoLogIds;
}

base::Status ApplyCommandLine(const CommandLine& command_line, Config& config) {
  if (command_line.service) {
    if (command_line.service->empty()) return base::InvalidArgument("--service expects a name");
    config.service_name = command_line.service;
  }
  if (command_line.endpoint) {
    if (auto url = net::Url::Parse(*command_line.endpoint); !url) {
      return base::InvalidArgument("--endpoint expects a URL like http://127.0.0.1:4318: " + url.error().message);
    }
    for (SignalConfig& signal : config.signals) {
      signal.common_endpoint = *command_line.endpoint;
      signal.own_endpoint.clear();
    }
  }
  if (command_line.prometheus == "none") {
    config.page = false;
  } else if (command_line.prometheus) {
    auto address = net::Address::Parse(*command_line.prometheus);
    if (!address) {
      return base::InvalidArgument("--prometheus expects HOST:PORT, or none for no page: " + address.error().message);
    }
    config.page = true;
    config.page_explicit = true;
    config.page_host = address->host;
    config.page_port = address->port;
  }
  return {};
}

// Turns the endpoints into URLs; one that is none falls back to the default and is named.
void FinishEndpoints(Config& config) {
  for (Signal signal : kSignals) {
    SignalConfig& settings = config.of(signal);
    auto make = [&] {
      return EndpointOf(signal, settings.protocol, settings.own_endpoint, settings.common_endpoint, settings.insecure);
    };
    settings.endpoint = make();
    if (auto url = net::Url::Parse(settings.endpoint); !url) {
      const std::string name = settings.own_endpoint.empty()
                                   ? "OTEL_EXPORTER_OTLP_ENDPOINT"
                                   : fmt::format("OTEL_EXPORTER_OTLP_{}_ENDPOINT", SignalName(signal));
      std::string upper = name;
      std::ranges::transform(upper, upper.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
      std::erase(config.honoured, upper);
      if (std::ranges::none_of(config.not_honoured, [&](const auto& entry) { return entry.first == upper; })) {
        config.not_honoured.emplace_back(upper, url.error().message);
      }
      settings.own_endpoint.clear();
      settings.common_endpoint.clear();
      settings.endpoint = make();
    }
  }
}

}  // namespace

std::string_view SignalName(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return "traces";
    case Signal::kLogs: return "logs";
    case Signal::kMetrics: return "metrics";
  }
  return "";
}

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttpProtobuf: return "http/protobuf";
    case Protocol::kHttpJson: return "http/json";
    case Protocol::kGrpc: return "grpc";
  }
  return "";
}

Environment ParseEnvironment(const std::vector<std::string>& entries) {
  Environment result;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos) result.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return result;
}

uint64_t ThresholdOf(double ratio) {
  constexpr double kAll = 0x1p56;
  if (!(ratio > 0)) return uint64_t{1} << 56;
  if (ratio >= 1) return 0;
  return static_cast<uint64_t>(std::llround((1 - ratio) * kAll));
}

std::string EndpointOf(Signal signal, Protocol protocol, const std::string& own, const std::string& common,
                       bool insecure) {
  if (protocol == Protocol::kGrpc) {
    std::string endpoint = own.empty() ? common : own;
    if (endpoint.empty()) return "http://127.0.0.1:4317";
    // "localhost:4317" is allowed here; whether it is TLS, INSECURE says.
    if (endpoint.find("://") == std::string::npos) endpoint = (insecure ? "http://" : "https://") + endpoint;
    return endpoint;
  }
  if (!own.empty()) return own;
  std::string base = common.empty() ? "http://127.0.0.1:4318" : common;
  if (!base.ends_with('/')) base += '/';
  return base + "v1/" + std::string(SignalName(signal));
}

uint32_t RecordedSignals(const Config& config) {
  const auto wanted = [&](Signal signal) { return config.of(signal).otlp || config.of(signal).console; };
  uint32_t signals = 0;
  if (wanted(Signal::kTraces)) signals |= record::kSignalTraces;
  if (wanted(Signal::kLogs)) signals |= record::kSignalLogs;
  if (wanted(Signal::kMetrics) || config.page) signals |= record::kSignalMetrics;
  return signals;
}

base::Result<Config> ParseConfig(const Environment& environment, const CommandLine& command_line) {
  Config config;
  ApplyEnvironment(environment, config);
  CLEW_RETURN_IF_ERROR(ApplyCommandLine(command_line, config));
  FinishEndpoints(config);
  config.recorder.signals = RecordedSignals(config);
  return config;
}

}  // namespace clew::agent::drain
