// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/shared_redactor.h"

#include <algorithm>
#include <utility>

#include "clew/privacy/pseudonyms.h"

namespace clew::privacy {

base::Result<std::shared_ptr<Redactor>> MakeSharedRedactor(Policy policy, std::string& warning) {
  CLEW_RETURN_IF_ERROR(OwnRules::Make(policy.own_rules));
  Redactor::Options options;
  options.policy = std::move(policy);
  const std::string path = DefaultKeyFile();
  if (path.empty()) {
    warning = "pseudonyms match those of no other process: set CLEW_PRIVACY_KEYS to a file for their keys";
  } else {
    auto keys = LoadKeyFile(path, options.clock->Now(), kKeyLifetime);
    if (keys) {
      options.keys = *std::move(keys);
    } else if (keys.error().code == base::Code::kDataLoss) {
      return std::unexpected(std::move(keys).error());
    } else {
      warning = "pseudonyms match those of no other process: " + keys.error().message;
    }
  }
  return std::make_shared<Redactor>(std::move(options));
}

base::Status RenewSharedKeys(Redactor& redactor) {
  const std::string path = DefaultKeyFile();
  if (path.empty()) return {};
  CLEW_ASSIGN_OR_RETURN(std::vector<PseudonymKey> keys, LoadKeyFile(path, base::Clock::System().Now(), kKeyLifetime));
  const auto rules = redactor.rules();
  if (!std::ranges::equal(keys, rules->pseudonyms().keys())) redactor.SetKeys(std::move(keys));
  return {};
}

}  // namespace clew::privacy
