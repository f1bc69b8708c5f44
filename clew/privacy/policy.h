// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clew/privacy/detect/detector.h"

namespace clew::privacy {

// What is done with what was found: nothing, REDACTED instead, a pseudonym instead, nothing instead.
enum class Action : uint8_t { kKeep, kMask, kPseudonym, kDrop };
// "keep", "mask", "pseudonym", "drop".
std::string_view ActionName(Action action);
std::optional<Action> ActionOf(std::string_view name);

// A rule of the configuration: what it looks for, where, and what happens to it.
struct OwnRule {
  std::string name;     // detect::IsRuleName, and no detector's
  std::string pattern;  // RE2; empty: the whole value of `keys`
  // Attributes, labels and structured fields whose values it looks at, compared as detect::OwnKeys does; empty: every
  // text.
  std::vector<std::string> keys = {};
  Action action = Action::kMask;
};

// What happens to each detector's findings, and what else is looked for. A plain value.
struct Policy {
  // People's names for themselves get a pseudonym, so that they can still be told apart; the rest is masked.
  Policy();

  Action of(detect::Detector detector) const { return actions[static_cast<size_t>(detector)]; }

  std::array<Action, detect::kDetectorCount> actions{};
  std::array<bool, detect::kDetectorCount> enabled{};
  // Addresses keep their network (24 bits of IPv4, 48 of IPv6) instead of a pseudonym.
  bool truncate_addresses = false;
  // Keys whose values name persons, and those whose values are secrets, beside the known ones (detect/keys.h).
  std::vector<std::string> person_keys;
  std::vector<std::string> secret_keys;
  std::vector<OwnRule> own_rules;
};

}  // namespace clew::privacy
