// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// The userinfo of a URL that has a password in it (RFC 3986 section 3.2.1): scheme://user:password@host. A password may
// hold an unescaped slash, so the last @ before the end of the URL counts where what looks like a port is none.
class UrlPassword final : public Rule {
 public:
  Anchors anchors() const override { return {.literals = {"://"}}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    size_t end = candidate.end;
    size_t colon = 0;
    size_t at_sign = 0;
    for (; end < text.size() && end - candidate.end < 512; ++end) {
      const char c = text[end];
      if (IsSpace(c) || c == '<' || c == '>' || c == '"' || c == '`' || c == '?' || c == '#') break;
      if (c == '/' && (colon == 0 || at_sign != 0 || IsPort(text, colon + 1, end))) break;
      if (c == ':' && colon == 0 && at_sign == 0) colon = end;
      if (c == '@' && colon != 0) at_sign = end;
    }
    if (colon == 0 || at_sign <= colon + 1) return;
    const std::string_view password = text.substr(colon + 1, at_sign - colon - 1);
    if (password == "REDACTED" || password == "***" || password.starts_with("${")) return;
    findings.push_back({candidate.end, at_sign, Detector::kUrlPassword});
  }

 private:
  static bool IsPort(std::string_view text, size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      if (!IsDigit(text[at])) return false;
    }
    return end - begin <= 5;
  }
};

}  // namespace

RulePtr UrlPasswordRule() { return std::make_unique<UrlPassword>(); }

}  // namespace clew::privacy::detect
