// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/policy.h"

#include <algorithm>

namespace clew::privacy {
namespace {

constexpr std::array<std::string_view, 4> kActionNames = {"keep", "mask", "pseudonym", "drop"};

}  // namespace

std::string_view ActionName(Action action) { return kActionNames[static_cast<size_t>(action)]; }

std::optional<Action> ActionOf(std::string_view name) {
  const auto found = std::ranges::find(kActionNames, name);
  if (found == kActionNames.end()) return std::nullopt;
  return static_cast<Action>(found - kActionNames.begin());
}

Policy::Policy() {
  actions.fill(Action::kMask);
  enabled.fill(true);
  using enum detect::Detector;
  for (const detect::Detector detector : {kEmail, kPhone, kIp, kMac, kPerson}) {
    actions[static_cast<size_t>(detector)] = Action::kPseudonym;
  }
}

}  // namespace clew::privacy
