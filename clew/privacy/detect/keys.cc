// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/detect/keys.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "clew/privacy/detect/chars.h"

namespace clew::privacy::detect {
namespace {

// All lists are sorted.
constexpr auto kWords = std::to_array<std::string_view>(
    {"apikey",     "apitoken",    "auth",      "authorization", "awsaccesskeyid", "bearer",    "cookie",  "cookies",
     "credential", "credentials", "cvc",       "cvv",           "jsessionid",     "jwt",       "otp",     "pass",
     "passcode",   "passphrase",  "passwd",    "password",      "passwort",       "phpsessid", "pin",     "psk",
     "psw",        "pw",          "pwd",       "secret",        "secrets",        "sessid",    "session", "sessionid",
     "sid",        "sig",         "signature", "token"});
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kPairs = {{{"access", "key"},
                                                                                   {"account", "key"},
                                                                                   {"api", "key"},
                                                                                   {"encryption", "key"},
                                                                                   {"master", "key"},
                                                                                   {"private", "key"},
                                                                                   {"shared", "key"},
                                                                                   {"signing", "key"},
                                                                                   {"storage", "key"},
                                                                                   {"subscription", "key"}}};
// Names that were run together: dbpassword, authtoken.
constexpr std::array<std::string_view, 8> kEndings = {"accesskey",  "apikey", "passwd",    "password",
                                                      "privatekey", "secret", "sessionid", "token"};
// What is said about a secret, at the end of a name.
constexpr auto kAbout = std::to_array<std::string_view>(
    {"age",     "algorithm", "at",     "attempts", "changed", "class",    "count",    "created",  "duration",
     "enabled", "endpoint",  "exp",    "expired",  "expires", "expiry",   "field",    "file",     "format",
     "in",      "issuer",    "kind",   "len",      "length",  "lifetime", "limit",    "max",      "method",
     "min",     "mode",      "name",   "path",     "policy",  "protocol", "provider", "required", "reset",
     "scheme",  "size",      "source", "state",    "status",  "strength", "timeout",  "ttl",      "type",
     "updated", "uri",       "url",    "usage",    "used",    "valid",    "validity", "version"});
static_assert(std::ranges::is_sorted(kWords) && std::ranges::is_sorted(kPairs) && std::ranges::is_sorted(kAbout));

bool IsTellingWord(std::string_view word) {
  return std::ranges::binary_search(kWords, word) ||
         std::ranges::any_of(kEndings, [&](std::string_view ending) { return word.ends_with(ending); });
}

// The words of a key in lower case, one space between them: "accessToken", "APIKey" and "api_key" alike.
std::string WordsOf(std::string_view key) {
  std::string words;
  for (size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (!IsAlnum(c)) {
      if (!words.empty() && words.back() != ' ') words += ' ';
      continue;
    }
    // A capital begins a word after a small letter, or before one.
    const bool hump = IsUpper(c) && i > 0 && (IsLower(key[i - 1]) || (IsUpper(key[i - 1]) && IsLower(At(key, i + 1))));
    if (hump && !words.empty() && words.back() != ' ') words += ' ';
    words += Lower(c);
  }
  if (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

// Behind any names of what it is a part of: the whole, or what follows a word's end.
template <typename Names>
bool IsNameOrEnd(std::string_view words, const Names& names) {
  return std::ranges::any_of(names, [&](std::string_view name) {
    return words.ends_with(name) && (words.size() == name.size() || words[words.size() - name.size() - 1] == ' ');
  });
}

}  // namespace

OwnKeys::OwnKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    std::string words = WordsOf(key);
    if (words.empty()) continue;
    for (const std::string_view joining : {" ", "", "_", "-", "."}) {
      std::string spelling;
      for (const char c : words) {
        if (c == ' ') {
          spelling += joining;
        } else {
          spelling += c;
        }
      }
      if (std::ranges::find(spellings_, spelling) == spellings_.end()) spellings_.push_back(std::move(spelling));
    }
    names_.push_back(std::move(words));
  }
}

bool OwnKeys::Contains(std::string_view key) const { return !names_.empty() && IsNameOrEnd(WordsOf(key), names_); }

bool IsTellingKey(std::string_view key) {
  const std::string words = WordsOf(key);
  std::string_view previous;
  bool tells = false;
  std::string_view rest = words;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (rest.empty() && tells && std::ranges::binary_search(kAbout, word)) return false;
    tells |= IsTellingWord(word) || std::ranges::find(kPairs, std::pair(previous, word)) != kPairs.end();
    previous = word;
  }
  if (tells) return true;
  // AWSAccessKeyId has humps of its own; some write p_a_s_s_w_o_r_d.
  std::string letters = words;
  std::erase(letters, ' ');
  return IsTellingWord(letters);
}

bool IsPersonKey(std::string_view key) {
  static constexpr auto kNames = std::to_array<std::string_view>({"client address",
                                                                  "client ip",
                                                                  "client socket address",
                                                                  "clientip",
                                                                  "customer email",
                                                                  "customer name",
                                                                  "enduser",
                                                                  "enduser id",
                                                                  "family name",
                                                                  "first name",
                                                                  "firstname",
                                                                  "full name",
                                                                  "fullname",
                                                                  "given name",
                                                                  "last name",
                                                                  "lastname",
                                                                  "login name",
                                                                  "remote addr",
                                                                  "remote user",
                                                                  "surname",
                                                                  "user address",
                                                                  "user email",
                                                                  "user fullname",
                                                                  "user full name",
                                                                  "user id",
                                                                  "user login",
                                                                  "user name",
                                                                  "user phone",
                                                                  "userid",
                                                                  "username",
                                                                  "usr email",
                                                                  "usr id",
                                                                  "usr name",
                                                                  "x forwarded for",
                                                                  "x real ip",
                                                                  "net peer ip",
                                                                  "net sock peer addr",
                                                                  "http client ip"});
  static constexpr auto kWholeNames = std::to_array<std::string_view>({"login", "user"});
  const std::string words = WordsOf(key);
  // The accounts of programs.
  for (const std::string_view owner : {"db ", "process ", "host ", "os ", "container ", "k8s ", "messaging "}) {
    if (words.starts_with(owner)) return false;
  }
  return std::ranges::find(kWholeNames, std::string_view(words)) != kWholeNames.end() || IsNameOrEnd(words, kNames);
}

bool IsMachineKey(std::string_view key) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"container ip", "host ip", "host mac", "instance", "k8s node ip", "k8s pod ip", "net host ip", "net host name",
       "net sock host addr", "network local address", "node ip", "pod ip", "server address", "server socket address",
       "service instance id", "telemetry sdk version", "service version", "upstream addr"});
  return IsNameOrEnd(WordsOf(key), kNames);
}

}  // namespace clew::privacy::detect
