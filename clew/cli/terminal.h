// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clew::cli {

// How standard output looks to the person in front of it.
struct Terminal {
  bool colour = false;  // a terminal, NO_COLOR not set
  size_t width = 100;   // columns

  static Terminal OfStandardOutput();

  enum class Style { kPlain, kBold, kDim, kRed, kYellow, kGreen, kCyan };
  // `text` in that style, or as it is where there is no colour.
  std::string Paint(Style style, std::string_view text) const;
};

// What came from telemetry, made harmless: control characters (terminal escapes, line ends) become visible pictures,
// text that is no UTF-8 is repaired.
std::string Printable(std::string_view text);

// Columns that UTF-8 text takes up, counting each code point as one.
size_t DisplayWidth(std::string_view text);
// Cut to `width` columns with … at the end, or filled up with spaces.
std::string Fit(std::string_view text, size_t width);
// Cut only.
std::string Cut(std::string_view text, size_t width);

}  // namespace clew::cli
