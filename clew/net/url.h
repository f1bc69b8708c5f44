// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/result.h"

namespace clew::net {

// Decoded names and values of a query string or form, in their order; a name may stand several times.
class Parameters {
 public:
  using Pair = std::pair<std::string, std::string>;

  void Add(std::string name, std::string value) { pairs_.emplace_back(std::move(name), std::move(value)); }
  void Append(const Parameters& other) { pairs_.insert(pairs_.end(), other.pairs_.begin(), other.pairs_.end()); }

  // The first value of `name`.
  std::optional<std::string_view> Find(std::string_view name) const;
  // The same, `otherwise` where there is none.
  std::string_view Get(std::string_view name, std::string_view otherwise = {}) const {
    return Find(name).value_or(otherwise);
  }
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  std::vector<std::string_view> All(std::string_view name) const;

  bool empty() const { return pairs_.empty(); }
  size_t size() const { return pairs_.size(); }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }
  bool operator==(const Parameters&) const = default;

 private:
  std::vector<Pair> pairs_;
};

// RFC 3986 section 2.1. Nothing where a '%' is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text);
// Escapes everything but the unreserved characters; fit for one path segment, one query name or value.
std::string PercentEncode(std::string_view text);

// application/x-www-form-urlencoded, also the form of query strings: pairs parted by '&', '+' is a space. An ill-formed
// escape is INVALID_ARGUMENT.
base::Result<Parameters> ParseParameters(std::string_view text);
std::string FormatParameters(const Parameters& parameters);

// An absolute http or https URL (RFC 3986; RFC 9110 section 4.2).
struct Url {
  bool tls = false;
  std::string host;  // IPv6 without brackets
  uint16_t port = 0;
  std::string target;    // path and query as they go on the wire, at least "/"
  std::string userinfo;  // decoded "name:password", empty where none

  // Unknown schemes, missing hosts, bad ports and control characters are INVALID_ARGUMENT.
  static base::Result<Url> Parse(std::string_view text);

  // What the Host header says; the port only where it is not the scheme's own.
  std::string HostHeader() const;
};

}  // namespace clew::net
