// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "clew/base/bytes.h"

namespace clew::cli {
namespace {

bool IsContinuation(char byte) { return (byte & 0xC0) == 0x80; }

size_t ColumnsOf(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    size_t width = 0;
    const std::string_view text(columns);
    if (std::from_chars(text.data(), text.data() + text.size(), width).ec == std::errc() && width > 0) return width;
  }
  return 100;
}

}  // namespace

Terminal Terminal::OfStandardOutput() {
  Terminal terminal;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  terminal.colour = isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0') &&
                    (term == nullptr || std::string_view(term) != "dumb");
  terminal.width = std::clamp<size_t>(ColumnsOf(STDOUT_FILENO), 40, 400);
  return terminal;
}

std::string Terminal::Paint(Style style, std::string_view text) const {
  if (!colour || style == Style::kPlain) return std::string(text);
  const char* code = "";
  switch (style) {
    case Style::kPlain: break;
    case Style::kBold: code = "1"; break;
    case Style::kDim: code = "2"; break;
    case Style::kRed: code = "31"; break;
    case Style::kYellow: code = "33"; break;
    case Style::kGreen: code = "32"; break;
    case Style::kCyan: code = "36"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string Printable(std::string_view text) {
  const std::string clean = base::ToUtf8(text);
  std::string out;
  out.reserve(clean.size());
  for (size_t i = 0; i < clean.size(); ++i) {
    const auto byte = static_cast<uint8_t>(clean[i]);
    if (byte < 0x20) {
      // U+2400 and following show control characters.
      out += "\xE2\x90";
      out += static_cast<char>(0x80 + byte);
    } else if (byte == 0x7F) {
      out += "\xE2\x90\xA1";
    } else if (byte == 0xC2 && i + 1 < clean.size() && static_cast<uint8_t>(clean[i + 1]) < 0xA0) {
      // C1 controls (U+0080 to U+009F) are terminal commands too.
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out += clean[i];
    }
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char byte) { return !IsContinuation(byte); }));
}

std::string Cut(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t bytes = 0;
  for (size_t columns = 0; bytes < text.size() && columns < width - 1; ++columns) {
    ++bytes;
    while (bytes < text.size() && IsContinuation(text[bytes])) ++bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string Fit(std::string_view text, size_t width) {
  std::string fitted = Cut(text, width);
  const size_t columns = DisplayWidth(fitted);
  if (columns < width) fitted.append(width - columns, ' ');
  return fitted;
}

}  // namespace clew::cli
