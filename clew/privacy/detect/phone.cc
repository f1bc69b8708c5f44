// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

// A number as people write it: groups with what stands between them.
struct Written {
  static constexpr size_t kMostGroups = 8;
  struct Group {
    size_t begin = 0;
    size_t size = 0;
    bool in_parentheses = false;
    char separator = '\0';  // what stands in front of it; the first of two
  };
  std::array<Group, kMostGroups> groups{};
  size_t count = 0;
  size_t digits = 0;
  size_t end = 0;

  std::span<const Group> all() const { return {groups.data(), count}; }
};

constexpr bool IsGap(char c) { return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')'; }

// From the group at `begin` on (an opening parenthesis in front of it counts as its own), at most `most` digits.
Written Read(std::string_view text, size_t begin, size_t most) {
  Written written;
  size_t at = begin;
  bool opened = At(text, begin - 1) == '(';
  char separator = '\0';
  while (written.count < Written::kMostGroups) {
    const size_t first = at;
    while (IsDigit(At(text, at))) ++at;
    const size_t size = at - first;
    if (size == 0 || written.digits + size > most) break;
    const bool closed = opened && At(text, at) == ')';
    written.groups[written.count++] = {first, size, closed, separator};
    written.digits += size;
    written.end = at + (closed ? 1 : 0);
    // One gap, or two where a parenthesis is one of them.
    size_t next = at;
    bool has_parenthesis = false;
    for (; next - at < 3 && IsGap(At(text, next)); ++next) has_parenthesis |= text[next] == '(' || text[next] == ')';
    if (next == at || (next - at > 1 && !has_parenthesis) || !IsDigit(At(text, next))) break;
    separator = text[at];
    opened = At(text, next - 1) == '(';
    at = next;
  }
  return written;
}

// Country codes (ITU-T E.164) with one, two and otherwise three digits.
size_t CountryCodeSize(std::string_view digits) {
  if (digits.starts_with('1') || digits.starts_with('7')) return 1;
  static constexpr auto kTwo = std::to_array<std::string_view>(
      {"20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
       "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
       "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98"});
  return std::ranges::find(kTwo, digits.substr(0, 2)) != kTwo.end() ? 2 : 3;
}

class Phone final : public Rule {
 public:
  Anchors anchors() const override { return {.digit_runs = DigitRuns(7, 15), .grouped_runs = DigitRuns(1, 6)}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    const size_t begin = candidate.begin;
    const char before = At(text, begin - 1);
    if (IsWordByte(before) || before == '.' || before == '#' || before == '$') return;
    Finding finding{begin, 0, Detector::kPhone};
    if (before == '+' || (before == '(' && At(text, begin - 2) == '+')) {
      finding.begin = begin - (before == '+' ? 1 : 2);
      finding.end = InternationalEnd(text, begin);
      // "(+49) 30 …": the parenthesis is opened before the sign.
      if (At(text, finding.begin - 1) == '(' && finding.end != 0 &&
          text.substr(finding.begin, finding.end - finding.begin).contains(')'))
        --finding.begin;
    } else if (text[begin] == '0' && At(text, begin + 1) == '0' && At(text, begin + 2) != '0') {
      finding.end = InternationalEnd(text, begin + 2);
      // Without gaps it is as good a number of anything.
      const bool is_bare = finding.end == candidate.end;
      if (is_bare && (HintsBefore(candidate, begin) & Bit(Hint::kPhone)) == 0) finding.end = 0;
    }
    if (finding.end == 0) {
      finding.begin = before == '(' ? begin - 1 : begin;
      finding.end = NationalEnd(candidate);
    }
    if (finding.end == 0 || !IsApart(text, finding.begin, finding.end)) return;
    finding.end = WithExtension(text, finding.end);
    findings.push_back(finding);
  }

 private:
  // Not a part of a longer word, number, path or date.
  static bool IsApart(std::string_view text, size_t begin, size_t end) {
    const char before = At(text, begin - 1);
    if (IsWordByte(before)) return false;
    if ((before == '-' || before == '/' || before == '+' || before == ',') && IsWordByte(At(text, begin - 2)))
      return false;
    const char after = At(text, end);
    const bool is_extension = (after == 'x' || after == 'X') && IsDigit(At(text, end + 1));
    if (is_extension) return true;
    if (IsWordByte(after) || (after == '-' && IsWordByte(At(text, end + 1)))) return false;
    return !((after == '.' || after == '-' || after == '/' || after == ':' || after == ',') &&
             IsDigit(At(text, end + 1)));
  }

  static size_t WithExtension(std::string_view text, size_t end) {
    for (const std::string_view word : {"x", " x", " ext. ", " ext.", " ext ", "ext", ";ext="}) {
      if (!StartsIgnoringCase(text.substr(end), word)) continue;
      size_t at = end + word.size();
      const size_t first = at;
      while (IsDigit(At(text, at)) && at - first < 6) ++at;
      if (at > first && EndsWord(text, at)) return at;
    }
    return end;
  }

