// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/key_value_list.h"

#include <algorithm>

#include "clew/base/bytes.h"
#include "clew/net/url.h"

namespace clew::agent::drain {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsTokenCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

base::Result<KeyValuePairs> ParseKeyValueList(std::string_view text) {
  KeyValuePairs result;
  size_t number = 0;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view entry = Trim(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (entry.empty()) continue;
    ++number;
    const std::string where = "entry " + std::to_string(number);
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) return base::InvalidArgument(where + " has no '=': expected key=value");
    auto key = net::PercentDecode(Trim(entry.substr(0, equals)));
    auto value = net::PercentDecode(Trim(entry.substr(equals + 1)));
    if (!key || !value) return base::InvalidArgument(where + " has a '%' that is not followed by two hex digits");
    if (key->empty()) return base::InvalidArgument(where + " has no key: expected key=value");
    if (!base::IsUtf8(*key) || !base::IsUtf8(*value)) return base::InvalidArgument(where + " is not UTF-8");
    result.emplace_back(std::move(*key), std::move(*value));
  }
  return result;
}

base::Result<KeyValuePairs> ParseHeaderList(std::string_view text) {
  CLEW_ASSIGN_OR_RETURN(KeyValuePairs pairs, ParseKeyValueList(text));
  for (size_t i = 0; i < pairs.size(); ++i) {
    auto& [name, value] = pairs[i];
    if (!std::ranges::all_of(name, IsTokenCharacter)) {
      return base::InvalidArgument("entry " + std::to_string(i + 1) + " has a key that is no HTTP header name");
    }
    if (std::ranges::any_of(value, [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; })) {
      return base::InvalidArgument("entry " + std::to_string(i + 1) + " has a control character in its value");
    }
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  return pairs;
}

}  // namespace clew::agent::drain
