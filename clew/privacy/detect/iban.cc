// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

struct Country {
  std::string_view code;
  size_t length;
};

// ISO 13616, IBAN registry release 99. Sorted.
constexpr auto kCountries = std::to_array<Country>(
    {{"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22},
     {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DJ", 27},
     {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FK", 18}, {"FO", 18}, {"FR", 27},
     {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28},
     {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28},
     {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22},
     {"MK", 19}, {"MN", 20}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23},
     {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
     {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25}, {"SV", 28},
     {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20}, {"YE", 30}});
static_assert(std::ranges::is_sorted(kCountries, {}, &Country::code));

// Two letters, two check digits, then the account; in groups of four, or without spaces, in either case.
class Iban final : public Rule {
 public:
  Anchors anchors() const override { return {.lettered_runs = (1u << (kLongRun + 1)) - (1u << 2)}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (candidate.begin < 2 || !IsLetter(text[candidate.begin - 1]) || !IsLetter(text[candidate.begin - 2])) return;
    const size_t begin = candidate.begin - 2;
    if (!BeginsWord(text, begin)) return;
    const std::string code = {Upper(text[begin]), Upper(text[begin + 1])};
    const auto country = std::ranges::lower_bound(kCountries, std::string_view(code), {}, &Country::code);
    if (country == kCountries.end() || country->code != code) return;
    std::string account;
    size_t at = begin;
    while (account.size() < country->length) {
      const char c = At(text, at);
      if (IsAlnum(c)) {
        account += c;
      } else if ((c != ' ' && c != '-') || account.size() % 4 != 0) {
        return;
      }
      ++at;
    }
    if (!EndsWord(text, at) ||
        Mod97(std::string_view(account).substr(0, 4), Mod97(std::string_view(account).substr(4))) != 1)
      return;
    findings.push_back({begin, at, Detector::kIban});
  }
};

}  // namespace

RulePtr IbanRule() { return std::make_unique<Iban>(); }

}  // namespace clew::privacy::detect
