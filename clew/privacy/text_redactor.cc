// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/text_redactor.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

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

std::string OwnPseudonymKind(std::string_view rule_name) {
  return std::string(detect::kOwnKind) + std::string(rule_name);
}

TextRedactor::TextRedactor(std::shared_ptr<const RuleSet> rules, base::UnixNanos now)
    : rules_(std::move(rules)), pass_(rules_->scanner()), now_(now) {
  counts_.own.resize(rules_->own().rules().size());
}

std::string TextRedactor::PseudonymOf(std::string_view value, const detect::Finding& finding) const {
  if (finding.detector == Detector::kOwn) {
    return rules_->pseudonyms().Of(OwnPseudonymKind(rules_->NameOf(finding)), value, now_);
  }
  return rules_->pseudonyms().Of(PseudonymKind(finding.detector), Canonical(finding.detector, value), now_);
}

void TextRedactor::Count(const detect::Finding& finding) {
  ++(finding.detector == Detector::kOwn ? counts_.own[finding.own]
                                        : counts_.detectors[static_cast<size_t>(finding.detector)]);
}

void TextRedactor::AppendWhole(std::string_view value, const Found& found, std::string& out) {
  switch (found.action) {
    case Action::kKeep: out += value; break;
    case Action::kMask: out += detect::kRedacted; break;
    case Action::kPseudonym:
      out += found.finding.detector == Detector::kIp && rules_->policy().truncate_addresses
                 ? Truncated(value)
                 : PseudonymOf(value, found.finding);
      break;
    case Action::kDrop: break;
  }
}

void TextRedactor::AppendReplacement(std::string_view text, const Found& found, std::string& out) {
  const auto [begin, end, detector, own] = found.finding;
  const std::string_view quotes = NumberQuotes(text, begin, end);
  out += quotes;
  AppendWhole(text.substr(begin, end - begin), found, out);
  out += quotes;
}

const detect::Findings& TextRedactor::Find(std::string_view text, detect::HintSet key_hints,
                                           const std::vector<uint16_t>& own_of_key) {
  const detect::Findings& findings = pass_.Scan(text, key_hints);
  if (rules_->own().empty()) return findings;
  all_.clear();
  rules_->own().Find(text, own_of_key, all_);
  if (all_.empty()) return findings;
  // What an own rule keeps is kept from every detector; where only a part of a finding would be, it is not.
  const size_t own = all_.size();
  for (const detect::Finding& finding : findings) {
    const bool is_kept = std::any_of(all_.begin(), all_.begin() + own, [&](const detect::Finding& mine) {
      return rules_->ActionOf(mine) == Action::kKeep && mine.begin <= finding.begin && finding.end <= mine.end;
    });
    if (!is_kept) all_.push_back(finding);
  }
  std::erase_if(all_, [&](const detect::Finding& mine) {
    return rules_->ActionOf(mine) == Action::kKeep && std::ranges::any_of(all_, [&](const detect::Finding& other) {
             return rules_->ActionOf(other) != Action::kKeep && other.begin < mine.end && mine.begin < other.end;
           });
  });
  detect::Settle(all_);
  return all_;
}

bool TextRedactor::Redact(std::string_view text, detect::HintSet key_hints, const std::vector<uint16_t>& own_of_key,
                          std::string& redacted) {
  found_.clear();
  if (!RedactOnce(text, key_hints, own_of_key, redacted)) return false;
  // What was taken out was context of what stayed ("Bearer zoe@example.net"). It settles in two rounds; what does not
  // is made for that.
  static constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds && redacted.size() <= kMostGrowth * (text.size() + 1); ++round) {
    if (!RedactOnce(redacted, key_hints, own_of_key, next_)) return redacted != text;
    redacted.swap(next_);
  }
  redacted = detect::kRedacted;
  return redacted != text;
}

