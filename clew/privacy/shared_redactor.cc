// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/shared_redactor.h"

#include <utility>

#include "clew/privacy/pseudonyms.h"

namespace clew::privacy {

base::Result<std::shared_ptr<const Redactor>> MakeSharedRedactor(std::string& warning) {
  Redactor::Options options;
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
  return std::make_shared<const Redactor>(std::move(options));
}

}  // namespace clew::privacy
