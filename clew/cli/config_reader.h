// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace clew::cli {

// One thing that is wrong in a configuration file.
struct ConfigMistake {
  int line = 0;     // from 1; 0 where it is about no line
  std::string key;  // "tls.certificate"; empty where it is about no key
  std::string text;

  // "clew.yaml:3: tls.certificate: expected …"
  std::string Describe(std::string_view path) const;
};

// Reads nodes of a YAML document into values and notes what is wrong, with line and key. One thread.
class ConfigReader {
 public:
  using Set = std::function<void(const YAML::Node& node, const std::string& key)>;
  struct Key {
    std::string_view name;
    Set set;
  };

  void Wrong(const YAML::Node& node, const std::string& key, std::string text);
  // A map of these keys and no others; `prefix` names the map.
  void Map(const YAML::Node& node, const std::string& prefix, std::span<const Key> keys);
  // A map whose names `set` judges; false from it: there is no such name. `names` says which there are.
  void AnyMap(const YAML::Node& node, const std::string& prefix,
              const std::function<bool(const std::string& name, const YAML::Node& node, const std::string& key)>& set,
              const std::function<std::string()>& names);
  void Text(const YAML::Node& node, const std::string& key, std::string& to);
  void Texts(const YAML::Node& node, const std::string& key, std::vector<std::string>& to);
  void Switch(const YAML::Node& node, const std::string& key, bool& to);
  // A whole number, not negative.
  template <typename Number>
  void Count(const YAML::Node& node, const std::string& key, Number& to) {
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size()) {
      return Wrong(node, key, "expected a whole number, or 0 for no bound");
    }
    to = number;
  }
  // What `parse` makes of a text: a Result<T>.
  template <typename Parse, typename T>
  void Parsed(const YAML::Node& node, const std::string& key, const Parse& parse, T& to) {
    std::string text;
    Text(node, key, text);
    if (text.empty()) return;
    auto value = parse(text);
    if (!value) return Wrong(node, key, value.error().message);
    to = *std::move(value);
  }

  std::vector<ConfigMistake>& mistakes() { return mistakes_; }

 private:
  std::vector<ConfigMistake> mistakes_;
};

}  // namespace clew::cli
