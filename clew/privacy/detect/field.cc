// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "clew/privacy/detect/chars.h"
#include "clew/privacy/detect/checks.h"
#include "clew/privacy/detect/keys.h"
#include "clew/privacy/detect/rules.h"
#include "clew/privacy/detect/values.h"

namespace clew::privacy::detect {
namespace {

constexpr size_t kLongestKey = 64;
// Of a secret that only stands near its key.
constexpr size_t kLeastDrawn = 16;
constexpr size_t kLongestDrawn = 512;
// A value that long without a space is no prose.
constexpr size_t kLongestWord = 1024;

// Words that a key of interest holds. Short ones are looked for with what ends a key, since they stand in many words.
constexpr auto kLongWords = std::to_array<std::string_view>(
    {"password",       "passwd",        "passphrase",      "passcode",    "passwort",
     "secret",         "token",         "apikey",          "api_key",     "api-key",
     "api.key",        "api key",       "access_key",      "accesskey",   "access-key",
     "access key",     "privatekey",    "private_key",     "account_key", "accountkey",
     "encryption_key", "signing_key",   "shared_key",      "master_key",  "subscription-key",
     "authorization",  "credential",    "signature",       "session",     "sessid",
     "cookie",         "user",          "client_ip",       "clientip",    "client.address",
     "client_address", "remote_addr",   "first_name",      "firstname",   "last_name",
     "lastname",       "full_name",     "fullname",        "given_name",  "family_name",
     "surname",        "customer_name", "x-forwarded-for", "x-real-ip"});
constexpr auto kShortWords = std::to_array<std::string_view>(
    {"pwd", "pw", "pass", "psw", "pin", "cvv", "cvc", "otp", "sid", "sig", "auth", "jwt", "psk", "login"});
constexpr auto kKeyEnds = std::to_array<std::string_view>({"=", ":", "\"", "'", "\\", " =", " :", "]", "%5d"});

constexpr bool IsKeyByte(char c) { return IsWordByte(c) || c == '.' || c == '-' || c == '[' || c == ']'; }

// Backslashes and a quote, as a string's end has them within another string; empty where there is none.
std::string_view QuoteAt(std::string_view text, size_t at) {
  size_t end = at;
  while (At(text, end) == '\\' && end - at < 8) ++end;
  return IsQuote(At(text, end)) ? text.substr(at, end + 1 - at) : std::string_view();
}

struct Field {
  enum class Kind : uint8_t { kEquals, kQuotedKey, kColon };
  size_t key_begin = 0;
  std::string_view key;
  Kind kind = Kind::kEquals;
  bool has_spaces = false;  // before the separator
  size_t value = 0;
};

// The key around [begin, end), its separator, and where its value begins.
std::optional<Field> ReadField(std::string_view text, size_t begin, size_t end) {
  Field field;
  while (begin > 0 && end - begin < kLongestKey && IsKeyByte(text[begin - 1])) --begin;
  // What an escape wrote is no part of the name: \nuser, %26token.
  if (begin > 0 && text[begin - 1] == '\\' && std::string_view("nrt").contains(text[begin])) ++begin;
  if (begin > 0 && text[begin - 1] == '%' && IsHex(text[begin]) && IsHex(At(text, begin + 1))) begin += 2;
  while (end - begin < kLongestKey && IsKeyByte(At(text, end))) ++end;
  while (end > begin && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
  field.key_begin = begin;
  field.key = text.substr(begin, end - begin);
  size_t at = end;
  for (const std::string_view bracket : {"%5D", "%5d"}) {
    if (text.substr(at).starts_with(bracket)) at += bracket.size();
  }
  const std::string_view quote = QuoteAt(text, at);
  at += quote.size();
  const size_t gap = at;
  while (At(text, at) == ' ' && at - gap < 2) ++at;
  field.has_spaces = at > gap;
  const char separator = At(text, at);
  if (field.has_spaces && field.key.starts_with("--") && separator != '-' && separator != '=') {
    field.value = at;  // an option of a command line
    return field;
  }
  if (separator != '=' && separator != ':') return std::nullopt;
  field.kind = separator == '=' ? Field::Kind::kEquals : quote.empty() ? Field::Kind::kColon : Field::Kind::kQuotedKey;
  ++at;
  if (separator == '=' && At(text, at) == '>') {
    field.kind = Field::Kind::kQuotedKey;
    ++at;
  } else if (At(text, at) == separator) {
    return std::nullopt;  // a comparison, a scope
  }
  while (At(text, at) == ' ') ++at;
  field.value = at;
  return field;
}

struct ValueSpan {
  size_t begin = 0;
  size_t end = 0;
  bool is_quoted = false;
};

ValueSpan ReadValue(std::string_view text, size_t at) {
  const std::string_view quote = QuoteAt(text, at);
  if (!quote.empty()) {
    // To the same quote at the same depth of escapes, or of a string further out; a text may be cut off before.
    const size_t begin = at + quote.size();
    const size_t depth = quote.size() - 1;
    for (size_t end = begin; (end = text.find(quote.back(), end)) != std::string_view::npos; ++end) {
      size_t slashes = 0;
      while (end - slashes > begin && text[end - 1 - slashes] == '\\') ++slashes;
      if (slashes <= depth || (slashes - depth) % (2 * (depth + 1)) == 0)
        return {begin, end - std::min(slashes, depth), true};
    }
    return {begin, text.size(), true};
  }
  size_t end = at;
  while (end < text.size()) {
    const char c = text[end];
    if (IsSpace(c) || c == '&' || c == ';' || c == '<' || c == '>' || c == '|' || c == '(' || IsQuote(c) || c == '\\')
      break;
    if (c == ',' || c == '}' || c == ']' || c == ')') {
      // A part of the value, unless what separates fields or closes them follows.
      const char next = At(text, end + 1);
      if (c == ',' ? !IsAlnum(next) || text.substr(end + 1, kLongestKey).find_first_of("=:") <
                                           text.substr(end + 1, kLongestKey).find_first_of(" ,&")
                   : !IsAlnum(next))
        break;
    }
    ++end;
  }
  while (end > at && (text[end - 1] == '.' || text[end - 1] == ':') && end - at > 1) --end;
  return {at, end, false};
}

bool IsPasswordKey(std::string_view key) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower.contains("pass") || lower.contains("pwd") || lower.ends_with("pw") || lower.contains("pin");
}

// The values of keys that tell of a secret or of a person, in JSON, logfmt, query strings and forms, YAML and prose.
class FieldRuleImpl final : public Rule {
 public:
  FieldRuleImpl(OwnKeys secrets, OwnKeys persons) : secrets_(std::move(secrets)), persons_(std::move(persons)) {
    for (const std::string_view word : kShortWords) {
      for (const std::string_view end : kKeyEnds) short_words_.push_back(std::string(word) + std::string(end));
    }
  }

