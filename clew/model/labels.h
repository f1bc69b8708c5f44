// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clew::model {

struct Label {
  std::string name;
  std::string value;
  auto operator<=>(const Label&) const = default;
};

// The labels of one series, sorted by name, no name twice, no empty value (an empty value is a missing label, as in
// Prometheus). The metric's name is the label __name__.
class Labels {
 public:
  Labels() = default;
  // Sorts, drops empty values; of a name that stands twice the last one counts.
  explicit Labels(std::vector<Label> labels);

  // The value of `name`, empty where it is missing.
  std::string_view Get(std::string_view name) const;
  void Set(std::string_view name, std::string_view value);
  void Remove(std::string_view name) { Set(name, {}); }
  // Hash over names and values in order: the series id within its tenant. Kept on disk, so it never changes.
  uint64_t Id() const;

  const std::vector<Label>& list() const { return labels_; }
  auto begin() const { return labels_.begin(); }
  auto end() const { return labels_.end(); }
  size_t size() const { return labels_.size(); }
  bool empty() const { return labels_.empty(); }
  auto operator<=>(const Labels&) const = default;

  // {a="b", c="d"} with Prometheus' escapes; the name in front where there is one.
  std::string ToString() const;

 private:
  std::vector<Label> labels_;
};

inline constexpr std::string_view kMetricName = "__name__";

enum class MatchType : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

// One label matcher of a PromQL or LogQL selector. Regular expressions are RE2 and anchored at both ends.
struct LabelMatcher {
  MatchType type = MatchType::kEqual;
  std::string name;
  std::string value;
  bool operator==(const LabelMatcher&) const = default;
};

}  // namespace clew::model
