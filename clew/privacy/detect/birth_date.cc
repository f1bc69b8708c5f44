// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// The first letters of the months' names in English, German, French, Spanish, Italian and Dutch.
constexpr auto kMonths = std::to_array<std::pair<std::string_view, int>>(
    {{"jan", 1},  {"gen", 1},  {"ene", 1},  {"feb", 2}, {"fév", 2},  {"fev", 2},  {"mar", 3},  {"mär", 3},
     {"maa", 3},  {"mrt", 3},  {"apr", 4},  {"avr", 4}, {"abr", 4},  {"may", 5},  {"mai", 5},  {"mei", 5},
     {"mag", 5},  {"jun", 6},  {"juin", 6}, {"giu", 6}, {"jul", 7},  {"juil", 7}, {"lug", 7},  {"aug", 8},
     {"aoû", 8},  {"ago", 8},  {"sep", 9},  {"set", 9}, {"oct", 10}, {"okt", 10}, {"ott", 10}, {"nov", 11},
     {"dec", 12}, {"dez", 12}, {"déc", 12}, {"dic", 12}});

int MonthOf(std::string_view word) {
  for (const auto& [name, month] : kMonths) {
    if (word.size() >= name.size() && StartsIgnoringCase(word, name)) return month;
  }
  return 0;
}

int ReadInt(std::string_view text, size_t& at, size_t most) {
  int value = 0;
  const size_t first = at;
  while (at - first < most && IsDigit(At(text, at))) value = 10 * value + (text[at++] - '0');
  return at == first || IsDigit(At(text, at)) ? -1 : value;
}

std::string_view ReadWord(std::string_view text, size_t& at) {
  const size_t first = at;
  while (IsLetter(At(text, at)) || IsForeign(At(text, at))) ++at;
  return text.substr(first, at - first);
}

void Skip(std::string_view text, size_t& at, std::string_view bytes) {
  for (int i = 0; i < 2 && At(text, at) != '\0' && bytes.contains(At(text, at)); ++i) ++at;
}

bool IsDate(int year, int month, int day) { return IsBirthDate(year, month, day) || IsBirthDate(year, day, month); }
int FullYear(int year, size_t digits) { return digits == 2 ? (year > 30 ? 1900 + year : 2000 + year) : year; }

// Behind the date that begins at `begin`: 1985-03-12, 19850312, 12/03/1985, 12.3.85, 12 March 1985.
std::optional<size_t> NumericDateEnd(std::string_view text, size_t begin, size_t run_end) {
  size_t at = begin;
  if (run_end - begin == 8) {
    const auto part = [&](size_t from, size_t count) {
      size_t position = begin + from;
      int value = 0;
      for (size_t i = 0; i < count; ++i) value = 10 * value + (text[position++] - '0');
      return value;
    };
    const bool is_date = IsBirthDate(part(0, 4), part(4, 2), part(6, 2)) || IsDate(part(4, 4), part(2, 2), part(0, 2));
    return is_date ? std::optional(run_end) : std::nullopt;
  }
  const int first = ReadInt(text, at, 4);
  const char separator = At(text, at);
  if (separator != '-' && separator != '/' && separator != '.') return std::nullopt;
  ++at;
  Skip(text, at, " ");
  const size_t middle = at;
  int second = ReadInt(text, at, 2);
  if (second < 0 && at == middle) second = MonthOf(ReadWord(text, at));
  if (second <= 0 || At(text, at) != separator) return std::nullopt;
  ++at;
  Skip(text, at, " ");
  const size_t last = at;
  const int third = ReadInt(text, at, 4);
  if (third < 0) return std::nullopt;
  const bool year_first = run_end - begin == 4;
  if (!year_first && at - last != 2 && at - last != 4) return std::nullopt;
  const bool is_date = year_first ? IsDate(first, second, third) : IsDate(FullYear(third, at - last), second, first);
  return is_date ? std::optional(at) : std::nullopt;
}

