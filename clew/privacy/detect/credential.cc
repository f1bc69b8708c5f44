// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>

#include "clew/base/bytes.h"
#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// RFC 6750 section 2.1 (b64token) and RFC 7617.
constexpr bool IsTokenByte(char c) {
  return IsAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/' || c == '=' || c == ':' ||
         c == '%';
}

constexpr size_t kLongestBasic = 512;

// What stands behind "Bearer " or "Basic ". Both are words of prose too: a bearer's token must look like none, basic
// credentials must decode to a name, a colon and a password.
class Credential final : public Rule {
 public:
  Anchors anchors() const override {
    return {.any_case_literals = {"bearer ", "basic ", "bearer%20", "basic%20", "bearer+", "basic+"}};
  }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (!BeginsWord(text, candidate.begin)) return;
    size_t begin = candidate.end;
    while (At(text, begin) == ' ') ++begin;
    const bool is_basic = Lower(text[candidate.begin + 1]) == 'a';
    size_t end = begin;
    while (IsTokenByte(At(text, end)) && (!is_basic || end - begin <= kLongestBasic)) ++end;
    while (end > begin && (text[end - 1] == '.' || text[end - 1] == ':')) --end;
    const std::string_view token = text.substr(begin, end - begin);
    if (is_basic ? IsBasic(token) : IsBearer(token)) findings.push_back({begin, end, Detector::kCredential});
  }

 private:
  static bool IsBearer(std::string_view token) {
    if (token.size() < 6 || token == "REDACTED") return false;
    const bool has_digit = std::ranges::any_of(token, IsDigit);
    const bool has_upper = std::ranges::any_of(token.substr(1), IsUpper);
    return has_digit || (has_upper && token.size() >= 12) || token.size() >= 24;
  }
  static bool IsBasic(std::string_view token) {
    if (token.size() < 4 || token.size() > kLongestBasic) return false;
    std::string plain(token);
    if (const size_t escape = plain.find('%'); escape != std::string::npos) plain.resize(escape);
    // What was cut off decodes up to there.
    while (!plain.empty() && plain.back() == '=') plain.pop_back();
    if (plain.size() % 4 == 1) plain.pop_back();
    const std::optional<std::string> decoded = base::FromBase64(plain);
    if (!decoded || !decoded->contains(':')) return false;
    return std::ranges::all_of(*decoded, [](char c) { return static_cast<uint8_t>(c) >= 0x20 && c != 0x7f; });
  }
};

}  // namespace

RulePtr CredentialRule() { return std::make_unique<Credential>(); }

}  // namespace clew::privacy::detect
