// SPDX-License-Identifier: Apache-2.0
#include "clew/model/labels.h"

#include <algorithm>

#include "clew/base/hash.h"

namespace clew::model {

Labels::Labels(std::vector<Label> labels) {
  // Of equal names the last one counts: it is sorted in front. (std::stable_sort of g++ 12 does not compile with
  // clang's warnings as errors.)
  std::vector<size_t> order(labels.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&labels](size_t a, size_t b) {
    const auto names = labels[a].name <=> labels[b].name;
    return names < 0 || (names == 0 && a > b);
  });
  labels_.reserve(labels.size());
  const std::string* last = nullptr;
  for (const size_t i : order) {
    if (last != nullptr && *last == labels[i].name) continue;
    last = &labels[i].name;
    if (!labels[i].value.empty()) labels_.push_back(labels[i]);
  }
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