  Anchors anchors() const override {
    Anchors anchors;
    anchors.any_case_literals.assign(kLongWords.begin(), kLongWords.end());
    anchors.any_case_literals.insert(anchors.any_case_literals.end(), short_words_.begin(), short_words_.end());
    for (const OwnKeys* own : {&secrets_, &persons_}) {
      anchors.any_case_literals.insert(anchors.any_case_literals.end(), own->spellings().begin(),
                                       own->spellings().end());
    }
    return anchors;
  }

  void Confirm(const Candidate& candidate, Findings& findings) const override {
    const std::string_view text = candidate.text;
    size_t word_end = candidate.end;
    const bool is_own = candidate.literal >= kLongWords.size() + short_words_.size();
    if (candidate.literal >= kLongWords.size() && !is_own) {
      const size_t short_word = candidate.literal - kLongWords.size();
      word_end -= kKeyEnds[short_word % kKeyEnds.size()].size();
    }
    const auto field = ReadField(text, candidate.begin, word_end);
    if (!field) {
      if (candidate.literal < kLongWords.size()) ConfirmProse(candidate, findings);
      return;
    }
    if (secrets_.Contains(field->key) || IsTellingKey(field->key)) {
      ConfirmSecret(text, *field, findings);
    } else if (persons_.Contains(field->key) || IsPersonKey(field->key)) {
      ConfirmPerson(text, *field, findings);
    } else if (candidate.literal < kLongWords.size()) {
      ConfirmProse(candidate, findings);
    }
  }

