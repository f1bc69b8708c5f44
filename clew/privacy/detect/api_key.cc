// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

enum class Bytes : uint8_t { kUpperDigits, kLowerDigits, kHex, kAlnum, kWord, kUrlSafe, kDotted, kTilde };

constexpr bool Holds(Bytes bytes, char c) {
  switch (bytes) {
    case Bytes::kUpperDigits: return IsUpper(c) || IsDigit(c);
    case Bytes::kLowerDigits: return IsLower(c) || IsDigit(c);
    case Bytes::kHex: return IsHex(c);
    case Bytes::kAlnum: return IsAlnum(c);
    case Bytes::kWord: return IsAlnum(c) || c == '_';
    case Bytes::kUrlSafe: return IsAlnum(c) || c == '_' || c == '-';
    case Bytes::kDotted: return IsAlnum(c) || c == '_' || c == '-' || c == '.' || c == '=' || c == '+' || c == '/';
    case Bytes::kTilde: return IsAlnum(c) || c == '_' || c == '-' || c == '.' || c == '~';
  }
  return false;
}

// How the keys of one issuer begin, what follows and how much of it.
struct Form {
  std::string_view prefix;
  Bytes bytes;
  size_t least;
  size_t most;
};

constexpr size_t kAny = 512;
// As the issuers document them, or as their keys have looked for years.
constexpr auto kForms = std::to_array<Form>({
    {"AKIA", Bytes::kUpperDigits, 16, 16},                    // AWS
    {"ASIA", Bytes::kUpperDigits, 16, 16},                    //
    {"ABIA", Bytes::kUpperDigits, 16, 16},                    //
    {"ACCA", Bytes::kUpperDigits, 16, 16},                    //
    {"AIza", Bytes::kUrlSafe, 35, 35},                        // Google
    {"ya29.", Bytes::kUrlSafe, 20, kAny},                     //
    {"GOCSPX-", Bytes::kUrlSafe, 28, 28},                     //
    {"ghp_", Bytes::kAlnum, 36, 255},                         // GitHub
    {"gho_", Bytes::kAlnum, 36, 255},                         //
    {"ghu_", Bytes::kAlnum, 36, 255},                         //
    {"ghs_", Bytes::kAlnum, 36, 255},                         //
    {"ghr_", Bytes::kAlnum, 36, 255},                         //
    {"github_pat_", Bytes::kWord, 50, 255},                   //
    {"glpat-", Bytes::kDotted, 20, 300},                      // GitLab
    {"gldt-", Bytes::kDotted, 20, 300},                       //
    {"glrt-", Bytes::kDotted, 20, 300},                       //
    {"glptt-", Bytes::kDotted, 20, 300},                      //
    {"glcbt-", Bytes::kDotted, 20, 300},                      //
    {"gloas-", Bytes::kDotted, 20, 300},                      //
    {"glsoat-", Bytes::kDotted, 20, 300},                     //
    {"glft-", Bytes::kDotted, 20, 300},                       //
    {"glimt-", Bytes::kDotted, 20, 300},                      //
    {"glagent-", Bytes::kDotted, 20, 300},                    //
    {"GR1348941", Bytes::kUrlSafe, 20, 20},                   //
    {"xoxb-", Bytes::kUrlSafe, 20, kAny},                     // Slack
    {"xoxa-", Bytes::kUrlSafe, 20, kAny},                     //
    {"xoxp-", Bytes::kUrlSafe, 20, kAny},                     //
    {"xoxr-", Bytes::kUrlSafe, 20, kAny},                     //
    {"xoxs-", Bytes::kUrlSafe, 20, kAny},                     //
    {"xoxe-", Bytes::kUrlSafe, 20, kAny},                     //
    {"xoxe.xox", Bytes::kDotted, 20, kAny},                   //
    {"xapp-", Bytes::kUrlSafe, 20, kAny},                     //
    {"hooks.slack.com/services/", Bytes::kDotted, 20, kAny},  //
    {"sk_live_", Bytes::kAlnum, 10, 255},                     // Stripe
    {"sk_test_", Bytes::kAlnum, 10, 255},                     //
    {"rk_live_", Bytes::kAlnum, 10, 255},                     //
    {"rk_test_", Bytes::kAlnum, 10, 255},                     //
    {"whsec_", Bytes::kDotted, 20, 255},                      //
    {"SG.", Bytes::kDotted, 60, 80},                          // SendGrid
    {"npm_", Bytes::kAlnum, 36, 36},                          // npm
    {"pypi-AgE", Bytes::kUrlSafe, 50, kAny},                  // PyPI
    {"rubygems_", Bytes::kHex, 48, 48},                       // RubyGems
    {"dckr_pat_", Bytes::kUrlSafe, 20, 64},                   // Docker
    {"dop_v1_", Bytes::kHex, 64, 64},                         // DigitalOcean
    {"doo_v1_", Bytes::kHex, 64, 64},                         //
    {"dor_v1_", Bytes::kHex, 64, 64},                         //
    {"shpat_", Bytes::kHex, 32, 32},                          // Shopify
    {"shpss_", Bytes::kHex, 32, 32},                          //
    {"shpca_", Bytes::kHex, 32, 32},                          //
    {"shppa_", Bytes::kHex, 32, 32},                          //
    {"sq0atp-", Bytes::kUrlSafe, 22, 22},                     // Square
    {"sq0csp-", Bytes::kUrlSafe, 43, 43},                     //
    {"sk-proj-", Bytes::kUrlSafe, 20, kAny},                  // OpenAI
    {"sk-svcacct-", Bytes::kUrlSafe, 20, kAny},               //
    {"sk-ant-", Bytes::kUrlSafe, 20, kAny},                   // Anthropic
    {"sk-", Bytes::kAlnum, 40, 64},                           //
    {"hf_", Bytes::kAlnum, 34, 40},                           // Hugging Face
    {"dapi", Bytes::kHex, 32, 34},                            // Databricks
    {"hvs.", Bytes::kUrlSafe, 24, kAny},                      // Vault
    {"hvb.", Bytes::kUrlSafe, 24, kAny},                      //
    {"lin_api_", Bytes::kAlnum, 32, 64},                      // Linear
    {"NRAK-", Bytes::kUpperDigits, 27, 27},                   // New Relic
    {"NRII-", Bytes::kUrlSafe, 32, 32},                       //
    {"glsa_", Bytes::kWord, 32, 64},                          // Grafana
    {"glc_", Bytes::kDotted, 32, 400},                        //
    {"sntrys_", Bytes::kDotted, 40, kAny},                    // Sentry
    {"sntryu_", Bytes::kHex, 64, 64},                         //
    {"PMAK-", Bytes::kUrlSafe, 50, 64},                       // Postman
    {"dp.pt.", Bytes::kAlnum, 40, 44},                        // Doppler
    {"AGE-SECRET-KEY-1", Bytes::kUpperDigits, 58, 58},        // age
    {"ATATT3", Bytes::kDotted, 60, kAny},                     // Atlassian
    {"ATBB", Bytes::kAlnum, 28, 40},                          //
    {"ATCTT3", Bytes::kDotted, 60, kAny},                     //
    {"pscale_tkn_", Bytes::kDotted, 32, 64},                  // PlanetScale
    {"pscale_pw_", Bytes::kDotted, 32, 64},                   //
    {"sbp_", Bytes::kHex, 40, 40},                            // Supabase
    {"dt0c01.", Bytes::kDotted, 80, 100},                     // Dynatrace
    {"dt0s16.", Bytes::kDotted, 80, 100},                     //
    {"figd_", Bytes::kUrlSafe, 40, 64},                       // Figma
    {"LTAI", Bytes::kAlnum, 17, 26},                          // Alibaba
    {"AKID", Bytes::kAlnum, 32, 40},                          // Tencent
    {"EAAC", Bytes::kAlnum, 60, kAny},                        // Facebook
    {"key-", Bytes::kHex, 32, 32},                            // Mailgun
    {"ntn_", Bytes::kAlnum, 40, 60},                          // Notion
    {"HRKU-", Bytes::kUrlSafe, 36, 64},                       // Heroku
});

