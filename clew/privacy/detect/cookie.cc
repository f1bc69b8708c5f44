// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy::detect {
namespace {

// Attributes of Set-Cookie (RFC 6265 section 4.1.1) and later ones: no cookies.
constexpr auto kAttributes = std::to_array<std::string_view>(
    {"domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure", "version"});

// RFC 6265 section 4.1.1 without the comma, which separates folded headers.
constexpr bool IsValueByte(char c) {
  return static_cast<uint8_t>(c) > 0x20 && c != ';' && c != ',' && !IsQuote(c) && c != '\\' && c != '}' && c != ']' &&
         c != 0x7f;
}
constexpr bool IsNameByte(char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.' || c == '$' || c == '!'; }

// The values of all cookies of a Cookie or Set-Cookie header.
class Cookie final : public Rule {
 public:
  Anchors anchors() const override {
    return {.any_case_literals = {"cookie:", "cookie\"", "cookie'", "cookie=", "cookie\\\""}};
  }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    size_t at = candidate.end;
    SkipMarks(text, at);
    for (int cookies = 0; cookies < 64; ++cookies) {
      while (At(text, at) == ' ') ++at;
      const size_t name = at;
      while (IsNameByte(At(text, at))) ++at;
      if (at == name) return;
      const std::string_view written = text.substr(name, at - name);
      const bool is_attribute =
          std::ranges::any_of(kAttributes, [&](auto word) { return EqualIgnoringCase(written, word); });
      if (At(text, at) == '=') {
        const size_t value = ++at;
        while (IsValueByte(At(text, at)) || (is_attribute && (At(text, at) == ' ' || At(text, at) == ','))) ++at;
        if (!is_attribute && !IsHarmless(text.substr(value, at - value)))
          findings.push_back({value, at, Detector::kCookie});
      } else if (!is_attribute) {
        return;
      }
      if (At(text, at) != ';') return;
      ++at;
    }
  }

 private:
  // What stands between the header's name and the first cookie.
  static void SkipMarks(std::string_view text, size_t& at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == ':' || text[at] == '=' || text[at] == '\\' ||
                                IsQuote(text[at]) || text[at] == '['))
      ++at;
  }
};

}  // namespace

RulePtr CookieRule() { return std::make_unique<Cookie>(); }

}  // namespace clew::privacy::detect
