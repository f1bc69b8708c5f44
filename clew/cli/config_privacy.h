// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/cli/config_reader.h"
#include "clew/privacy/policy.h"

namespace clew::cli {

// The section `privacy:` of a configuration. Its rules are made ready and their examples (`matches`, `ignores`) are
// tried here, so that a rule that does not do what its author thinks is a mistake with a line. What is wrong is left
// out of `policy`, which RuleSet::Make takes in any case.
void ReadPrivacy(ConfigReader& reader, const YAML::Node& node, const std::string& key, privacy::Policy& policy);

}  // namespace clew::cli
