// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "clew/base/bytes.h"
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

constexpr bool IsBase64Url(char c) { return IsAlnum(c) || c == '-' || c == '_'; }

// RFC 7519, RFC 7515 section 7.1: header, payload and signature in base64url, the header a JSON object that names an
// algorithm, a type or a key. "eyJ" is what `{"` begins with.
class Jwt final : public Rule {
 public:
  Anchors anchors() const override { return {.literals = {"eyJ"}}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    const size_t begin = candidate.begin;
    if (begin > 0 && (IsBase64Url(text[begin - 1]) || text[begin - 1] == '.')) return;
    size_t at = begin;
    while (IsBase64Url(At(text, at))) ++at;
    // Cut to a multiple of four, it decodes wherever the header was cut off.
    const std::optional<std::string> header = base::FromBase64(text.substr(begin, (at - begin) / 4 * 4));
    if (!header || !NamesAlgorithm(*header)) return;
    for (int part = 0; part < 4 && At(text, at) == '.' && IsBase64Url(At(text, at + 1)); ++part) {
      ++at;
      while (IsBase64Url(At(text, at))) ++at;
    }
    if (At(text, at) == '.' && !IsWordByte(At(text, at + 1)) &&
        text.substr(begin, at - begin).find('.') != std::string_view::npos &&
        text.find('.', begin) == text.rfind('.', at - 1)) {
      ++at;  // an empty signature ("alg": "none")
    }
    findings.push_back({begin, at, Detector::kJwt});
  }

 private:
  static bool NamesAlgorithm(std::string_view header) {
    for (const std::string_view name : {"\"alg\"", "\"typ\"", "\"kid\"", "\"enc\"", "\"cty\"", "\"jku\"", "\"x5t\""}) {
      if (header.contains(name)) return true;
    }
    return false;
  }
};

}  // namespace

RulePtr JwtRule() { return std::make_unique<Jwt>(); }

}  // namespace clew::privacy::detect
