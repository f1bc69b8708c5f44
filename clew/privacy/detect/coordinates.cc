// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

struct Decimal {
  size_t begin = 0;
  size_t end = 0;  // behind its marks
  double value = 0;
  size_t places = 0;
  bool is_marked = false;  // by a degree sign or a quarter of the sky
};

constexpr bool IsQuarter(char c) { return c == 'N' || c == 'S' || c == 'E' || c == 'W'; }

// A number with decimal places, its sign and what marks it as an angle.
std::optional<Decimal> ReadDecimal(std::string_view text, size_t at) {
  Decimal decimal{.begin = at};
  if (IsQuarter(At(text, at))) {
    decimal.is_marked = true;
    ++at;
  }
  if (At(text, at) == '-' || At(text, at) == '+') ++at;
  const size_t digits = at;
  while (IsDigit(At(text, at)) && at - digits < 4) decimal.value = 10 * decimal.value + (text[at++] - '0');
  if (at == digits || at - digits > 3 || At(text, at) != '.') return std::nullopt;
  double scale = 0.1;
  for (++at; IsDigit(At(text, at)); ++at, scale /= 10, ++decimal.places) decimal.value += scale * (text[at] - '0');
  if (decimal.places == 0 || At(text, at) == '.') return std::nullopt;
  if (text.substr(at).starts_with("°")) {
    decimal.is_marked = true;
    at += std::string_view("°").size();
  }
  const size_t quarter = at + (At(text, at) == ' ' ? 1 : 0);
  if (IsQuarter(At(text, quarter)) && EndsWord(text, quarter + 1)) {
    decimal.is_marked = true;
    at = quarter + 1;
  }
  decimal.end = at;
  return EndsWord(text, at) && At(text, at) != '%' ? std::optional(decimal) : std::nullopt;
}

// Latitude and longitude, in either order: as two numbers side by side, or each behind its key. Two decimal numbers can
// be anything, so a word or a mark must say that they are a place.
class Coordinates final : public Rule {
 public:
  Anchors anchors() const override { return {.literals = {"°"}, .dotted_runs = DigitRuns(1, 3)}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    size_t begin = candidate.begin;
    while (begin > 0 && IsDigit(text[begin - 1])) --begin;
    const size_t digits = begin;
    const char before = At(text, begin - 1);
    if (before == '.' || (IsDigit(At(text, begin - 2)) && (before == '-' || before == ','))) return;
    if (before == '-' || before == '+') --begin;
    if (begin > 0 && IsQuarter(text[begin - 1]) && BeginsWord(text, begin - 1)) --begin;
    if (!BeginsWord(text, begin)) return;
    if (!IsDigit(text[candidate.begin])) {
      const size_t end = DegreesEnd(text, digits);
      if (end != 0) findings.push_back({begin, end, Detector::kCoordinates});
      return;
    }
    const auto first = ReadDecimal(text, begin);
    if (!first || first->value > 180) return;
    if (first->places < 2) return;
    const HintSet hints = HintsBefore(candidate, begin);
    const auto second = Second(text, first->end);
    if (second) {
      const bool is_place =
          (hints & Bit(Hint::kPlace)) != 0 || (first->is_marked && second->is_marked) || before == '@';
      if (is_place && second->places >= 2 && std::min(first->value, second->value) <= 90) {
        findings.push_back({begin, second->end, Detector::kCoordinates});
        return;
      }
    }
    if ((hints & (Bit(Hint::kLatitude) | Bit(Hint::kLongKey))) != 0)
      findings.push_back({begin, first->end, Detector::kCoordinates});
  }

 private:
  static std::optional<Decimal> Second(std::string_view text, size_t at) {
    const size_t first = at;
    while (at - first < 3 && (At(text, at) == ' ' || At(text, at) == ',' || At(text, at) == ';' || At(text, at) == '/'))
      ++at;
    if (at == first) return std::nullopt;
    const auto second = ReadDecimal(text, at);
    return second && second->value <= 180 ? second : std::nullopt;
  }

  // 52°31'12.0"N 13°24'18.0"E; 0: it is none.
  static size_t DegreesEnd(std::string_view text, size_t begin) {
    size_t at = begin;
    size_t quarters = 0;
    while (quarters < 2 && at - begin < 60) {
      const char c = At(text, at);
      if (IsQuarter(c) && EndsWord(text, at + 1)) {
        ++quarters;
      } else if (!IsDigit(c) && c != '.' && c != '\'' && c != '"' && c != ' ' && c != ',' && !IsForeign(c)) {
        return 0;
      }
      ++at;
    }
    return quarters == 2 && text.substr(begin, at - begin).contains("°") ? at : 0;
  }
};

}  // namespace

RulePtr CoordinatesRule() { return std::make_unique<Coordinates>(); }

}  // namespace clew::privacy::detect
