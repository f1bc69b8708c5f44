// SPDX-License-Identifier: Apache-2.0
#include "clew/model/labels.h"

#include <algorithm>

#include "clew/base/hash.h"

namespace clew::model {

Labels::Labels(std::vector<Label> labels) : labels_(std::move(labels)) {
  std::ranges::stable_sort(labels_, {}, &Label::name);
  // Of equal names the last one is kept: walk backwards, so that unique() sees it first.
  std::ranges::reverse(labels_);
  const auto repeated = std::ranges::unique(labels_, {}, &Label::name);
  labels_.erase(repeated.begin(), repeated.end());
  std::ranges::reverse(labels_);
  std::erase_if(labels_, [](const Label& label) { return label.value.empty(); });
}

std::string_view Labels::Get(std::string_view name) const {
  const auto found = std::ranges::lower_bound(labels_, name, {}, &Label::name);
  return found != labels_.end() && found->name == name ? std::string_view(found->value) : std::string_view();
}

void Labels::Set(std::string_view name, std::string_view value) {
  const auto found = std::ranges::lower_bound(labels_, name, {}, &Label::name);
  const bool present = found != labels_.end() && found->name == name;
  if (value.empty()) {
    if (present) labels_.erase(found);
  } else if (present) {
    found->value = value;
  } else {
    labels_.insert(found, {std::string(name), std::string(value)});
  }
}

uint64_t Labels::Id() const {
  std::string bytes;
  for (const Label& label : labels_) {
    // 0xFF never occurs in UTF-8, so no two label sets give the same bytes.
    bytes += label.name;
    bytes += '\xFF';
    bytes += label.value;
    bytes += '\xFF';
  }
  return base::Hash64(bytes);
}

std::string Labels::ToString() const {
  std::string text(Get(kMetricName));
  text += '{';
  bool first = true;
  for (const Label& label : labels_) {
    if (label.name == kMetricName) continue;
    if (!first) text += ", ";
    first = false;
    text += label.name;
    text += "=\"";
    for (const char c : label.value) {
      if (c == '\\' || c == '"') text += '\\';
      if (c == '\n') {
        text += "\\n";
      } else {
        text += c;
      }
    }
    text += '"';
  }
  return text + '}';
}

}  // namespace clew::model
