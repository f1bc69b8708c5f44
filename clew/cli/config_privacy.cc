// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/config_privacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "clew/privacy/own_rules.h"

namespace clew::cli {
namespace {

using privacy::Action;
using privacy::detect::Detector;

constexpr std::string_view kActions = "expected keep, mask, pseudonym, drop or off";

std::string DetectorNames() {
  std::string names;
  for (size_t i = 0; i < privacy::detect::kDetectorCount; ++i) {
    const std::string_view name = privacy::detect::DetectorName(static_cast<Detector>(i));
    if (!name.empty()) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

void ReadDetector(ConfigReader& reader, const YAML::Node& node, const std::string& key, Detector detector,
                  privacy::Policy& policy) {
  const std::string text = node.IsScalar() ? node.Scalar() : std::string();
  const auto number = static_cast<size_t>(detector);
  if (text == "off" || text == "false") {
    policy.enabled[number] = false;
    return;
  }
  const auto action = privacy::ActionOf(text);
  if (!action) return reader.Wrong(node, key, std::string(kActions));
  if (detector == Detector::kSql && *action != Action::kKeep && *action != Action::kMask) {
    return reader.Wrong(node, key, "expected mask (each literal becomes `?`), keep or off");
  }
  if (detector == Detector::kUrlPassword && *action == Action::kPseudonym) {
    return reader.Wrong(node, key,
                        "a pseudonym holds a colon, which would make the URL another: mask, drop, keep or off");
  }
  policy.actions[number] = *action;
}

// An example of a rule, and where it stands.
struct Example {
  YAML::Node node;
  std::string key;
  std::string text;
  bool matches = false;
};

class RuleReader {
 public:
  RuleReader(ConfigReader& reader, const YAML::Node& node, std::string key)
      : reader_(reader), node_(node), key_(std::move(key)) {}

  // Nothing where the rule cannot be.
  std::optional<privacy::OwnRule> Read() {
    const size_t before = reader_.mistakes().size();
    const std::array<ConfigReader::Key, 6> keys = {{
        {"name", [&](const YAML::Node& node, const std::string& key) { Noted(node, key, rule_.name); }},
        {"pattern", [&](const YAML::Node& node, const std::string& key) { Noted(node, key, rule_.pattern); }},
        {"keys", [&](const YAML::Node& node, const std::string& key) { reader_.Texts(node, key, rule_.keys); }},
        {"action", [&](const YAML::Node& node, const std::string& key) { ReadAction(node, key); }},
        {"matches", [&](const YAML::Node& node, const std::string& key) { ReadExamples(node, key, true); }},
        {"ignores", [&](const YAML::Node& node, const std::string& key) { ReadExamples(node, key, false); }},
    }};
    reader_.Map(node_, key_, keys);
    if (reader_.mistakes().size() > before) return std::nullopt;
    if (base::Status status = privacy::OwnRules::Check(rule_); !status) {
      // "pattern: …" stands at its own line.
      std::string message = status.error().message;
      const std::string part = message.substr(0, message.find(": "));
      reader_.Wrong(NodeOf(part), key_ + "." + part, message.substr(std::min(part.size() + 2, message.size())));
      return std::nullopt;
    }
    Try();
    return reader_.mistakes().size() > before ? std::nullopt : std::optional(std::move(rule_));
  }

 private:
  void Noted(const YAML::Node& node, const std::string& key, std::string& to) { reader_.Text(node, key, to); }
  YAML::Node NodeOf(const std::string& name) const {
    const YAML::Node found = node_.IsMap() ? node_[name] : YAML::Node();
    return found.IsDefined() ? found : node_;
  }

  void ReadAction(const YAML::Node& node, const std::string& key) {
    const auto action = privacy::ActionOf(node.IsScalar() ? node.Scalar() : std::string());
    if (!action) return reader_.Wrong(node, key, "expected keep, mask, pseudonym or drop");
    rule_.action = *action;
  }

  void ReadExamples(const YAML::Node& node, const std::string& key, bool matches) {
    if (!node.IsSequence()) return reader_.Wrong(node, key, "expected a list of texts");
    for (const YAML::Node& one : node) {
      std::string text;
      reader_.Text(one, key, text);
      if (!text.empty()) examples_.push_back({one, key, std::move(text), matches});
    }
  }

  void Try() {
    if (examples_.empty()) return;
    if (rule_.pattern.empty()) {
      return reader_.Wrong(examples_.front().node, examples_.front().key,
                           "a rule without a pattern takes every value of its keys; there is nothing to try");
    }
    // As if every text were under its keys.
    privacy::OwnRule everywhere = rule_;
    everywhere.keys.clear();
    const auto rules = privacy::OwnRules::Make({std::move(everywhere)});
    if (!rules) return reader_.Wrong(node_, key_, rules.error().message);
    for (const Example& example : examples_) {
      privacy::detect::Findings findings;
      rules->Find(example.text, {}, findings);
      if (findings.empty() != example.matches) continue;
      reader_.Wrong(example.node, example.key,
                    example.matches ? "the pattern does not match this example"
                                    : fmt::format("the pattern matches this example at byte {}", findings[0].begin));
    }
  }

  ConfigReader& reader_;
  const YAML::Node node_;
  const std::string key_;
  privacy::OwnRule rule_;
  std::vector<Example> examples_;
};

void ReadRules(ConfigReader& reader, const YAML::Node& node, const std::string& key, privacy::Policy& policy) {
  if (!node.IsSequence()) return reader.Wrong(node, key, "expected a list of rules, each beginning with `- name:`");
  if (node.size() > privacy::OwnRules::kMost) {
    return reader.Wrong(node, key, fmt::format("more than {} rules", privacy::OwnRules::kMost));
  }
  std::vector<std::string> names;
  for (const YAML::Node& one : node) {
    const YAML::Node name = one.IsMap() ? one["name"] : YAML::Node();
    const std::string written = name.IsDefined() && name.IsScalar() ? name.Scalar() : std::string();
    const std::string path = key + "." + (written.empty() ? std::to_string(names.size() + 1) : written);
    if (std::ranges::find(names, written) != names.end()) {
      reader.Wrong(one, path, "there is another rule of that name");
    } else if (auto rule = RuleReader(reader, one, path).Read()) {
      policy.own_rules.push_back(*std::move(rule));
    }
    names.push_back(written);
  }
  // Each can be; all together may be too large for one pass.
  if (const auto together = privacy::OwnRules::Make(policy.own_rules); !together) {
    reader.Wrong(node, key, together.error().message);
    policy.own_rules.clear();
  }
}

}  // namespace

void ReadPrivacy(ConfigReader& reader, const YAML::Node& node, const std::string& key, privacy::Policy& policy) {
  const auto detectors = [&](const YAML::Node& map, const std::string& path) {
    reader.AnyMap(
        map, path,
        [&](const std::string& name, const YAML::Node& value, const std::string& own_path) {
          const auto detector = privacy::detect::DetectorOf(name);
          if (detector) ReadDetector(reader, value, own_path, *detector, policy);
          return detector.has_value();
        },
        DetectorNames);
  };
  const std::array<ConfigReader::Key, 5> keys = {{
      {"detectors", detectors},
      {"truncate-addresses", [&](const YAML::Node& value,
                                 const std::string& path) { reader.Switch(value, path, policy.truncate_addresses); }},
      {"person-keys",
       [&](const YAML::Node& value, const std::string& path) { reader.Texts(value, path, policy.person_keys); }},
      {"secret-keys",
       [&](const YAML::Node& value, const std::string& path) { reader.Texts(value, path, policy.secret_keys); }},
      {"rules", [&](const YAML::Node& value, const std::string& path) { ReadRules(reader, value, path, policy); }},
  }};
  if (node.IsNull()) return;
  reader.Map(node, key, keys);
}

}  // namespace clew::cli
