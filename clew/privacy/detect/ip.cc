// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/rules.h"

namespace clew::privacy::detect {
namespace {

struct V4 {
  std::array<unsigned, 4> octets{};
  size_t end = 0;  // 0: none
};

V4 ReadV4(std::string_view text, size_t begin) {
  V4 address;
  size_t at = begin;
  for (size_t i = 0; i < 4; ++i) {
    if (i > 0 && At(text, at++) != '.') return {};
    const size_t first = at;
    while (IsDigit(At(text, at)) && at - first < 4)
      address.octets[i] = address.octets[i] * 10 + static_cast<unsigned>(text[at++] - '0');
    const size_t size = at - first;
    if (size == 0 || size > 3 || address.octets[i] > 255 || (size > 1 && text[first] == '0')) return {};
  }
  address.end = at;
  return address;
}

// Nobody's: this host, everybody, groups.
bool IsPlace(const V4& address) {
  const unsigned first = address.octets[0];
  return first != 0 && first != 127 && first < 224;
}

// Versions have four numbers too. They stand behind a name or a word that says so, and other parts may follow.
bool IsVersion(const Candidate& candidate, const V4& address) {
  const std::string_view text = candidate.text;
  const size_t begin = candidate.begin;
  const char before = At(text, begin - 1);
  const char before_that = At(text, begin - 2);
  if (IsWordByte(before) || before == '.' || before == '-' || before == '+' || before == '~' || before == '^')
    return true;
  // Chrome/1.2.3.4, unlike db/10.0.0.1:5432 of Java.
  if (before == '/' && IsWordByte(before_that) && !(At(text, address.end) == ':' && IsDigit(At(text, address.end + 1))))
    return true;
  if (before == '=' && (before_that == '=' || before_that == '>' || before_that == '<' || before_that == '~'))
    return true;
  const char after = At(text, address.end);
  if (IsWordByte(after) || after == '+' || after == '~') return true;
  if ((after == '.' || after == '-') && IsWordByte(At(text, address.end + 1))) return true;
  const HintSet hints = HintsBefore(candidate, begin);
  return (hints & (Bit(Hint::kVersion) | Bit(Hint::kMachine))) != 0;
}

bool IsAddressByte(char c) { return IsHex(c) || c == ':' || c == '.'; }

// Addresses that somebody may have: global, unique local and link local unicast, mapped IPv4, or all eight groups.
bool IsPlaceV6(const std::array<uint8_t, 16>& bytes, std::string_view written) {
  static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0) return true;
  const unsigned first = unsigned{bytes[0]} << 8 | bytes[1];
  const bool usual =
      (first >= 0x2000 && first < 0x4000) || (first & 0xfe00) == 0xfc00 || (first & 0xffc0) == 0xfe80 || first == 0x64;
  if (first >= 0xff00) return false;  // groups
  return usual ? written.find(':') >= 2 : !written.contains("::");
}

// Whether the colon before `begin` belongs to the same address, and not to a key ("ip:2001:db8::1").
bool IsWithin(std::string_view text, size_t begin) {
  if (text[begin - 1] != ':') return false;
  size_t key = begin - 1;
  while (key > 0 && IsHex(text[key - 1])) --key;
  return key == begin - 1 ? At(text, key - 1) == ':' : !IsWordByte(At(text, key - 1));
}

// The machine that a URL asks, behind "//" or a user.
bool IsHost(const Candidate& candidate, size_t begin) {
  if ((candidate.key_hints & Bit(Hint::kUrl)) == 0) return false;
  if (At(candidate.text, begin - 1) == '[') --begin;
  return At(candidate.text, begin - 1) == '@' || candidate.text.substr(0, begin).ends_with("//");
}

class Ip final : public Rule {
 public:
  Anchors anchors() const override { return {.characters = ":", .dotted_runs = DigitRuns(1, 3)}; }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    if (candidate.text[candidate.begin] == ':') return ConfirmV6(candidate, findings);
    if (At(candidate.text, candidate.end) != '.') return;
    const V4 address = ReadV4(candidate.text, candidate.begin);
    if (address.end == 0 || !IsPlace(address) || IsHost(candidate, candidate.begin) || IsVersion(candidate, address))
      return;
    findings.push_back({candidate.begin, address.end, Detector::kIp});
  }

 private:
  static void ConfirmV6(const Candidate& candidate, Findings& findings) {
    const std::string_view text = candidate.text;
    if (!IsHex(At(text, candidate.end)) && At(text, candidate.end) != ':') return;
    size_t begin = candidate.begin;
    while (begin > 0 && IsHex(text[begin - 1])) --begin;
    // Begun at the first colon only, and as a word.
    if (begin > 0 && (IsWordByte(text[begin - 1]) || text[begin - 1] == '.' || IsWithin(text, begin))) return;
    size_t end = candidate.end;
    while (IsAddressByte(At(text, end)) && end - begin < INET6_ADDRSTRLEN) ++end;
    while (end > begin && (text[end - 1] == '.' || (text[end - 1] == ':' && text[end - 2] != ':'))) --end;
    if (!EndsWord(text, end) || end - begin >= INET6_ADDRSTRLEN ||
        std::ranges::count(text.substr(begin, end - begin), ':') < 2)
      return;
    std::array<char, INET6_ADDRSTRLEN> written{};
    std::ranges::copy(text.substr(begin, end - begin), written.begin());
    std::array<uint8_t, 16> bytes{};
    if (inet_pton(AF_INET6, written.data(), bytes.data()) != 1 || !IsPlaceV6(bytes, written.data())) return;
    if (IsHost(candidate, begin) || (HintsBefore(candidate, begin) & Bit(Hint::kMachine)) != 0) return;
    findings.push_back({begin, end, Detector::kIp});
  }
};

}  // namespace

RulePtr IpRule() { return std::make_unique<Ip>(); }

}  // namespace clew::privacy::detect