 private:
  static Detector KindOf(std::string_view text, const Field& field) {
    const char before = At(text, field.key_begin - 1);
    return field.kind == Field::Kind::kEquals && (before == '?' || before == '&') ? Detector::kParameter
                                                                                  : Detector::kField;
  }

  static void ConfirmSecret(std::string_view text, const Field& field, Findings& findings) {
    size_t at = field.value;
    // "tokens": ["…", "…"]: each of them.
    if (At(text, at) == '[' && !QuoteAt(text, at + 1).empty()) {
      for (++at; !QuoteAt(text, at).empty();) {
        const ValueSpan value = ReadValue(text, at);
        Add(text, field, value, findings);
        at = value.end + QuoteAt(text, value.end).size();
        while (At(text, at) == ',' || At(text, at) == ' ') ++at;
      }
      return;
    }
    if (At(text, at) == '{' || At(text, at) == '[') return;  // its own fields tell
    ValueSpan value = ReadValue(text, at);
    // The scheme in front of credentials is none.
    if (const std::string_view written = text.substr(value.begin, value.end - value.begin);
        EqualIgnoringCase(written, "bearer") || EqualIgnoringCase(written, "basic") ||
        EqualIgnoringCase(written, "digest") || EqualIgnoringCase(written, "token")) {
      at = value.end;
      while (At(text, at) == ' ') ++at;
      const bool is_quoted = value.is_quoted;
      value = ReadValue(text, at);
      value.is_quoted = is_quoted;
    } else if (value.is_quoted) {
      for (const std::string_view scheme : {"bearer ", "basic ", "token "}) {
        if (StartsIgnoringCase(written, scheme)) value.begin += scheme.size();
      }
    }
    Add(text, field, value, findings);
  }

  static void Add(std::string_view text, const Field& field, const ValueSpan& value, Findings& findings) {
    const std::string_view written = text.substr(value.begin, value.end - value.begin);
    if (IsHarmless(written) || !IsSecretValue(text, field, value, written)) return;
    findings.push_back({value.begin, value.end, KindOf(text, field)});
  }

  static bool IsSecretValue(std::string_view text, const Field& field, const ValueSpan& value,
                            std::string_view written) {
    if (value.is_quoted) return true;
    const std::string_view last_word = field.key.substr(std::min(field.key.find_last_of("._-") + 1, field.key.size()));
    if (IsCode(written) || written == field.key || written == last_word) return false;
    // Counts and results: pass=3, token=0.
    const bool is_number = std::ranges::all_of(written, IsDigit);
    if (is_number && written.size() < 3) return false;
    // JSON has no words but its own.
    if (field.kind == Field::Kind::kQuotedKey) return is_number || LooksDrawn(written) || written[0] == '-';
    const bool is_option = field.key.starts_with("--");
    if (field.kind == Field::Kind::kEquals && (is_option || (!field.has_spaces && At(text, field.value - 1) == '='))) {
      return At(text, value.end) != '(';
    }
    // Code and prose: token = next(), Token: unexpected end.
    if (At(text, value.end) == '(') return false;
    if (written.size() >= kLongestWord) return true;
    if (LooksDrawn(written) && written.size() >= 4) return true;
    const bool ends_clause = value.end == text.size() || std::string_view("\r\n,;\"'}\\|").contains(text[value.end]);
    return ends_clause && field.kind == Field::Kind::kColon && IsPasswordKey(field.key) && written.size() >= 4;
  }