  static size_t InternationalEnd(std::string_view text, size_t begin) {
    if (!IsDigit(At(text, begin)) || text[begin] == '0') return 0;
    const size_t code = CountryCodeSize(text.substr(begin));
    const Written written = Read(text, begin, code == 1 ? 11 : 15);
    if (code == 1 && text[begin] == '1') return written.digits == 11 ? written.end : 0;
    if (written.digits < code + 6) return 0;
    return written.end;
  }

  static size_t NationalEnd(const Candidate& candidate) {
    const std::string_view text = candidate.text;
    const Written written = Read(text, candidate.begin, 13);
    if (written.count == 0 || written.digits < 7 || !IsApart(text, candidate.begin, written.end) ||
        IsDate(text, written))
      return 0;
    const HintSet hints = HintsBefore(candidate, candidate.begin);
    const bool is_said = (hints & Bit(Hint::kPhone)) != 0;
    if (is_said && !IsSingleSmall(written)) return written.end;
    // A trunk prefix without gaps: 0612345678, 07700900123.
    const bool is_bare = written.count == 1 && (written.digits == 10 || written.digits == 11) &&
                         text[candidate.begin] == '0' && text[candidate.begin + 1] != '0' &&
                         text.substr(candidate.begin, 10) != "0123456789" && (hints & ~Bit(Hint::kPhone)) == 0;
    return is_bare || IsUsualForm(text, written) ? written.end : 0;
  }

  static bool IsSingleSmall(const Written& written) { return written.count == 1 && written.digits < 8; }

  static bool IsDate(std::string_view text, const Written& written) {
    if (written.count < 3) return false;
    const auto value = [&](size_t group) {
      int sum = 0;
      for (size_t i = 0; i < written.groups[group].size; ++i)
        sum = 10 * sum + (text[written.groups[group].begin + i] - '0');
      return sum;
    };
    const auto has = [&](std::initializer_list<size_t> sizes) {
      size_t i = 0;
      return std::ranges::all_of(sizes, [&](size_t size) { return written.groups[i++].size == size; });
    };
    if (has({4, 2, 2})) return IsBirthDate(value(0), value(1), value(2)) || value(1) <= 12;
    return has({2, 2, 4}) && (IsBirthDate(value(2), value(1), value(0)) || IsBirthDate(value(2), value(0), value(1)));
  }

  // Forms that are hardly anything but a telephone number.
  static bool IsUsualForm(std::string_view text, const Written& written) {
    const auto groups = written.all();
    const auto sizes = [&](std::initializer_list<size_t> wanted) {
      return std::ranges::equal(groups, wanted, {}, &Written::Group::size);
    };
    const auto first = [&](size_t group) { return text[groups[group].begin]; };
    const bool by_dots = written.count > 1 && groups[1].separator == '.';
    // North America: (555) 123-4567, 555-123-4567, 555.123.4567, 1-555-123-4567.
    const bool has_one = sizes({1, 3, 3, 4}) && first(0) == '1';
    if (sizes({3, 3, 4}) || has_one) {
      const size_t area = has_one ? 1 : 0;
      const bool is_marked = groups[area].in_parentheses || groups[area + 1].separator != ' ';
      const bool is_same =
          groups[area + 1].separator == groups[area + 2].separator || groups[area].in_parentheses || !by_dots;
      if (first(area) >= '2' && is_same && (is_marked || first(area + 1) >= '2')) return true;
    }
    // (11) 91234-5678 in Brazil; (020) 7946 0958 and its like elsewhere.
    if (groups[0].in_parentheses && written.digits >= 8 && written.count >= 2 && groups[0].size >= 2) return true;
    // A trunk prefix: 020 7946 0958, 0151 23456789, 01 23 45 67 89, 06-12345678.
    if (first(0) == '0' && At(text, groups[0].begin + 1) != '0' && written.count >= 2 && written.digits >= 8 &&
        groups[0].size >= 2 && groups[0].size <= 6 && !by_dots) {
      return true;
    }
    if (first(0) == '0' && by_dots && (sizes({2, 2, 2, 2, 2}) || sizes({2, 4, 4}))) return true;
    // Brazil without parentheses, 33 4748-5545; Russia, 8 508 477 11 59.
    if ((sizes({2, 4, 4}) || sizes({2, 5, 4})) && groups[1].separator == ' ' && groups[2].separator == '-') return true;
    if (sizes({1, 3, 3, 2, 2}) && first(0) == '8') return true;
    // India: 98765 43210.
    return sizes({5, 5}) && first(0) >= '6' && groups[1].separator != '.' && groups[1].separator != '/';
  }
};

}  // namespace

RulePtr PhoneRule() { return std::make_unique<Phone>(); }

}  // namespace clew::privacy::detect
