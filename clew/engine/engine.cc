// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/engine.h"

#include <fmt/format.h>

#include <cmath>

namespace clew::engine {
namespace {

// The engine reads a parameter's value as a field of the TSV format: backslash, tab and line ends have escapes.
void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\0': out += "\\0"; break;
      default: out += c;
    }
  }
}

}  // namespace

Parameters& Parameters::Text(std::string_view name, std::string_view value) {
  Entry& entry = entries_.emplace_back(std::string(name), std::string());
  AppendEscaped(entry.value, value);
  return *this;
}

Parameters& Parameters::Int(std::string_view name, int64_t value) {
  entries_.emplace_back(std::string(name), fmt::to_string(value));
  return *this;
}

Parameters& Parameters::Uint(std::string_view name, uint64_t value) {
  entries_.emplace_back(std::string(name), fmt::to_string(value));
  return *this;
}

Parameters& Parameters::Float(std::string_view name, double value) {
  entries_.emplace_back(std::string(name), std::isnan(value)   ? "nan"
                                           : std::isinf(value) ? (value > 0 ? "inf" : "-inf")
                                                               : fmt::format("{}", value));
  return *this;
}

Parameters& Parameters::Texts(std::string_view name, std::span<const std::string> values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list += ',';
    list += '\'';
    AppendEscaped(list, value);
    list += '\'';
  }
  entries_.emplace_back(std::string(name), list + "]");
  return *this;
}

Parameters& Parameters::Uints(std::string_view name, std::span<const uint64_t> values) {
  std::string list = "[";
  for (const uint64_t value : values) {
    if (list.size() > 1) list += ',';
    fmt::format_to(std::back_inserter(list), "{}", value);
  }
  entries_.emplace_back(std::string(name), list + "]");
  return *this;
}

}  // namespace clew::engine