  static void ConfirmPerson(std::string_view text, const Field& field, Findings& findings) {
    if (At(text, field.value) == '{' || At(text, field.value) == '[') return;
    const bool is_short = field.key.size() <= 5;  // user, login: words of prose too
    if (field.kind == Field::Kind::kColon && is_short) return;
    if (field.kind == Field::Kind::kEquals && (field.has_spaces || At(text, field.value - 1) != '=')) return;
    const ValueSpan value = ReadValue(text, field.value);
    const std::string_view written = text.substr(value.begin, value.end - value.begin);
    if (IsHarmless(written) || At(text, value.end) == '(') return;
    if (!value.is_quoted && (IsCode(written) || written == field.key)) return;
    findings.push_back({value.begin, value.end, Detector::kPerson});
  }

  // "the API key is Zx9…", "token Zx9…": a secret near its key, told by how it looks.
  static void ConfirmProse(const Candidate& candidate, Findings& findings) {
    const std::string_view text = candidate.text;
    if (IsPersonKey(text.substr(candidate.begin, candidate.end - candidate.begin))) return;
    size_t at = candidate.end;
    while (IsWordByte(At(text, at)) && at - candidate.end < kLongestKey) ++at;
    const auto is_between = [](char c) {
      return c == ' ' || c == ':' || c == '=' || IsQuote(c) || c == '(' || c == '\\';
    };
    const auto is_secret_byte = [](char c) {
      return IsAlnum(c) || (c != '\0' && std::string_view("_-+/=.~").contains(c));
    };
    const bool is_password = IsPasswordKey(text.substr(candidate.begin, candidate.end - candidate.begin));
    bool said_before = false;
    for (int words = 0; words < 4; ++words) {
      while (is_between(At(text, at))) ++at;
      const size_t begin = at;
      while (is_secret_byte(At(text, at)) && at - begin < kLongestDrawn) ++at;
      while (at > begin && text[at - 1] == '.') --at;
      // Padding of base64 and no separator.
      size_t padded = at;
      while (At(text, padded) == '=') ++padded;
      if (!IsWordByte(At(text, padded)) && !IsQuote(At(text, padded))) at = padded;
      const std::string_view word = text.substr(begin, at - begin);
      if (word.empty()) return;
      if (word.size() >= kLeastDrawn && IsHighEntropy(word)) {
        findings.push_back({begin, at, Detector::kSecret});
        return;
      }
      // "password is hunter2", "password: 'hunter2'".
      const bool is_said = said_before && is_password && word.size() >= 5 && LooksDrawn(word);
      if (is_said) {
        findings.push_back({begin, at, Detector::kSecret});
        return;
      }
      said_before = word == "is" || word == "was" || word == "to";
      if (word.size() > 10 || At(text, at) != ' ') return;
    }
  }

  static bool IsHighEntropy(std::string_view word) {
    // A UUID, a path.
    const bool is_uuid = word.size() == 36 && word[8] == '-' && word[13] == '-' && word[18] == '-' && word[23] == '-';
    if (is_uuid || word.starts_with('/') || std::ranges::count(word, '/') > 3) return false;
    const auto digits = std::ranges::count_if(word, IsDigit);
    if (digits == 0 || std::ranges::none_of(word, IsLetter)) return false;
    const bool has_both_cases = std::ranges::any_of(word, IsUpper) && std::ranges::any_of(word, IsLower);
    return Entropy(word) >= (digits > 1 ? 3.0 : has_both_cases ? 3.5 : 9.0);
  }

  const OwnKeys secrets_;
  const OwnKeys persons_;
  std::vector<std::string> short_words_;
};

}  // namespace

RulePtr FieldRule(OwnKeys secrets, OwnKeys persons) {
  return std::make_unique<FieldRuleImpl>(std::move(secrets), std::move(persons));
}

}  // namespace clew::privacy::detect