// Found are the findings of the first round.
bool TextRedactor::RedactOnce(std::string_view text, detect::HintSet key_hints, const std::vector<uint16_t>& own_of_key,
                              std::string& redacted) {
  const detect::Findings& findings = Find(text, key_hints, own_of_key);
  if (findings.empty()) return false;
  const bool is_first = found_.empty();
  redacted.clear();
  size_t done = 0;
  bool changes = false;
  for (const detect::Finding& finding : findings) {
    const Found found{finding, rules_->ActionOf(finding)};
    if (is_first) found_.push_back(found);
    if (found.action == Action::kKeep) continue;
    redacted += text.substr(done, finding.begin - done);
    AppendReplacement(text, found, redacted);
    done = finding.end;
    if (is_first) Count(finding);
    changes = true;
  }
  redacted += text.substr(done);
  return changes && redacted != text;
}

bool TextRedactor::RedactWhole(std::string_view value, Detector detector, std::string& redacted) {
  if (!rules_->Changes(detector) || detect::IsHarmless(value)) return false;
  const Found found{{0, value.size(), detector}, rules_->policy().of(detector)};
  redacted.clear();
  AppendWhole(value, found, redacted);
  Count(found.finding);
  return true;
}

bool TextRedactor::RedactSecret(std::string_view value, std::string& redacted) {
  // Whoever lets such values stay still has what is in them looked at.
  if (!rules_->Changes(Detector::kField)) return Redact(value, 0, redacted);
  return RedactWhole(value, Detector::kField, redacted);
}

bool TextRedactor::RedactPerson(std::string_view value, detect::HintSet key_hints, std::string& redacted) {
  if (IsLocal(value)) return false;
  const bool changes = Redact(value, key_hints, redacted);
  // What is known for what it is has the pseudonym that it has elsewhere.
  const bool is_known =
      !found_.empty() && found_.front().finding.begin == 0 && found_.front().finding.end == value.size();
  if (is_known || !rules_->Changes(Detector::kPerson)) return changes;
  return RedactWhole(value, Detector::kPerson, redacted);
}

bool TextRedactor::RedactOwn(std::string_view value, uint16_t rule, std::string& redacted) {
  const Found found{{0, value.size(), Detector::kOwn, rule}, rules_->policy().own_rules[rule].action};
  if (found.action == Action::kKeep || value.empty() || detect::IsTakenOut(value, 0, value.size())) return false;
  redacted.clear();
  AppendWhole(value, found, redacted);
  Count(found.finding);
  return true;
}

UrlRules TextRedactor::RulesOfUrls() {
  return {.is_secret = [this](std::string_view key) { return rules_->IsSecretKey(key); },
          .replace =
              [this](Detector detector, std::string_view value, std::string& out) {
                const Found found{{0, value.size(), detector}, rules_->policy().of(detector)};
                if (!rules_->Changes(detector) || value.empty() || value == detect::kRedacted ||
                    detect::IsPseudonym(value)) {
                  out += value;
                  return;
                }
                AppendWhole(value, found, out);
                Count(found.finding);
              }};
}

// The host of a URL that a service asks is a machine.
bool TextRedactor::RedactRest(std::string_view url, std::string rewritten, std::string& redacted) {
  if (!Redact(rewritten, detect::Bit(detect::Hint::kUrl), redacted)) redacted = std::move(rewritten);
  return redacted != url;
}

bool TextRedactor::RedactUrl(std::string_view url, std::string& redacted) {
  return RedactRest(url, privacy::RedactUrl(url, RulesOfUrls()), redacted);
}

bool TextRedactor::RedactQuery(std::string_view query, std::string& redacted) {
  return RedactRest(query, privacy::RedactQuery(query, RulesOfUrls()), redacted);
}

bool TextRedactor::RedactSql(std::string_view sql, SqlDialect dialect, std::string& redacted) {
  if (!rules_->Changes(Detector::kSql)) return Redact(sql, 0, redacted);
  std::string without = ReplaceSqlLiterals(sql, dialect);
  if (without != sql) Count({0, sql.size(), Detector::kSql});
  // Names that stay may be what an own rule is for.
  if (!rules_->own().look_everywhere() || !Redact(without, 0, redacted)) redacted = std::move(without);
  return redacted != sql;
}

}  // namespace clew::privacy