// 12 March 1985, 12. März 1985, 12th of March, 1985.
std::optional<size_t> WrittenDateEnd(std::string_view text, size_t begin) {
  size_t at = begin;
  const int day = ReadInt(text, at, 2);
  for (const std::string_view ending : {"st", "nd", "rd", "th", "er", "."}) {
    if (StartsIgnoringCase(text.substr(at), ending)) {
      at += ending.size();
      break;
    }
  }
  Skip(text, at, " ");
  std::string_view word = ReadWord(text, at);
  if (EqualIgnoringCase(word, "of") || EqualIgnoringCase(word, "de")) {
    Skip(text, at, " ");
    word = ReadWord(text, at);
  }
  const int month = MonthOf(word);
  Skip(text, at, ", .");
  if (StartsIgnoringCase(text.substr(at), "de ")) at += 3;
  const int year = ReadInt(text, at, 4);
  return month > 0 && IsBirthDate(year, month, day) ? std::optional(at) : std::nullopt;
}

// March 12, 1985: the anchor is the day.
std::optional<Finding> MonthFirst(std::string_view text, size_t day_begin) {
  size_t begin = day_begin;
  if (At(text, begin - 1) != ' ') return std::nullopt;
  --begin;
  while (begin > 0 && (IsLetter(text[begin - 1]) || text[begin - 1] == '.')) --begin;
  const int month = MonthOf(text.substr(begin, day_begin - 1 - begin));
  size_t at = day_begin;
  const int day = ReadInt(text, at, 2);
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (StartsIgnoringCase(text.substr(at), ending)) at += 2;
  }
  Skip(text, at, ", ");
  const int year = ReadInt(text, at, 4);
  if (month == 0 || !IsBirthDate(year, month, day)) return std::nullopt;
  return Finding{begin, at, Detector::kBirthDate};
}

// A date near a word that says it is somebody's. The words are the anchors, since dates are everywhere; where the name
// of the field says it, every number may begin one.
class BirthDate final : public Rule {
 public:
  Anchors anchors() const override {
    return {.any_case_literals = {"birth", "dob", "born", "geb", "naissance", "nacimiento", "nascita", "nascimento",
                                  "nato il"},
            .digit_runs = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8};
  }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    if (IsDigit(text[candidate.begin])) {
      if ((candidate.key_hints & Bit(Hint::kBirth)) != 0) ConfirmAt(candidate, candidate.begin, findings);
      return;
    }
    for (size_t at = candidate.end; at < text.size() && at - candidate.end < kReach && text[at] != '\n'; ++at) {
      if (IsDigit(text[at]) && BeginsWord(text, at) && ConfirmAt(candidate, at, findings)) return;
    }
  }

 private:
  static constexpr size_t kReach = 40;

  static bool ConfirmAt(const Candidate& candidate, size_t begin, Findings& findings) {
    const std::string_view text = candidate.text;
    size_t run_end = begin;
    while (IsDigit(At(text, run_end))) ++run_end;
    Finding finding{begin, 0, Detector::kBirthDate};
    if (const auto end = NumericDateEnd(text, begin, run_end)) finding.end = *end;
    if (finding.end == 0 && run_end - begin <= 2) {
      if (const auto end = WrittenDateEnd(text, begin)) finding.end = *end;
      if (finding.end == 0) {
        if (const auto found = MonthFirst(text, begin)) finding = *found;
      }
    }
    if (finding.end == 0 || IsDigit(At(text, finding.end)) || IsPointInTime(text, finding.end)) return false;
    if ((HintsBefore(candidate, finding.begin) & Bit(Hint::kBirth)) == 0) return false;
    findings.push_back(finding);
    return true;
  }

  // Nobody is born by the second: when something happened is no date of birth.
  static bool IsPointInTime(std::string_view text, size_t at) {
    if (At(text, at) != 'T' && At(text, at) != ' ') return false;
    const std::string_view time = text.substr(at + 1, 5);
    return time.size() == 5 && IsDigit(time[0]) && IsDigit(time[1]) && time[2] == ':' && time != "00:00";
  }
};

}  // namespace

RulePtr BirthDateRule() { return std::make_unique<BirthDate>(); }

}  // namespace clew::privacy::detect
