// SPDX-License-Identifier: Apache-2.0
#include "clew/model/log_labels.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace clew::model {
namespace {

constexpr std::array<std::string_view, 18> kStreamAttributes = {"service.name",
                                                                "service.namespace",
                                                                "service.instance.id",
                                                                "deployment.environment",
                                                                "deployment.environment.name",
                                                                "cloud.region",
                                                                "cloud.availability_zone",
                                                                "k8s.cluster.name",
                                                                "k8s.namespace.name",
                                                                "k8s.pod.name",
                                                                "k8s.container.name",
                                                                "container.name",
                                                                "k8s.replicaset.name",
                                                                "k8s.deployment.name",
                                                                "k8s.statefulset.name",
                                                                "k8s.daemonset.name",
                                                                "k8s.cronjob.name",
                                                                "k8s.job.name"};

void AddFlat(const BatchBase& batch, std::string name, const Value& value, int depth, std::vector<Label>& out) {
  if (value.kind == ValueKind::kKeyValueList && depth < kMaxValueDepth) {
    const Range range = value.range();
    for (uint32_t i = 0; i < range.count; ++i) {
      const KeyValue& row = batch.attributes.key_values[range.first + i];
      AddFlat(batch, name + '_' + LokiLabelName(batch.Text(row.key)), row.value, depth + 1, out);
    }
    return;
  }
  out.push_back({std::move(name), ValueToText(batch.attributes, batch.strings, value)});
}

void AddAttributes(const BatchBase& batch, Range range, std::string_view prefix, std::vector<Label>& out) {
  for (uint32_t i = 0; i < range.count; ++i) {
    const KeyValue& row = batch.attributes.key_values[range.first + i];
    AddFlat(batch, std::string(prefix) + LokiLabelName(batch.Text(row.key)), row.value, 0, out);
  }
}

}  // namespace

std::string LokiLabelName(std::string_view key) {
  std::string name;
  name.reserve(key.size());
  if (!key.empty() && key[0] >= '0' && key[0] <= '9') name = "key_";
  for (const char c : key) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    name += kept ? c : '_';
  }
  return name;
}

bool IsStreamAttribute(std::string_view key) {
  return std::ranges::find(kStreamAttributes, key) != kStreamAttributes.end();
}

Labels StreamLabels(const BatchBase& batch, uint32_t resource) {
  std::vector<Label> labels;
  const Range range = batch.resources[resource].attributes;
  for (uint32_t i = 0; i < range.count; ++i) {
    const KeyValue& row = batch.attributes.key_values[range.first + i];
    const std::string_view key = batch.Text(row.key);
    if (IsStreamAttribute(key)) {
      labels.push_back({LokiLabelName(key), ValueToText(batch.attributes, batch.strings, row.value)});
    }
  }
  Labels stream(std::move(labels));
  if (stream.Get("service_name").empty()) stream.Set("service_name", kUnknownService);
  return stream;
}

std::string_view DetectedLevel(const LogBatch& batch, size_t row) {
  const uint8_t number = batch.severity_number[row];
  if (number >= 1 && number <= 24) {
    static constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "critical"};
    return kLevels[(number - 1) / 4];
  }
  std::string text(batch.Text(batch.severity_text[row]));
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [word, level] : {std::pair<std::string_view, std::string_view>{"trace", "trace"},
                                    {"debug", "debug"},
                                    {"info", "info"},
                                    {"warn", "warn"},
                                    {"err", "error"},
                                    {"fatal", "critical"},
                                    {"crit", "critical"}}) {
    if (text.starts_with(word)) return level;
  }
  return "unknown";
}

Labels StructuredMetadata(const LogBatch& batch, size_t row) {
  std::vector<Label> labels;
  const Range resource = batch.resources[batch.resource[row]].attributes;
  for (uint32_t i = 0; i < resource.count; ++i) {
    const KeyValue& attribute = batch.attributes.key_values[resource.first + i];
    const std::string_view key = batch.Text(attribute.key);
    if (!IsStreamAttribute(key)) AddFlat(batch, LokiLabelName(key), attribute.value, 0, labels);
  }
  const Scope& scope = batch.scopes[batch.scope[row]];
  labels.push_back({"scope_name", std::string(batch.Text(scope.name))});
  labels.push_back({"scope_version", std::string(batch.Text(scope.version))});
  AddAttributes(batch, scope.attributes, "scope_", labels);
  AddAttributes(batch, batch.attribute_range[row], "", labels);
  if (batch.severity_number[row] != 0) {
    labels.push_back({"severity_number", std::to_string(batch.severity_number[row])});
  }
  labels.push_back({"severity_text", std::string(batch.Text(batch.severity_text[row]))});
  labels.push_back({"detected_level", std::string(DetectedLevel(batch, row))});
  if (batch.flags[row] != 0) labels.push_back({"flags", std::to_string(batch.flags[row])});
  if (batch.observed_time[row] != 0) {
    labels.push_back({"observed_timestamp", std::to_string(batch.observed_time[row])});
  }
  if (!batch.trace_id[row].IsZero()) labels.push_back({"trace_id", batch.trace_id[row].ToHex()});
  if (!batch.span_id[row].IsZero()) labels.push_back({"span_id", batch.span_id[row].ToHex()});
  return Labels(std::move(labels));
}

std::string LogLine(const LogBatch& batch, size_t row) {
  return ValueToText(batch.attributes, batch.strings, batch.body[row]);
}

}  // namespace clew::model
