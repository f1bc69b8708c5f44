// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace clew::cli {

std::string ConfigMistake::Describe(std::string_view path) const {
  std::string out(path);
  if (line > 0) out += fmt::format(":{}", line);
  if (!key.empty()) out += ": " + key;
  return out + ": " + text;
}

void ConfigReader::Wrong(const YAML::Node& node, const std::string& key, std::string text) {
  mistakes_.push_back({node.Mark().line + 1, key, std::move(text)});
}

void ConfigReader::AnyMap(
    const YAML::Node& node, const std::string& prefix,
    const std::function<bool(const std::string& name, const YAML::Node& node, const std::string& key)>& set,
    const std::function<std::string()>& names) {
  if (!node.IsMap()) return Wrong(node, prefix, "expected keys, each followed by a colon and a value");
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (seen.contains(name)) {
      Wrong(entry.first, path, "stands here a second time");
    } else if (set(name, entry.second, path)) {
      seen.insert(name);
    } else {
      Wrong(entry.first, path, "there is no such key; expected one of " + names());
    }
  }
}

void ConfigReader::Map(const YAML::Node& node, const std::string& prefix, std::span<const Key> keys) {
  AnyMap(
      node, prefix,
      [&](const std::string& name, const YAML::Node& value, const std::string& path) {
        const auto key = std::ranges::find(keys, name, &Key::name);
        if (key == keys.end()) return false;
        key->set(value, path);
        return true;
      },
      [&] {
        std::string names;
        for (const Key& key : keys) names += (names.empty() ? "" : ", ") + std::string(key.name);
        return names;
      });
}

void ConfigReader::Text(const YAML::Node& node, const std::string& key, std::string& to) {
  if (!node.IsScalar() || node.Scalar().empty()) return Wrong(node, key, "expected a text");
  to = node.Scalar();
}

void ConfigReader::Texts(const YAML::Node& node, const std::string& key, std::vector<std::string>& to) {
  if (!node.IsSequence()) return Wrong(node, key, "expected a list, such as [a, b]");
  to.clear();
  for (const YAML::Node& one : node) Text(one, key, to.emplace_back());
}

void ConfigReader::Switch(const YAML::Node& node, const std::string& key, bool& to) {
  const std::string text = node.IsScalar() ? node.Scalar() : std::string();
  if (text != "true" && text != "false") return Wrong(node, key, "expected true or false");
  to = text == "true";
}

}  // namespace clew::cli