// Keys that are told by what stands in their middle: the anchor, what comes before and behind it.
struct InnerForm {
  std::string_view anchor;
  Bytes bytes;
  size_t least_before;
  size_t most_before;
  size_t least_behind;
  size_t most_behind;
};
constexpr auto kInnerForms = std::to_array<InnerForm>({
    {"7Q~", Bytes::kTilde, 3, 5, 31, 34},             // Azure, client secrets
    {"8Q~", Bytes::kTilde, 3, 5, 31, 34},             //
    {"T3BlbkFJ", Bytes::kUrlSafe, 20, 100, 20, 100},  // OpenAI
    {".atlasv1.", Bytes::kDotted, 14, 14, 60, 70},    // Terraform
    {":AAE", Bytes::kUrlSafe, 8, 10, 32, 32},         // Telegram
    {":AAF", Bytes::kUrlSafe, 8, 10, 32, 32},         //
    {":AAG", Bytes::kUrlSafe, 8, 10, 32, 32},         //
    {":AAH", Bytes::kUrlSafe, 8, 10, 32, 32},         //
    {"-us1", Bytes::kHex, 32, 32, 0, 1},              // Mailchimp
    {"-us2", Bytes::kHex, 32, 32, 0, 1},              //
});

class ApiKey final : public Rule {
 public:
  Anchors anchors() const override {
    Anchors anchors;
    for (const Form& form : kForms) anchors.literals.push_back(form.prefix);
    for (const InnerForm& form : kInnerForms) anchors.literals.push_back(form.anchor);
    return anchors;
  }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    if (candidate.literal < kForms.size()) {
      ConfirmForm(candidate, kForms[candidate.literal], findings);
    } else {
      ConfirmInner(candidate, kInnerForms[candidate.literal - kForms.size()], findings);
    }
  }

 private:
  static size_t Behind(std::string_view text, size_t at, Bytes bytes) {
    const size_t first = at;
    while (at - first <= kAny && Holds(bytes, At(text, at))) ++at;
    while (at > first && (text[at - 1] == '.' || text[at - 1] == '/')) --at;
    return at - first;
  }

  static void ConfirmForm(const Candidate& candidate, const Form& form, Findings& findings) {
    const std::string_view text = candidate.text;
    const char before = At(text, candidate.begin - 1);
    if (IsAlnum(before) || ((before == '_' || before == '-') && IsAlnum(At(text, candidate.begin - 2)))) return;
    const size_t size = Behind(text, candidate.end, form.bytes);
    // What is longer than it may be is something else; what is cut off by the end of the text is not.
    if (size < form.least || size > form.most) return;
    const std::string_view key = text.substr(candidate.end, size);
    // Words joined to look like a key are an example or a name.
    if (std::ranges::none_of(key, IsDigit) && std::ranges::none_of(key, IsUpper)) return;
    findings.push_back({candidate.begin, candidate.end + size, Detector::kApiKey});
  }

  static void ConfirmInner(const Candidate& candidate, const InnerForm& form, Findings& findings) {
    const std::string_view text = candidate.text;
    size_t begin = candidate.begin;
    while (begin > 0 && candidate.begin - begin <= form.most_before && Holds(form.bytes, text[begin - 1])) --begin;
    const size_t before = candidate.begin - begin;
    const size_t behind = Behind(text, candidate.end, form.bytes);
    if (before < form.least_before || before > form.most_before || behind < form.least_behind ||
        behind > form.most_behind)
      return;
    findings.push_back({begin, candidate.end + behind, Detector::kApiKey});
  }
};

}  // namespace

RulePtr ApiKeyRule() { return std::make_unique<ApiKey>(); }

}  // namespace clew::privacy::detect
