// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/page.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "clew/model/prometheus_names.h"

namespace clew::agent::drain {
namespace {

using model::Label;

// Collects labels by name; values of keys that become the same name are joined with ";" in the order of the keys.
class LabelSet {
 public:
  void Add(std::string_view key, std::string value) {
    auto name = model::LabelName(key);
    if (name && !value.empty()) keyed_.emplace(std::string(key), std::make_pair(std::move(*name), std::move(value)));
  }

  std::vector<Label> Take() {
    std::vector<Label> labels;
    for (auto& [key, pair] : keyed_) {
      const auto there = std::ranges::find_if(labels, [&](const Label& label) { return label.name == pair.first; });
      if (there == labels.end()) {
        labels.push_back({std::move(pair.first), std::move(pair.second)});
      } else {
        there->value += ";" + pair.second;
      }
    }
    std::ranges::sort(labels);
    return labels;
  }

 private:
  std::map<std::string, std::pair<std::string, std::string>> keyed_;
};

class Families {
 public:
  explicit Families(const model::MetricBatch& batch) : batch_(batch), rows_(batch.metrics.size()) {}

  void AddPoint(const model::NumberPoint& point) {
    wire::MetricFamily* family = FamilyOf(point.metric);
    if (family == nullptr || !point.has_value) return;
    std::vector<Label> labels = LabelsOf(point);
    if (!IsNew(point.metric, labels)) return;
    wire::TextSample sample;
    if (family->type == model::FamilyType::kCounter) sample.suffix = model::kTotalSuffix;
    sample.labels = std::move(labels);
    sample.value = point.value.AsDouble();
    if (point.exemplars.count > 0 && family->type == model::FamilyType::kCounter) {
      sample.exemplar = ExemplarOf(batch_.exemplars[point.exemplars.first]);
    }
    family->samples.push_back(std::move(sample));
  }

  void AddPoint(const model::HistogramPoint& point) {
    wire::MetricFamily* family = FamilyOf(point.metric);
    if (family == nullptr) return;
    const std::span<const double> bounds(batch_.doubles.data() + point.explicit_bounds.first,
                                         point.explicit_bounds.count);
    const std::span<const uint64_t> counts(batch_.counts.data() + point.bucket_counts.first, point.bucket_counts.count);
    if (counts.size() != bounds.size() + 1) return;
    std::vector<std::optional<wire::TextExemplar>> exemplars(counts.size());
    for (uint32_t i = 0; i < point.exemplars.count; ++i) {
      const model::Exemplar& exemplar = batch_.exemplars[point.exemplars.first + i];
      const size_t bucket =
          static_cast<size_t>(std::ranges::lower_bound(bounds, exemplar.value.AsDouble()) - bounds.begin());
      exemplars[bucket] = ExemplarOf(exemplar);
    }
    const std::vector<Label> labels = LabelsOf(point);
    if (IsNew(point.metric, labels)) wire::AddHistogram(*family, labels, bounds, counts, point.sum, exemplars);
  }

  std::vector<wire::MetricFamily> Take() { return std::move(families_); }

 private:
  wire::MetricFamily* FamilyOf(uint32_t row) {
    if (!rows_[row]) rows_[row] = Find(batch_.metrics[row]);
    return *rows_[row] == kNone ? nullptr : &families_[*rows_[row]];
  }

  size_t Find(const model::Metric& metric) {
    auto name = model::FamilyName(batch_.Text(metric.name), batch_.Text(metric.unit), metric.type, metric.is_monotonic);
    if (!name) return kNone;
    const model::FamilyType type = model::FamilyTypeOf(metric.type, metric.is_monotonic);
    const std::string family_name(model::OpenMetricsFamily(*name, type));
    const auto [found, is_new] = by_name_.emplace(family_name, families_.size());
    if (!is_new) return families_[found->second].type == type ? found->second : kNone;
    wire::MetricFamily family;
    family.name = family_name;
    family.help = batch_.Text(metric.description);
    family.unit = model::UnitName(batch_.Text(metric.unit));
    family.type = type;
    families_.push_back(std::move(family));
    return found->second;
  }

  bool IsNew(uint32_t row, const std::vector<Label>& labels) {
    std::string key;
    for (const Label& label : labels) {
      for (const std::string* text : {&label.name, &label.value}) {
        key += *text;
        key += '\0';
      }
    }
    return seen_.emplace(*rows_[row], std::move(key)).second;
  }

  std::vector<Label> LabelsOf(const model::PointBase& point) const {
    LabelSet set;
    for (uint32_t i = 0; i < point.attributes.count; ++i) {
      const model::KeyValue& row = batch_.attributes.key_values[point.attributes.first + i];
      set.Add(batch_.Text(row.key), model::ValueToText(batch_.attributes, batch_.strings, row.value));
    }
    std::vector<Label> labels = set.Take();
    const model::Scope& scope = batch_.scopes[batch_.metrics[point.metric].scope];
    for (const auto& [name, id] :
         {std::pair(model::kScopeNameLabel, scope.name), std::pair(model::kScopeVersionLabel, scope.version),
          std::pair(model::kScopeSchemaUrlLabel, scope.schema_url)}) {
      if (id != 0) labels.push_back({std::string(name), std::string(batch_.Text(id))});
    }
    return labels;
  }

  static wire::TextExemplar ExemplarOf(const model::Exemplar& exemplar) {
    wire::TextExemplar text;
    if (!exemplar.trace_id.IsZero()) text.labels.push_back({"trace_id", exemplar.trace_id.ToHex()});
    if (!exemplar.span_id.IsZero()) text.labels.push_back({"span_id", exemplar.span_id.ToHex()});
    text.value = exemplar.value.AsDouble();
    text.time = static_cast<base::UnixNanos>(exemplar.time);
    return text;
  }

  static constexpr size_t kNone = SIZE_MAX;
  const model::MetricBatch& batch_;
  std::vector<std::optional<size_t>> rows_;  // the family of a metric row
  std::map<std::string, size_t> by_name_;
  std::vector<wire::MetricFamily> families_;
  std::set<std::pair<size_t, std::string>> seen_;  // family and labels
};

}  // namespace

std::vector<wire::MetricFamily> PageFamilies(const model::MetricBatch& batch, const KeyValuePairs& resource) {
  Families families(batch);
  for (const model::NumberPoint& point : batch.numbers) families.AddPoint(point);
  for (const model::HistogramPoint& point : batch.histograms) families.AddPoint(point);
  std::vector<wire::MetricFamily> result = families.Take();

  wire::MetricFamily target;
  target.name = "target";
  target.help = "Target metadata";
  target.type = model::FamilyType::kInfo;
  LabelSet labels;
  for (const auto& [key, value] : resource) labels.Add(key, value);
  target.samples.push_back({"_info", labels.Take(), 1, {}});
  result.insert(result.begin(), std::move(target));
  return result;
}

}  // namespace clew::agent::drain
