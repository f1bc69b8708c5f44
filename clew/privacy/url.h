// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "clew/privacy/detect/detector.h"
#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy {

using detect::kRedacted;  // what stands where a secret stood (OpenTelemetry semantic conventions, url.full)

// What is a secret of a URL, and what becomes of it.
struct UrlRules {
  // Whether the values of a parameter are.
  std::function<bool(std::string_view key)> is_secret = detect::IsTellingKey;
  // Appends what stands for a parameter's value (kParameter), a user or a password (kUrlPassword).
  std::function<void(detect::Detector detector, std::string_view value, std::string& out)> replace =
      [](detect::Detector, std::string_view, std::string& out) { out += kRedacted; };
};

// A URL, or a path with its query (RFC 3986): user and password before the host are replaced, and so are the values
// of telling keys in the query and in a fragment that looks like one. The rest stays byte for byte. With the usual
// rules, applied twice it changes nothing more; each value grows to at most kRedacted's length.
std::string RedactUrl(std::string_view url, const UrlRules& rules = {});

// The same of a query alone, with or without its question mark.
std::string RedactQuery(std::string_view query, const UrlRules& rules = {});

}  // namespace clew::privacy
