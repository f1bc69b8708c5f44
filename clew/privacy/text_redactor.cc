// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/text_redactor.h"

#include <arpa/inet.h>

#include <algorithm>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy {
namespace {

using detect::At;
using detect::Detector;

// The quotes that a JSON string would have where a bare number stands, as the key in front of it has them; empty where
// the value is none of JSON's numbers.
std::string_view NumberQuotes(std::string_view text, size_t begin, size_t end) {
  const auto last = [&](size_t at) {
    while (at > 0 && text[at - 1] == ' ') --at;
    return at;
  };
  size_t at = last(begin);
  if (at > 0 && text[at - 1] == '[') at = last(at - 1);
  if (at == 0 || text[at - 1] != ':') return {};
  at = last(at - 1);
  if (at == 0 || text[at - 1] != '"') return {};
  const char after = At(text, end);
  if (after != ',' && after != '}' && after != ']' && after != '\0' && !detect::IsSpace(after)) return {};
  size_t quote = at - 1;
  while (quote > 0 && text[quote - 1] == '\\') --quote;
  return text.substr(quote, at - quote);
}

struct Address {
  int family = AF_UNSPEC;
  std::array<uint8_t, 16> bytes{};
};
Address ParseAddress(std::string_view text) {
  Address address;
  const std::string written(text);
  if (inet_pton(AF_INET, written.c_str(), address.bytes.data()) == 1) {
    address.family = AF_INET;
  } else if (inet_pton(AF_INET6, written.c_str(), address.bytes.data()) == 1) {
    address.family = AF_INET6;
  }
  return address;
}
std::string WriteAddress(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
  return text.data();
}

std::string Truncated(std::string_view text) {
  Address address = ParseAddress(text);
  if (address.family == AF_UNSPEC) return std::string(detect::kRedacted);
  std::fill(address.bytes.begin() + (address.family == AF_INET ? 3 : 6), address.bytes.end(), uint8_t{0});
  return WriteAddress(address);
}

// The service's own machine speaks to itself.
bool IsLocal(std::string_view value) {
  return value == "localhost" || value == "::1" || value.starts_with("127.") || value == "unix:" || value == "0.0.0.0";
}

}  // namespace

std::string Canonical(Detector detector, std::string_view value) {
  std::string text;
  switch (detector) {
    case Detector::kEmail:
      for (size_t i = 0; i < value.size(); ++i) {
        const std::string_view rest = value.substr(i);
        // Escaped, as URLs and JSON have it.
        const size_t at_sign = rest.starts_with("%40") ? 3 : detect::StartsIgnoringCase(rest, "\\u0040") ? 6 : 0;
        text += at_sign == 0 ? detect::Lower(value[i]) : '@';
        if (at_sign != 0) i += at_sign - 1;
      }
      return text;
    case Detector::kPhone:
      std::ranges::copy_if(value, std::back_inserter(text), detect::IsDigit);
      return text.starts_with("00") ? text.substr(2) : text;
    case Detector::kMac:
      for (const char c : value) {
        if (detect::IsHex(c)) text += detect::Lower(c);
      }
      return text;
    case Detector::kIp: {
      const Address address = ParseAddress(value);
      return address.family == AF_UNSPEC ? std::string(value) : WriteAddress(address);
    }
    default: break;
  }
  if (detector == Detector::kPerson || detector == Detector::kField || detector == Detector::kSecret)
    return std::string(value);
  // Numbers of people and cards: without what groups them.
  for (const char c : value) {
    if (detect::IsWordByte(c)) text += detect::Lower(c);
  }
  return text;
}

std::string_view PseudonymKind(Detector detector) {
  return detector == Detector::kPerson ? "user" : detect::DetectorName(detector);
}

TextRedactor::TextRedactor(const detect::Scanner& scanner, const Policy& policy, const Pseudonyms& pseudonyms,
                           base::UnixNanos now)
    : pass_(scanner), policy_(policy), pseudonyms_(pseudonyms), now_(now) {}

std::string TextRedactor::PseudonymOf(std::string_view value, Detector detector) const {
  return pseudonyms_.Of(PseudonymKind(detector), Canonical(detector, value), now_);
}

void TextRedactor::AppendReplacement(std::string_view text, const Found& found, std::string& out) {
  const auto [begin, end, detector] = found.finding;
  const std::string_view value = text.substr(begin, end - begin);
  const std::string_view quotes = NumberQuotes(text, begin, end);
  out += quotes;
  if (found.action == Action::kMask) {
    out += detect::kRedacted;
  } else if (found.action == Action::kPseudonym) {
    out += detector == Detector::kIp && policy_.truncate_addresses ? Truncated(value) : PseudonymOf(value, detector);
  }
  out += quotes;
}

bool TextRedactor::Redact(std::string_view text, detect::HintSet key_hints, std::string& redacted) {
  found_.clear();
  if (!RedactOnce(text, key_hints, redacted)) return false;
  // What was taken out was context of what stayed ("Bearer zoe@example.net"). It settles in two rounds; what does not
  // is made for that.
  static constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds; ++round) {
    if (!RedactOnce(redacted, key_hints, next_)) return redacted != text;
    redacted.swap(next_);
  }
  redacted = detect::kRedacted;
  return true;
}

// Found are the findings of the first round.
bool TextRedactor::RedactOnce(std::string_view text, detect::HintSet key_hints, std::string& redacted) {
  const detect::Findings& findings = pass_.Scan(text, key_hints);
  if (findings.empty()) return false;
  const bool is_first = found_.empty();
  redacted.clear();
  size_t done = 0;
  bool changes = false;
  for (const detect::Finding& finding : findings) {
    const Found found{finding, policy_.of(finding.detector)};
    if (is_first) found_.push_back(found);
    if (found.action == Action::kKeep) continue;
    redacted += text.substr(done, finding.begin - done);
    AppendReplacement(text, found, redacted);
    done = finding.end;
    if (is_first) ++counts_[static_cast<size_t>(finding.detector)];
    changes = true;
  }
  redacted += text.substr(done);
  return changes && redacted != text;
}

bool TextRedactor::RedactWhole(std::string_view value, Detector detector, std::string& redacted) {
  const Action action = policy_.of(detector);
  if (action == Action::kKeep || detect::IsHarmless(value)) return false;
  redacted.clear();
  if (action == Action::kMask) redacted = detect::kRedacted;
  if (action == Action::kPseudonym) redacted = PseudonymOf(value, detector);
  ++counts_[static_cast<size_t>(detector)];
  return true;
}

bool TextRedactor::RedactSecret(std::string_view value, std::string& redacted) {
  return RedactWhole(value, Detector::kField, redacted);
}

bool TextRedactor::RedactPerson(std::string_view value, detect::HintSet key_hints, std::string& redacted) {
  if (IsLocal(value)) return false;
  const bool changes = Redact(value, key_hints, redacted);
  // What is known for what it is has the pseudonym that it has elsewhere.
  if (!found_.empty() && found_.front().finding.begin == 0 && found_.front().finding.end == value.size())
    return changes;
  return RedactWhole(value, Detector::kPerson, redacted);
}

}  // namespace clew::privacy
